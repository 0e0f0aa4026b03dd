package e2e

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubeanon/kubeanon/internal/splunk/splunkd"
	"github.com/kubeanon/kubeanon/internal/testing/ledger"
)

// What "./build.sh e2e" has built.
var (
	apiserver = flag.String("apiserver", "", "the kube-apiserver")
	etcd      = flag.String("etcd", "", "its store")
	program   = flag.String("kubeanon", "", "kubeanon")
	keep      = flag.String("keep", "", "the folder in which the audit log and the ledger are kept, as FOLDER/kube-apiserver-NAME.*")
	manifests = flag.String("manifests", "", "docs/deploy/kubernetes/kubeanon.yaml")
	name      = flag.String("name", "", "the NAME of what is kept")
)

// include asks for all classes that are off by default.
const include = "rejected_401,impersonated_anonymous,anonymous_access_granted"

// TestLedger is the proof against the real thing.
func TestLedger(t *testing.T) {
	if *apiserver == "" || *etcd == "" || *program == "" || *manifests == "" {
		t.Fatal("run ./build.sh e2e, which builds an API server for this test")
	}
	c := newCluster(t, *etcd)
	file := startInput(t, c, "file", "source", "file://"+c.log())
	hook := startInput(t, c, "hook", "source", "https://"+c.webhook+"/audit",
		"cert_file", c.file("receiver.crt"), "key_file", c.file("receiver.key"), "client_ca_file", c.file("ca.crt"))
	c.start(*apiserver, "--anonymous-auth=true")
	var version struct{ GitVersion string }
	answer, err := io.ReadAll(c.ask(c.admin, http.MethodGet, "/version", "").Body)
	if err != nil || json.Unmarshal(answer, &version) != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	checkManifests(t, c, *manifests)
	setUp(t, c)
	setUpLab(t, c)
	stranger := newAuthority(t, t.TempDir(), "another-ca")
	f := &traffic{cluster: c, actors: map[string]tls.Certificate{
		"admin": c.admin, "alice": c.ca.issue("alice", "alice"), "stranger": stranger.issue("stranger", "kubernetes-admin", "system:masters"),
		"system:anonymous": c.ca.issue("name", "system:anonymous", "dev-team"), "System:Anonymous": c.ca.issue("case", "System:Anonymous"),
		"anonymous-masters": c.ca.issue("name-masters", "system:anonymous", "system:masters"),
		"bob":               c.ca.issue("bob", "bob", "system:unauthenticated"),
	}}
	f.send("closed", append(closed(), spelled()...))
	f.send("opening", opening())
	for _, phase := range []struct {
		name     string
		open     request
		granted  string // what nobody may do as soon as the binding has reached the authorizer
		requests []request
		path     string // of the binding
	}{
		{"open to readers", open(crbs, "ClusterRoleBinding", "e2e-reader", "e2e-reader", "Group", "system:unauthenticated"), `"verb":"list","resource":"secrets","namespace":"payments"`, reader(), crbs + "/e2e-reader"},
		{"open to writers", open(rbs, "RoleBinding", "e2e-writer", "e2e-writer", "User", "system:anonymous"), `"verb":"delete","resource":"pods","namespace":"web"`, writer(), rbs + "/e2e-writer"},
		{"open to administrators", open(crbs, "ClusterRoleBinding", "e2e-admin", "cluster-admin", "User", "system:anonymous"), `"verb":"delete","resource":"nodes"`, append(administrator(), impersonating()...), crbs + "/e2e-admin"},
		{"open to everything", open(crbs, "ClusterRoleBinding", "e2e-everything", "e2e-everything", "User", "system:anonymous"), `"verb":"delete","resource":"nodes"`, everything(), crbs + "/e2e-everything"},
		{"open to impersonators", open(crbs, "ClusterRoleBinding", "e2e-impersonator", "e2e-impersonator", "Group", "system:unauthenticated"), `"verb":"impersonate","resource":"users"`, impersonators(), crbs + "/e2e-impersonator"},
		{"open to administrators of a namespace", open(rbs, "RoleBinding", "e2e-namespace", "cluster-admin", "User", "system:anonymous"), `"verb":"delete","resource":"pods","namespace":"web"`, namespaceAdministrator(), rbs + "/e2e-namespace"},
	} {
		f.send(phase.name, []request{phase.open})
		waitFor(t, c, phase.granted, true)
		f.send(phase.name, phase.requests)
		f.send(phase.name, []request{closeAgain(phase.path)})
		waitFor(t, c, phase.granted, false)
	}
	widened(f)
	f.send("closed again", afterwards())
	c.stop()
	renewed := c.ca.issue("receiver", "kubeanon") // while the input runs
	c.put("authentication.yaml", "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\nanonymous:\n  enabled: true\n  conditions: [{path: /livez}, {path: /healthz}]\n")
	c.start(*apiserver, "--authentication-config", c.file("authentication.yaml"))
	f.send("restricted", restricted())
	if !bytes.Equal(c.presented(c.webhook), renewed.Certificate[0]) {
		t.Error("the webhook input still has the certificate from before its renewal")
	}
	c.stop()
	for _, wrong := range f.wrong {
		t.Errorf("the expectation does not hold: %s", wrong)
	}

	log, err := os.ReadFile(c.log())
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(log), "\n"), "\n")
	t.Logf("kube-apiserver %s: %d requests, %d events in the audit log", version.GitVersion, len(f.ledger), len(lines))
	sent := 0
	for _, line := range lines {
		if !c.unsent(line) {
			sent++
		}
	}
	fromFile, fromHook := file.stop(t, len(lines)), hook.stop(t, sent)
	hold := func(face string, found []ledger.Found) {
		d := ledger.Compare(f.ledger, found)
		t.Logf("%-42s %s", face, d.String())
		for what, differences := range map[string][]string{"missed": d.Missed, "extra": d.Extra, "judged otherwise": d.Wrong} {
			for _, line := range differences {
				t.Errorf("%s: %s: %s", face, what, line)
			}
		}
	}
	hold("scan, on the log", scan(t, c.log()))
	hold("search, on the log", search(t, lines))
	hold("file input, then search", search(t, fromFile))
	hold("webhook input, then search", search(t, fromHook))
	same(t, "the file input", lines, fromFile, func(string) bool { return false })
	same(t, "the webhook input", lines, fromHook, c.unsent)
	independent(t, f.ledger, lines)
	if *keep != "" && !t.Failed() {
		preserve(t, log, f.ledger)
	}
}

