#!/usr/bin/env bash
# Builds kubeanon and packs it as a Splunk app. Run without arguments for the
# package of this machine; "./build.sh help" lists the rest.
set -euo pipefail
cd "$(dirname "$0")"

readonly app=kubeanon
# Linux first: its binary is what search heads and indexers run.
readonly platforms=(linux/amd64 linux/arm64 windows/amd64 darwin/amd64 darwin/arm64)
readonly golangci=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
readonly govulncheck=golang.org/x/vuln/cmd/govulncheck@v1.9.0

usage() {
	cat <<-END
		./build.sh                       the package of this machine in dist/, and bin/kubeanon
		./build.sh build                 only bin/kubeanon
		./build.sh package [os/arch ...] packages, reproducible byte for byte
		./build.sh release               packages for ${platforms[*]}, the Splunk Cloud variant,
				                 a CycloneDX list of what is linked into each, and SHA256SUMS
		./build.sh check                 format, vet, modules, lint, tests with the race detector, package
		./build.sh vulncheck [PACKAGE]   known vulnerabilities in what is called (default ./cmd/kubeanon); GOVULNDB names another database
		./build.sh fuzz [LENGTH]         every fuzz target; LENGTH is a time or a number of runs (default 50000x)
		./build.sh soak                  the tests of the input with ten times as much, and figures of what was lost;
				                 then the whole path through faults, SOAK_EVENTS events (default 200000) for each, and distributed searches
		./build.sh bench [-svg FILE]     against grep, jq, DuckDB and others; -svg also draws how the cost grows
		./build.sh dashboards            hold the dashboards against Splunk's schema and draw them into docs/
		./build.sh hecclient             hold the HTTP Event Collector of the tests against Splunk's client for Node.js
		./build.sh notices               the licences of all that is linked into this machine's package
		./build.sh report                render the HTML report of the recorded events into docs/
		./build.sh gobench               the Go benchmarks
		./build.sh e2e [v1.N ...]        against real API servers, which are built first: 23 minutes on two cores, and 2 where they are built
		./build.sh clean                 remove what the others made
	END
}

say() { printf '%s\n' "$*" >&2; }
die() { say "build.sh: $*"; exit 2; }

# The one place of the version is default/app.conf.
version() { sed -n '/^\[launcher\]/,/^\[/s/^version *= *//p' default/app.conf; }

# Packages carry the time of the last commit, so that the same source gives the
# same bytes.
epoch() { printf '%s' "${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 1700000000)}"; }

# compile OS ARCH FILE
compile() {
	CGO_ENABLED=0 GOOS=$1 GOARCH=$2 go build -trimpath -buildvcs=false \
		-ldflags "-s -w -X github.com/kubeanon/kubeanon/internal/version.Version=$(version)" \
		-o "$3" ./cmd/kubeanon || die "cmd/kubeanon does not compile for $1/$2"
}

build() {
	compile "$(go env GOOS)" "$(go env GOARCH)" "bin/$app$(go env GOEXE)"
	say "bin/$app$(go env GOEXE)"
}

# licences TITLE DIR writes the licence files of a folder; it fails if there are
# none.
licences() {
	local file any=
	for file in "$2"/LICENSE* "$2"/LICENCE* "$2"/COPYING* "$2"/NOTICE*; do
		[ -f "$file" ] || continue
		[ -n "$any" ] || printf '\n==== %s ====\n\n' "$1"
		cat "$file"
		any=1
	done
	[ -n "$any" ]
}

# notices [OS ARCH] writes the licences of all that is linked: those of the
# modules, and those of packages that a module has from somewhere else.
notices() {
	local os=${1:-$(go env GOOS)} arch=${2:-$(go env GOARCH)}
	printf 'kubeanon is linked with the modules below. Their licences follow.\n'
	licences "std $(go env GOVERSION)" "$(go env GOROOT)" || die "Go has no licence file"
	GOOS=$os GOARCH=$arch CGO_ENABLED=0 go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' ./cmd/kubeanon |
		LC_ALL=C sort -u | while read -r module version dir; do
		licences "$module $version" "$dir" || die "$module has no licence file"
	done
	GOOS=$os GOARCH=$arch CGO_ENABLED=0 go list -deps -f '{{with .Module}}{{if not .Main}}{{if ne $.Dir .Dir}}{{$.ImportPath}} {{$.Dir}}{{end}}{{end}}{{end}}' ./cmd/kubeanon |
		LC_ALL=C sort | while read -r package dir; do licences "$package" "$dir" || true; done
}

