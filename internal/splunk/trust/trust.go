// Package trust decides which certificate a Splunk has to show, and makes the
// HTTP client that insists on it.
package trust

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

// Client makes a client for one server, which is never sent anywhere else: the
// token or session key stays with it, and goes over plain HTTP only on this
// machine. caFile holds the certificates to trust beside those of the system, in
// PEM; without one, the certificate that Splunk makes for itself is trusted only
// where nobody can stand between: on this machine. The timeout is that of a request, 0 for none.
func Client(server, caFile string, timeout time.Duration) (*http.Client, error) {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is no address; write https://HOST:PORT", server)
	}
	if u.User != nil {
		// It would be in messages, and in the arguments of the process.
		return nil, fmt.Errorf("%s holds a user name or a password; leave them out, and name a file with the token", u.Redacted())
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	local := Local(u.Hostname())
	switch {
	case u.Scheme == "http" && !local:
		return nil, fmt.Errorf("%s would be sent the token in the clear; write https://%s", u.Redacted(), u.Host)
	case caFile != "":
		text, err := os.ReadFile(caFile)
		if err != nil {
			return nil, err
		}
		if config.RootCAs, err = x509.SystemCertPool(); err != nil {
			config.RootCAs = x509.NewCertPool()
		}
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", caFile)
		}
	case local:
		config.InsecureSkipVerify = true
	}
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute}
	if !local {
		transport.Proxy = http.ProxyFromEnvironment
	}
	return &http.Client{
		Timeout: timeout, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("it redirects, which Splunk does not") },
	}, nil
}

// Local reports whether a host is this machine by its name: localhost, or an
// address of the loopback.
func Local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