// setUp makes what the requests are about, as the administrator.
func setUp(t *testing.T, c *cluster) {
	t.Helper()
	make := func(method, path, body string) {
		t.Helper()
		answer := c.ask(c.admin, method, path, body)
		if answer.StatusCode >= 300 {
			text, _ := io.ReadAll(answer.Body) // for the message
			t.Fatalf("%s %s: %d %s", method, path, answer.StatusCode, text)
		}
	}
	object := func(path, kind, name, rest string) {
		t.Helper()
		version := "v1"
		if strings.HasPrefix(path, "/apis/") {
			version = strings.Join(strings.Split(path, "/")[2:4], "/")
		}
		make(http.MethodPost, path, fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"name":%q}%s}`, version, kind, name, rest))
	}
	for _, namespace := range []string{"web", "payments"} {
		object("/api/v1/namespaces", "Namespace", namespace, "")
	}
	object("/api/v1/nodes", "Node", "node-a", "")
	make(http.MethodPut, "/api/v1/nodes/node-a/status", fmt.Sprintf(`{"apiVersion":"v1","kind":"Node","metadata":{"name":"node-a"},"status":{"addresses":[{"type":"InternalIP","address":%q}],"daemonEndpoints":{"kubeletEndpoint":{"Port":%s}}}}`, c.kubelet.host, c.kubelet.port))
	object("/api/v1/namespaces/payments/secrets", "Secret", "card-api-key", `,"stringData":{"key":"value"}`)
	object("/api/v1/namespaces/web/serviceaccounts", "ServiceAccount", "builder", "")
	object("/api/v1/namespaces/web/pods", "Pod", "shell", `,"spec":{"nodeName":"node-a","containers":[{"name":"c","image":"registry.example/c"}]}`)
	object("/apis/rbac.authorization.k8s.io/v1/clusterroles", "ClusterRole", "e2e-reader", `,"rules":[{"apiGroups":[""],"resources":["pods","pods/log","configmaps","secrets"],"verbs":["get","list","watch"]},{"nonResourceURLs":["/api","/metrics"],"verbs":["get"]}]`)
	object("/apis/rbac.authorization.k8s.io/v1/clusterroles", "ClusterRole", "e2e-writer", `,"rules":[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}]`)
}

// waitFor waits until the authorizer knows what nobody may do or may not do any
// more; it learns of bindings a moment after they are written. It asks in the
// administrator's name, so that nothing anonymous comes of it.
func waitFor(t *testing.T, c *cluster, attributes string, allowed bool) {
	t.Helper()
	waitForAccess(t, c, `"resourceAttributes":{`+attributes+`}`, allowed)
}

// waitForPath waits until nobody may get a path, or may not any more.
func waitForPath(t *testing.T, c *cluster, path string, allowed bool) {
	t.Helper()
	waitForAccess(t, c, `"nonResourceAttributes":{"verb":"get","path":"`+path+`"}`, allowed)
}

func waitForAccess(t *testing.T, c *cluster, access string, allowed bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		var review struct{ Status struct{ Allowed bool } }
		answer := c.ask(c.admin, http.MethodPost, "/apis/authorization.k8s.io/v1/subjectaccessreviews",
			`{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{"user":"system:anonymous","groups":["system:unauthenticated"],`+access+`}}`)
		if err := json.NewDecoder(answer.Body).Decode(&review); err == nil && review.Status.Allowed == allowed {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: still not %v", access, allowed)
		}
	}
}

// scan is the command line.
func scan(t *testing.T, log string) []ledger.Found {
	t.Helper()
	cmd := exec.Command(*program, "scan", "--include", include, "--format", "ndjson", log)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, _ := cmd.Output() // it exits with 1, since it finds something
	if code := cmd.ProcessState.ExitCode(); code != 1 || said.Len() > 0 {
		t.Errorf("scan ends with %d: %s", code, &said)
	}
	found, err := ledger.ReadFound(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// search is the search command, as splunkd runs it.
func search(t *testing.T, lines []string) (found []ledger.Found) {
	t.Helper()
	var input []splunkd.Row
	for _, line := range lines {
		input = append(input, splunkd.Row{"_raw": {line}})
	}
	rows, err := splunkd.Search(t.Context(), *program, *program, `input=raw include="`+include+`"`, []string{"_raw"}, input, 500)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		one := func(field string) string { return strings.Join(row[field], " ") }
		found = append(found, ledger.Found{
			AuditID: one("audit_id"), Stage: one("stage"), Class: one("anonymous_class"), Outcome: one("outcome"), Category: one("category"),
			Binding: one("rbac_binding"), SrcIP: one("src_ip"),
		})
	}
	return found
}

// input is the modular input with one stanza, and what splunkd reads of it.
type input struct {
	process *process
	mu      sync.Mutex
	events  []string
	ended   chan error // of the stream
}

// startInput starts an input, with the settings of its stanza in pairs.
func startInput(t *testing.T, c *cluster, stanza string, settings ...string) *input {
	t.Helper()
	in := &input{ended: make(chan error, 1)}
	var params strings.Builder
	for i := 0; i < len(settings); i += 2 {
		fmt.Fprintf(&params, `<param name="%s">%s</param>`, settings[i], settings[i+1])
	}
	cmd := exec.Command(*program)
	cmd.Stdin = strings.NewReader(fmt.Sprintf(`<input><server_host>e2e</server_host><server_uri>https://127.0.0.1:8089</server_uri><session_key>none</session_key><checkpoint_dir>%s</checkpoint_dir><configuration><stanza name="kubeanon://%s" app="kubeanon">%s</stanza></configuration></input>`,
		c.file("checkpoints"), stanza, &params))
	stream, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = write
	in.process = start(t, c.file(stanza+".out"), cmd)
	write.Close()
	go func() { in.ended <- in.read(stream) }()
	return in
}

