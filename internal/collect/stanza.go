package collect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/kubeanon/kubeanon/internal/collect/cloudwatch"
	"github.com/kubeanon/kubeanon/internal/collect/webhook"
	"github.com/kubeanon/kubeanon/internal/splunk/modinput"
	"github.com/kubeanon/kubeanon/internal/splunk/passwords"
)

// Scheme is what splunkd is told about the input.
var Scheme = modinput.Scheme{
	Title:              "Kubernetes audit events",
	Description:        "Collects the audit events of Kubernetes API servers, from their log files or as they post them, and loses none over rotations and restarts.",
	ExternalValidation: true,
	StreamingMode:      "xml",
	Args: []modinput.Arg{
		arg("source", "Source", "file:///var/log/kubernetes/audit.log; the path may hold wildcards. Or https://0.0.0.0:9443/audit: an address to which API servers post their events. Or cloudwatch://region//aws/eks/cluster/cluster: a log group of AWS.", true),
		arg("filter", "Filter", "all (default): every event. anonymous: only requests without a name, and what cannot be judged. Or conditions such as: verb!=get,list,watch user.username!=system:node:*", false),
		arg("start_at", "Start at", "Of files and log groups. beginning (default): what is there is read. end: only what is written from now on.", false),
		arg("cert_file", "Certificate", "Of https: a file in PEM. It may be renewed while the input runs.", false),
		arg("key_file", "Key", "Of https: the key of the certificate.", false),
		arg("client_ca_file", "CA of senders", "Of https: senders need a certificate of this CA.", false),
		arg("token", "Token", "The name of a credential in storage/passwords: senders need to bear it.", false),
		arg("spool_mb", "Spool", "How much is kept on disk while splunkd does not read. Default: 512", false),
		arg("stream_prefix", "Streams", "Of cloudwatch: only streams whose names begin so. Default: kube-apiserver-audit-", false),
		arg("role_arn", "Role", "Of cloudwatch: a role to assume.", false),
		arg("external_id", "External ID", "Of cloudwatch: what the role asks for.", false),
		arg("endpoint", "Endpoint", "Of cloudwatch: the address of a VPC endpoint.", false),
		arg("imds", "Metadata service", "Of cloudwatch: 1 (default) or 0: whether credentials may come from the metadata service of the machine.", false),
	},
}

func arg(name, title, description string, required bool) modinput.Arg {
	return modinput.Arg{Name: name, Title: title, Description: description, DataType: "string", RequiredOnCreate: required}
}

// implicit are the parameters that splunkd hands to every input.
var implicit = []string{"host", "index", "sourcetype", "interval", "disabled", "python.version", "python.required", "start_by_shell", "run_introspection"}

// stanza is one stanza while it is read: this file is the only place that knows
// its settings as strings.
type stanza struct {
	origin
	address string            // of the source
	params  map[string]string // all settings
	fromEnd bool
	in      modinput.Input // where secrets and checkpoints are
}

// scheme is a kind of source, known by the scheme of its address.
type scheme struct {
	names   []string
	example string
	// open makes the source of a stanza; the error names the setting.
	open func(stanza) (Source, error)
}

// schemes lists the sources. All that differs between them is behind Source;
// TestContract runs every one.
var schemes = []scheme{
	{[]string{"file"}, "file:///var/log/kubernetes/audit.log", openFiles},
	{[]string{"https", "http"}, "https://0.0.0.0:9443/audit", openReceiver},
	{[]string{"cloudwatch"}, "cloudwatch://eu-west-1//aws/eks/prod/cluster", openLogGroup},
}

// Parse reads the settings of a stanza. in says where secrets and checkpoints
// are, and log takes what the source reports when it runs. The error names the
// setting, its value and what is allowed.
func Parse(in modinput.Input, s modinput.Stanza, log *modinput.Log) (*Input, error) {
	for name := range s.Params {
		known := slices.Contains(implicit, name) || slices.ContainsFunc(Scheme.Args, func(a modinput.Arg) bool { return a.Name == name })
		if !known && !strings.HasPrefix(name, "_") {
			var names []string
			for _, a := range Scheme.Args {
				names = append(names, a.Name)
			}
			return nil, fmt.Errorf("%s is not a setting of this input; allowed: %s", name, strings.Join(names, ", "))
		}
	}
	set := stanza{address: s.Params["source"], params: s.Params, in: in}
	kind, err := schemeOf(set.address)
	if err != nil {
		return nil, err
	}
	switch v := s.Params["start_at"]; v {
	case "", "beginning":
	case "end":
		set.fromEnd = true
	default:
		return nil, fmt.Errorf("start_at=%q is not valid; allowed: beginning, end", v)
	}
	filter, err := ParseFilter(s.Params["filter"])
	if err != nil {
		return nil, fmt.Errorf("filter=%q: %w", s.Params["filter"], err)
	}
	set.origin = origin{name: s.Name, checkpoints: in.CheckpointDir, filter: filter, counts: &counters{}, log: log}
	source, err := kind.open(set)
	if err != nil {
		return nil, err
	}
	return &Input{Name: s.Name, Source: source, counts: set.counts, log: log}, nil
}

