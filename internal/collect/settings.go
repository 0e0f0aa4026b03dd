package collect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/kubeanon/kubeanon/internal/collect/cloudwatch"
	"github.com/kubeanon/kubeanon/internal/collect/webhook"
	"github.com/kubeanon/kubeanon/internal/splunk/modinput"
	"github.com/kubeanon/kubeanon/internal/splunk/trust"
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

// Settings are those of one stanza.
type Settings struct {
	Name    string // of the stanza, with its scheme
	FromEnd bool
	filter  *filter // nil for all

	// One of them is set.
	Glob    string // of files
	Webhook *Webhook
	Group   *cloudwatch.Group
}

// Webhook is an address to which API servers post.
type Webhook struct {
	Address   string // host:port to listen on
	Path      string
	TLS       *webhook.TLS // nil for http
	Token     string       // name of the credential; empty if none is needed
	SpoolSize int64        // in bytes
}

// Parse reads the settings of a stanza. The error names the setting, its value
// and what is allowed.
func Parse(s modinput.Stanza) (Settings, error) {
	set := Settings{Name: s.Name}
	for name := range s.Params {
		known := slices.Contains(implicit, name) || slices.ContainsFunc(Scheme.Args, func(a modinput.Arg) bool { return a.Name == name })
		if !known && !strings.HasPrefix(name, "_") {
			var names []string
			for _, a := range Scheme.Args {
				names = append(names, a.Name)
			}
			return set, fmt.Errorf("%s is no setting of this input; allowed: %s", name, strings.Join(names, ", "))
		}
	}
	kind, err := kindOf(s.Params["source"])
	if err != nil {
		return set, err
	}
	if err := kind.parse(&set, s.Params["source"], s.Params); err != nil {
		return set, err
	}
	if set.filter, err = parseFilter(s.Params["filter"]); err != nil {
		return set, err
	}
	switch v := s.Params["start_at"]; v {
	case "", "beginning":
	case "end":
		set.FromEnd = true
	default:
		return set, fmt.Errorf("start_at=%q is not valid; allowed: beginning, end", v)
	}
	return set, nil
}

// kind is a kind of source, known by the scheme of its address.
type kind struct {
	schemes []string
	example string
	// parse reads an address, and what belongs to it of the parameters, into
	// the field of Settings for this kind.
	parse func(set *Settings, source string, params map[string]string) error
}

// kinds lists them. What collects each is in collect, what tries each is in
// Validate; TestContract wants to see every one at work.
var kinds = []kind{
	{[]string{"file"}, "file:///var/log/kubernetes/audit.log", func(set *Settings, source string, _ map[string]string) (err error) {
		set.Glob, err = glob(source)
		return err
	}},
	{[]string{"https", "http"}, "https://0.0.0.0:9443/audit", func(set *Settings, source string, params map[string]string) (err error) {
		set.Webhook, err = receiver(source, params)
		return err
	}},
	{[]string{"cloudwatch"}, "cloudwatch://eu-west-1//aws/eks/prod/cluster", func(set *Settings, source string, params map[string]string) (err error) {
		set.Group, err = group(source, params)
		return err
	}},
}

// kindOf finds the kind of an address.
func kindOf(source string) (kind, error) {
	var examples []string
	for _, k := range kinds {
		if slices.ContainsFunc(k.schemes, func(scheme string) bool { return strings.HasPrefix(source, scheme+"://") }) {
			return k, nil
		}
		examples = append(examples, k.example)
	}
	last := len(examples) - 1
	allowed := "write " + strings.Join(examples[:last], ", ") + " or " + examples[last]
	if u, err := url.Parse(source); err == nil && u.Scheme != "" {
		return kind{}, fmt.Errorf("source=%q: %s:// is not supported; %s", source, u.Scheme, allowed)
	}
	return kind{}, fmt.Errorf("source=%q is not valid; %s", source, allowed)
}

// glob is the path of a file:// source.
func glob(source string) (string, error) {
	// Not by package url: a wildcard may be a question mark.
	path := strings.TrimPrefix(source, "file://")
	if len(path) > 2 && path[0] == '/' && path[2] == ':' { // file:///C:/...
		path = path[1:]
	}
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("source=%q: the path must be absolute, with three slashes: file:///var/log/kubernetes/audit.log", source)
	}
	if _, err := filepath.Match(path, ""); err != nil {
		return "", fmt.Errorf("source=%q: %w", source, err)
	}
	return filepath.Clean(path), nil
}