// read reads the stream as splunkd does.
func (in *input) read(stream io.ReadCloser) error {
	defer stream.Close()
	d := xml.NewDecoder(stream)
	for {
		token, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		begin, ok := token.(xml.StartElement)
		if !ok || begin.Name.Local != "event" {
			continue
		}
		var event struct {
			Data string `xml:"data"`
		}
		if err := d.DecodeElement(&event, &begin); err != nil {
			return err
		}
		in.mu.Lock()
		in.events = append(in.events, event.Data)
		in.mu.Unlock()
	}
}

// stop waits until the input has all events, ends it, and gives what came.
func (in *input) stop(t *testing.T, events int) []string {
	t.Helper()
	for deadline := time.Now().Add(patience / 4); ; time.Sleep(50 * time.Millisecond) {
		in.mu.Lock()
		all := len(in.events) >= events
		in.mu.Unlock()
		if all || time.Now().After(deadline) {
			break // what is missing is told by the comparison
		}
	}
	in.process.stop(t)
	if err := <-in.ended; err != nil {
		t.Errorf("the stream of the input: %v", err)
	}
	if in.process.err != nil {
		t.Errorf("the input ends with %v: %s", in.process.err, in.process.tail())
	}
	return in.events
}

// same wants exactly the events of the log, in any order and form: items of the
// webhook come without kind and apiVersion, and some may be absent.
func same(t *testing.T, face string, lines, collected []string, absent func(event string) bool) {
	t.Helper()
	form := func(texts []string) (all []string) {
		for _, text := range texts {
			var event map[string]any
			if err := json.Unmarshal([]byte(text), &event); err != nil {
				t.Errorf("%s: %v: %.200s", face, err, text)
				continue
			}
			delete(event, "kind")
			delete(event, "apiVersion")
			text, _ := json.Marshal(event) // it was JSON
			all = append(all, string(text))
		}
		slices.Sort(all)
		return all
	}
	want, got := form(lines), form(collected)
	came, unsent := len(got), 0
	for _, event := range want {
		if i, found := slices.BinarySearch(got, event); found {
			got = slices.Delete(got, i, i+1)
			continue
		}
		if absent(event) {
			unsent++
			continue
		}
		t.Errorf("%s lacks %.900s", face, event)
	}
	for _, event := range got {
		t.Errorf("%s has what is not in the log, or more often: %.900s", face, event)
	}
	t.Logf("%-42s %d of %d events of the log, and no others; %d were never sent, being the API server's own while it went down", face, came, len(want), unsent)
}

