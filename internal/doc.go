// Package internal holds no code of its own. Its tests hold the packages below to
// the rules of the house: who may import whom (layers_test.go), and where things
// stand and are told of (house_test.go). ARCHITECTURE.md has the picture.
package internal