// schemeOf finds the scheme of an address.
func schemeOf(address string) (scheme, error) {
	var examples []string
	for _, s := range schemes {
		if slices.ContainsFunc(s.names, func(name string) bool { return strings.HasPrefix(address, name+"://") }) {
			return s, nil
		}
		examples = append(examples, s.example)
	}
	last := len(examples) - 1
	allowed := "write " + strings.Join(examples[:last], ", ") + " or " + examples[last]
	if u, err := url.Parse(address); err == nil && u.Scheme != "" {
		return scheme{}, fmt.Errorf("source=%q: %s:// is not supported; %s", address, u.Scheme, allowed)
	}
	return scheme{}, fmt.Errorf("source=%q is not valid; %s", address, allowed)
}

// openFiles reads the settings of a file:// source.
func openFiles(s stanza) (Source, error) {
	// Not by package url: a wildcard may be a question mark.
	path := strings.TrimPrefix(s.address, "file://")
	if len(path) > 2 && path[0] == '/' && path[2] == ':' { // file:///C:/...
		path = path[1:]
	}
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("source=%q: the path must be absolute, with three slashes: file:///var/log/kubernetes/audit.log", s.address)
	}
	if _, err := filepath.Match(path, ""); err != nil {
		return nil, fmt.Errorf("source=%q: %w", s.address, err)
	}
	return newFiles(s.origin, Files{Glob: filepath.Clean(path), FromEnd: s.fromEnd}), nil
}

// openReceiver reads the settings of an http:// or https:// source.
func openReceiver(s stanza) (Source, error) {
	sum := sha256.Sum256([]byte(s.name))
	hook := Webhook{
		URL:      s.address,
		TLS:      webhook.TLS{CertFile: s.params["cert_file"], KeyFile: s.params["key_file"], ClientCAFile: s.params["client_ca_file"]},
		SpoolDir: filepath.Join(s.checkpoints, "spool-"+hex.EncodeToString(sum[:8])),
		SpoolMB:  DefaultSpoolMB,
	}
	if name := s.params["token"]; name != "" {
		hook.Token = credential(s.in, name)
	}
	if text := s.params["spool_mb"]; text != "" {
		mb, err := strconv.ParseInt(text, 10, 32)
		if err != nil || mb < 1 {
			return nil, fmt.Errorf("spool_mb=%q is not valid; write a number of megabytes from 1 on", text)
		}
		hook.SpoolMB = mb
	}
	r, err := newReceiver(s.origin, hook)
	if err != nil {
		return nil, fmt.Errorf("source=%q: %w (settings: cert_file, key_file, client_ca_file, token)", s.address, err)
	}
	return r, nil
}

// credential reads a secret from splunkd's storage/passwords, by its name.
func credential(in modinput.Input, name string) Secret {
	store := passwords.Store{URI: in.ServerURI, SessionKey: in.SessionKey, App: "kubeanon"}
	return func(ctx context.Context) (string, error) { return store.Get(ctx, name) }
}

// openLogGroup reads the settings of a cloudwatch:// source.
func openLogGroup(s stanza) (Source, error) {
	set := LogGroup{FromEnd: s.fromEnd, Group: cloudwatch.Group{
		StreamPrefix: "kube-apiserver-audit-", RoleARN: s.params["role_arn"], ExternalID: s.params["external_id"], Endpoint: s.params["endpoint"],
	}}
	if prefix, ok := s.params["stream_prefix"]; ok {
		set.StreamPrefix = prefix
	}
	switch v := s.params["imds"]; v {
	case "", "1":
	case "0":
		set.NoIMDS = true
	default:
		return nil, fmt.Errorf("imds=%q is not valid; allowed: 0, 1", v)
	}
	var err error
	if set.Region, set.Name, err = cloudwatch.Parse(s.address); err != nil {
		return nil, err
	}
	return newLogGroup(s.origin, set), nil
}