// receiver reads the settings of an http:// or https:// source.
func receiver(source string, params map[string]string) (hook *Webhook, err error) {
	u, err := url.Parse(source)
	if err != nil {
		return nil, fmt.Errorf("source=%q: %w", source, err)
	}
	host, port, err := net.SplitHostPort(u.Host)
	if err != nil || port == "" || u.Path == "" || u.Path == "/" || u.RawQuery != "" || u.User != nil {
		return nil, fmt.Errorf("source=%q is not valid; write an address, a port and a path, such as https://0.0.0.0:9443/audit", source)
	}
	hook = &Webhook{Address: u.Host, Path: strings.TrimRight(u.Path, "/"), Token: params["token"], SpoolSize: 512 << 20}
	if text := params["spool_mb"]; text != "" {
		mb, err := strconv.ParseInt(text, 10, 32)
		if err != nil || mb < 1 {
			return nil, fmt.Errorf("spool_mb=%q is not valid; write a number of megabytes from 1 on", text)
		}
		hook.SpoolSize = mb << 20
	}
	files := webhook.TLS{CertFile: params["cert_file"], KeyFile: params["key_file"], ClientCAFile: params["client_ca_file"]}
	switch {
	case u.Scheme == "http" && files != (webhook.TLS{}):
		return nil, errors.New("cert_file, key_file and client_ca_file are for https://, but source is http://")
	case u.Scheme == "https" && (files.CertFile == "" || files.KeyFile == ""):
		return nil, errors.New("https:// needs cert_file and key_file")
	case u.Scheme == "https":
		hook.TLS = &files
	}
	switch {
	case trust.Local(host) || files.ClientCAFile != "" || hook.Token != "" && u.Scheme == "https":
	case u.Scheme == "http":
		return nil, fmt.Errorf("source=%q would take events from anybody and show a token to everybody; use https:// with client_ca_file or token, or listen on 127.0.0.1", source)
	default:
		return nil, errors.New("who may send? Set client_ca_file or token, or listen on 127.0.0.1")
	}
	return hook, nil
}

// group reads the settings of a cloudwatch:// source.
func group(source string, params map[string]string) (g *cloudwatch.Group, err error) {
	g = &cloudwatch.Group{StreamPrefix: "kube-apiserver-audit-", RoleARN: params["role_arn"], ExternalID: params["external_id"], Endpoint: params["endpoint"]}
	if prefix, ok := params["stream_prefix"]; ok {
		g.StreamPrefix = prefix
	}
	if params["filter"] == "anonymous" {
		// Either word, wherever it stands: what AWS does not send need not be
		// indexed, and what it sends is looked at once more.
		g.Pattern = `?"system:anonymous" ?"system:unauthenticated"`
	}
	switch v := params["imds"]; v {
	case "", "1":
	case "0":
		g.NoIMDS = true
	default:
		return nil, fmt.Errorf("imds=%q is not valid; allowed: 0, 1", v)
	}
	g.Region, g.Name, err = cloudwatch.Parse(source)
	return g, err
}

// Validate reads the settings of a stanza and tries them: what it lets pass
// works now.
func Validate(ctx context.Context, in modinput.Input) error {
	set, err := Parse(in.Stanzas[0])
	if err != nil {
		return err
	}
	switch {
	case set.Webhook != nil:
		return set.Webhook.try(ctx, in)
	case set.Group != nil:
		ctx, cancel := context.WithTimeout(ctx, trying)
		defer cancel()
		c := cloudwatch.Collector{Group: *set.Group, State: &cloudwatch.State{}}
		if err := c.Open(ctx); err != nil {
			return err
		}
		return c.Try(ctx)
	}
	if set.Glob == "" {
		panic("BUG: nothing tries " + in.Stanzas[0].Params["source"])
	}
	files, err := filepath.Glob(set.Glob)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		if _, err := os.ReadDir(filepath.Dir(set.Glob)); err != nil && !strings.ContainsAny(filepath.Dir(set.Glob), "*?[") {
			return fmt.Errorf("source: no file matches, and its folder cannot be read: %w", err)
		}
		return nil // the file may come later
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			return fmt.Errorf("source: %w; the user that runs splunkd needs to read it (API servers write it with mode 0600)", err)
		}
		f.Close() // only read
	}
	return nil
}

// try listens for a moment, loads the certificates and reads the credential. An
// address that is in use may be so by this very input, which is being edited.
func (hook *Webhook) try(ctx context.Context, in modinput.Input) error {
	if hook.TLS != nil {
		if _, err := hook.TLS.Config(); err != nil {
			return err
		}
	}
	if hook.Token != "" {
		if _, err := credentials(in).Get(ctx, hook.Token); err != nil {
			return err
		}
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", hook.Address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	return l.Close()
}
