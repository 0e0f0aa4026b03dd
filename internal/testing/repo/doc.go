// Package repo holds no code of its own. Its tests check the whole repository
// against the rules of the house: who may import whom (layers_test.go), where
// things are defined and documented (house_test.go, docs_test.go), and what is
// linked (dependencies_test.go). ARCHITECTURE.md has the picture.
package repo