// independent counts by encoding/json which events of the log are anonymous: the
// ledger must know of each of them, and of no other.
func independent(t *testing.T, requests []ledger.Request, lines []string) {
	t.Helper()
	count := 0
	for _, line := range lines {
		var event struct {
			User struct {
				Username string
				Groups   []string
			}
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatal(err)
		}
		if event.User.Username == "system:anonymous" || slices.Contains(event.User.Groups, "system:unauthenticated") {
			count++
		}
	}
	expected := 0
	for _, r := range requests {
		for _, hit := range r.Hits {
			if slices.Contains([]string{"anonymous", "anonymous_user_only", "unauthenticated_group_only"}, hit.Class) {
				expected++
			}
		}
	}
	t.Logf("%-42s %d anonymous events in the log, %d in the ledger", "encoding/json", count, expected)
	if count != expected {
		t.Errorf("%d anonymous events in the log, but %d in the ledger", count, expected)
	}
}

// preserve keeps the log and the ledger, packed alike on every day.
func preserve(t *testing.T, log []byte, requests []ledger.Request) {
	t.Helper()
	var text bytes.Buffer
	if err := ledger.Write(&text, requests); err != nil {
		t.Fatal(err)
	}
	for suffix, content := range map[string][]byte{".ndjson.gz": log, ".ledger.ndjson.gz": text.Bytes()} {
		var packed bytes.Buffer
		w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // the level is right
		_, _ = w.Write(content)                                    // to memory
		_ = w.Close()
		if err := os.WriteFile(filepath.Join(*keep, "kube-apiserver-"+*name+suffix), packed.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
