package e2e

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// checkManifests sends the manifests of docs/deploy to the API server, with strict
// decoding and a dry run: it refuses a field that does not exist and a value that
// is not valid. Kinds of custom resources are not known here.
func checkManifests(t *testing.T, c *cluster, manifests string) {
	t.Helper()
	text, err := os.ReadFile(manifests)
	if err != nil {
		t.Fatal(err)
	}
	paths := map[string]string{
		"Namespace": "/api/v1/namespaces", "Service": "/api/v1/namespaces/audit/services", "StatefulSet": "/apis/apps/v1/namespaces/audit/statefulsets",
		"PodDisruptionBudget": "/apis/policy/v1/namespaces/audit/poddisruptionbudgets", "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/audit/networkpolicies",
	}
	// The others are of this namespace, which a dry run does not make.
	if answer := c.ask(c.admin, http.MethodPost, paths["Namespace"], `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"audit"}}`); answer.StatusCode != http.StatusCreated {
		t.Fatalf("the namespace: %d", answer.StatusCode)
	}
	objects := 0
	for d := yaml.NewDecoder(bytes.NewReader(text)); ; objects++ {
		var object yaml.Node
		if err := d.Decode(&object); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		var named struct {
			Kind     string
			Metadata struct{ Name string }
		}
		if err := object.Decode(&named); err != nil {
			t.Fatal(err)
		}
		if named.Kind == "Namespace" {
			setName(&object, "audit-again") // the name is taken by now
		}
		body, err := yaml.Marshal(&object)
		if err != nil {
			t.Fatal(err)
		}
		status, answer := c.send(t, paths[named.Kind]+"?fieldValidation=Strict&dryRun=All", "application/yaml", string(body))
		if status != http.StatusCreated {
			t.Errorf("%s %s: %d %.500s", named.Kind, named.Metadata.Name, status, answer)
		}
		// That a mistake is seen, on the same object.
		status, answer = c.send(t, paths[named.Kind]+"?fieldValidation=Strict&dryRun=All", "application/yaml", string(body)+"planted: 1\n")
		if status == http.StatusCreated || !strings.Contains(answer, "planted") {
			t.Errorf("%s %s with an unknown field: %d %.200s", named.Kind, named.Metadata.Name, status, answer)
		}
	}
	t.Logf("%-42s %d objects accepted, strictly decoded", "manifests of docs/deploy", objects)
	if objects < 6 {
		t.Errorf("only %d objects", objects)
	}
}

// setName sets metadata.name of a document.
func setName(document *yaml.Node, name string) {
	object := document.Content[0]
	for i := 0; i < len(object.Content); i += 2 {
		if object.Content[i].Value != "metadata" {
			continue
		}
		metadata := object.Content[i+1]
		for j := 0; j < len(metadata.Content); j += 2 {
			if metadata.Content[j].Value == "name" {
				metadata.Content[j+1].Value = name
			}
		}
	}
}

// send posts a body as the administrator and returns the answer.
func (c *cluster) send(t *testing.T, path, kind, body string) (status int, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+c.address+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	answer, err := c.client(c.admin).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	content, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<20)) // for a message
	return answer.StatusCode, string(content)
}