# stage OS ARCH DIR lays the app out as Splunk installs it.
stage() {
	local os=$1 arch=$2 dir=$3/$app exe=$app
	rm -rf "$3"
	mkdir -p "$dir/bin"
	cp -R app/. "$dir"
	cp -R default "$dir/default"
	cp LICENSE "$dir/LICENSE"
	if [ "$os" = windows ]; then
		# Without a filename Splunk tries the name of the command with .exe.
		exe=$app.exe
		sed '/^filename *=/d' default/commands.conf >"$dir/default/commands.conf"
	fi
	# In bin/, not in a folder of the platform: only bin/ goes to the indexers
	# with the knowledge bundle, and there the command has to run.
	compile "$os" "$arch" "$dir/bin/$exe"
	notices "$os" "$arch" >"$dir/THIRD-PARTY-NOTICES.txt"
	mkdir -p dist
	go run ./internal/testing/pack sbom "$dir/bin/$exe" "$app" "$(version)" "dist/$app-$(version)-${3##*/}.cdx.json"
	find "$dir" -type d -exec chmod 0755 {} +
	find "$dir" -type f -exec chmod 0644 {} +
	chmod 0755 "$dir/bin/$exe"
}

# pack DIR NAME
pack() {
	mkdir -p dist
	go run ./internal/testing/pack app "$1/$app" "dist/$2.spl" "$(epoch)"
	say "dist/$2.spl"
}

package() {
	[ $# -gt 0 ] || set -- "$(go env GOOS)/$(go env GOARCH)"
	local platform os arch
	for platform; do
		os=${platform%/*} arch=${platform#*/}
		[ "$os/$arch" = "$platform" ] || die "package $platform: write os/arch, such as linux/amd64"
		stage "$os" "$arch" "build/${os}_$arch"
		pack "build/${os}_$arch" "$app-$(version)-${os}_$arch"
	done
}

# Splunk Cloud vets binaries that would run on its indexers, so there the
# command stays on the search head and the bundle leaves the binary behind.
cloud() {
	stage linux amd64 build/cloud
	awk '{ print } /^command\.arg\.1 *=/ { print "command.arg.2 = --local" }' default/commands.conf >"build/cloud/$app/default/commands.conf"
	printf '[replicationDenylist]\nkubeanon_binary = apps[/\\\\]kubeanon[/\\\\]bin[/\\\\]kubeanon\n' >"build/cloud/$app/default/distsearch.conf"
	chmod 0644 "build/cloud/$app/default/distsearch.conf" "build/cloud/$app/default/commands.conf"
	pack build/cloud "$app-$(version)-cloud"
}

release() {
	rm -rf dist
	package "${platforms[@]}"
	cloud
	go run ./internal/testing/pack sums dist
}

check() {
	local unformatted
	unformatted=$(gofmt -l cmd internal)
	[ -z "$unformatted" ] || die "not formatted: $unformatted"
	go vet ./...
	go mod verify
	go mod tidy -diff
	go run "$golangci" run ./...
	go test -race ./...
	package
}

# The exit codes are govulncheck's: 3 for a vulnerable function that is called,
# 1 for any trouble of its own. Of that only a database that cannot be had is
# let pass, and never in silence.
vulncheck() {
	local status=0
	mkdir -p build
	GOBIN=$PWD/build go install "$govulncheck" || die "vulncheck: $govulncheck cannot be installed"
	"build/govulncheck$(go env GOEXE)" -db "${GOVULNDB:-https://vuln.go.dev}" "${1:-./cmd/kubeanon}" 2>build/vulncheck.log || status=$?
	cat build/vulncheck.log >&2
	case $status in
	0) ;;
	3) die "vulncheck: vulnerable functions are called, see above" ;;
	*)
		grep -qE '^(govulncheck: )?(creating client|fetching vulnerabilities):' build/vulncheck.log || die "vulncheck: govulncheck failed"
		say "NOT CHECKED: whether vulnerabilities are known; the database ${GOVULNDB:-https://vuln.go.dev} cannot be reached"
		;;
	esac
}

