#!/usr/bin/env bash
# pin.sh VERSION, such as v1.37.2, writes the module of that API server: go.mod
# and go.sum in the folder of its minor version. Kubernetes requires its own parts by folders of its
# repository; the same parts are modules of their own, which stand in their place.
set -euo pipefail
cd "$(dirname "$0")"
version=${1:?which version, such as v1.37.2?}
minor=$(cut -d. -f1,2 <<<"$version")

upstream=$(go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/^[[:space:]]*"GoMod": "\(.*\)",*$/\1/p')
mkdir -p "$minor"
rm -f "$minor"/go.*
{
	printf '// The API server, Kubernetes %s. Made by ../pin.sh.\nmodule kubeanon.invalid/e2e/server\n\n' "$version"
	grep -E '^(go|godebug) ' "$upstream"
	printf '\ntool k8s.io/kubernetes/cmd/kube-apiserver\n\nrequire k8s.io/kubernetes %s\n\nreplace (\n' "$version"
	sed -nE "s#^[[:space:]]*(k8s\.io/[a-z-]+) => \./staging/.*#\t\1 => \1 v0${version#v1}#p" "$upstream"
	printf ')\n'
} >"$minor/go.mod"
cd "$minor"
go mod tidy
