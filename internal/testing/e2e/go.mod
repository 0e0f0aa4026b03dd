// The end-to-end tests, apart from the product so that its module stays lean.
module github.com/kubeanon/kubeanon/internal/testing/e2e

go 1.26.0

require (
	github.com/kubeanon/kubeanon v0.0.0
	go.yaml.in/yaml/v3 v3.0.6
)

replace github.com/kubeanon/kubeanon => ../../..