fuzz() {
	# By number rather than by time: with a time, go test now and then takes its
	# own end for a failure ("context deadline exceeded").
	local length=${1:-50000x} dir target
	grep -rl --include='*_test.go' '^func Fuzz' internal | xargs -n1 dirname | sort -u | while read -r dir; do
		sed -n 's/^func \(Fuzz[A-Za-z0-9]*\)(.*/\1/p' "$dir"/*_test.go | sort -u | while read -r target; do
			say "$dir $target"
			# Found inputs are minimized a few times only: a short run is for
			# finding, and the default may take all of its time.
			go test "./$dir" -run '^$' -fuzz "^$target\$" -fuzztime "$length" -fuzzminimizetime 5x </dev/null
		done
	done
}

soak() {
	KUBEANON_SOAK_LINES=200000 go test -race ./internal/collect/tail ./internal/collect ./internal/collect/spool ./internal/collect/webhook ./internal/collect/cloudwatch ./internal/command \
		-run 'Rotate|CopyTruncate|Kill|Receive|Room|Busy|Late|Clock|Full|Distributed|Previews|Rerun' -count "${SOAK_COUNT:-3}" -v -timeout 30m |
		grep -E '^(---|ok|FAIL)|lost|events a second|were kept|deaths'
	KUBEANON_SOAK_LINES=${SOAK_EVENTS:-200000} go test ./internal/collect -run 'TestSoak|FullDisk' -count 1 -v -timeout 60m |
		grep -E '^ *(---|ok|FAIL)|lost|MB of memory|NOT TESTED|_test.go'
}

# Splunk's npm packages and a headless Chromium; nothing of them is shipped.
dashboards() {
	command -v npm >/dev/null || die "dashboards: npm is not installed"
	local dir=build/dashboards
	mkdir -p "$dir" docs
	cp testdata/dashboards/* "$dir"
	[ -d "$dir/node_modules" ] || (cd "$dir" && npm install --ignore-scripts --legacy-peer-deps --no-fund --no-audit)
	local esbuild
	esbuild=$(find "$dir/node_modules/@esbuild" -name esbuild -type f | head -1)
	"$esbuild" "$dir/page.jsx" --bundle --format=iife --outfile="$dir/page.js" --log-level=error --loader:.js=jsx \
		--loader:.svg=dataurl --loader:.png=dataurl --loader:.woff=dataurl --loader:.woff2=dataurl --loader:.ttf=dataurl \
		--define:process.env.NODE_ENV='"production"' --define:global=window
	node "$dir/check.cjs" default/data/ui/views docs
}

hecclient() {
	command -v npm >/dev/null || die "hecclient: npm is not installed"
	local dir=build/splunk-logging
	mkdir -p "$dir"
	cp testdata/splunk-logging/* "$dir"
	[ -d "$dir/node_modules" ] || (cd "$dir" && npm install --ignore-scripts --no-fund --no-audit)
	KUBEANON_SPLUNK_LOGGING="$PWD/$dir" go test -count 1 ./internal/testing/fakehec
}

# The picture shows the top of the page; the page itself is in build/.
report() {
	local chromium
	chromium=$(command -v chromium chromium-browser google-chrome | head -1) || die "report: chromium is not installed"
	build
	mkdir -p build docs
	(cd testdata/audit && "../../bin/$app" scan --format html --output ../../build/report.html kube-apiserver-1.36.ndjson.gz) || [ $? = 1 ]
	"$chromium" --headless --no-sandbox --disable-gpu --hide-scrollbars --disable-background-networking --disable-component-update --disable-sync \
		--user-data-dir="$PWD/build/chromium" --window-size=1240,1450 --screenshot="$PWD/docs/report.png" "file://$PWD/build/report.html" 2>/dev/null
	say "docs/report.png, build/report.html"
}

# What the API servers are built of comes from the Go module proxy; Go's build
# cache keeps it. E2E_KEEP=FOLDER keeps the audit log and the ledger of each.
e2e() {
	local servers=internal/testing/e2e/server dir=$PWD/build/e2e version minor
	[ $# -gt 0 ] || set -- $(cd "$servers" && printf '%s\n' v1.* | sort -V)
	mkdir -p "$dir" "${E2E_KEEP:-$dir}"
	build
	say "etcd"
	(cd "$servers/etcd" && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$dir/etcd" go.etcd.io/etcd/server/v3)
	(cd internal/testing/e2e && go vet ./... && go test -c -o "$dir/e2e.test" .)
	for minor; do
		[ -d "$servers/$minor" ] || die "e2e: $minor is not in $servers"
		version=$(cd "$servers/$minor" && go list -m -f '{{.Version}}' k8s.io/kubernetes)
		say "kube-apiserver $version"
		(cd "$servers/$minor" && CGO_ENABLED=0 go build -trimpath -o "$dir/kube-apiserver-$minor" -ldflags "-s -w \
			-X k8s.io/component-base/version.gitVersion=$version -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=${minor#v1.}" \
			k8s.io/kubernetes/cmd/kube-apiserver)
		"$dir/e2e.test" -test.v -apiserver "$dir/kube-apiserver-$minor" -etcd "$dir/etcd" -kubeanon "$PWD/bin/$app" \
			-manifests "$PWD/docs/deploy/kubernetes/kubeanon.yaml" -keep "${E2E_KEEP:-$dir}" -name "${minor#v}"
	done
}

gobench() { go test ./internal/... -run '^$' -bench . -benchtime "${BENCHTIME:-1s}"; }

bench() {
	build
	go run ./internal/testing/bench "$@"
}

case ${1:-} in
"") build && package ;;
build | package | release | check | vulncheck | notices | fuzz | bench | gobench | dashboards | report | hecclient | soak | e2e) "$@" ;;
clean) rm -rf build dist bin/kubeanon bin/kubeanon.exe ;;
help | -h | --help) usage ;;
*) usage >&2; die "\"$1\" is no command" ;;
esac
