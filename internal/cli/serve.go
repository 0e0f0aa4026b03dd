package cli

import (
	"context"
	"fmt"
	"net/url"

	"github.com/urfave/cli/v2"

	"github.com/kubeanon/kubeanon/internal/collect"
	"github.com/kubeanon/kubeanon/internal/collect/webhook"
	"github.com/kubeanon/kubeanon/internal/splunk/hec"
	"github.com/kubeanon/kubeanon/internal/splunk/modinput"
)

func serveCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "receive audit events from API servers and send them to Splunk's HTTP Event Collector",
		Description: "The webhook of the modular input as a service of its own: what it has answered is on the disk, and\n" +
			"reaches Splunk even if that is away for a while. Tokens come from files, never from the command line.\n\n" +
			"Examples:\n" +
			"   kubeanon serve --listen https://0.0.0.0:9443/audit \\\n" +
			"      --cert server.pem --key server.key --client-ca senders.pem \\\n" +
			"      --hec https://splunk:8088 --hec-token-file hec.token \\\n" +
			"      --spool /var/lib/kubeanon\n" +
			"   kubeanon serve --listen http://127.0.0.1:9080/audit \\\n" +
			"      --hec https://splunk:8088 --hec-token-file hec.token --spool spool",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "listen", Usage: "`URL` to listen on: scheme, address, port and path"},
			&cli.StringFlag{Name: "cert", Usage: "certificate `FILE` in PEM, for https"},
			&cli.StringFlag{Name: "key", Usage: "key `FILE` in PEM, for https"},
			&cli.StringFlag{Name: "client-ca", Usage: "`FILE` in PEM: senders need a certificate of this CA"},
			&cli.StringFlag{Name: "token-file", Usage: "`FILE` with the token that senders bear"},
			&cli.StringFlag{Name: "filter", Usage: "all, anonymous, or conditions such as \"verb!=get,list,watch\"", Value: "all"},
			&cli.StringFlag{Name: "spool", Usage: "`FOLDER` in which events are kept until Splunk has them"},
			&cli.Int64Flag{Name: "spool-mb", Usage: "keep at most `N` megabytes", Value: collect.DefaultSpoolMB},
			&cli.StringFlag{Name: "hec", Usage: "`URL` of the HTTP Event Collector, such as https://splunk:8088"},
			&cli.StringFlag{Name: "hec-token-file", Usage: "`FILE` with its token"},
			&cli.StringFlag{Name: "hec-ca", Usage: "`FILE` in PEM: the CA of its certificate"},
			&cli.StringFlag{Name: "index", Usage: "index of the events (default: that of the token)"},
			&cli.StringFlag{Name: "sourcetype", Usage: "sourcetype of the events", Value: "kube:audit"},
			&cli.StringFlag{Name: "metrics", Usage: "`ADDRESS:PORT` on which Prometheus may ask"},
		},
		Action: func(c *cli.Context) error { return runServe(c, std) },
	}
}

func runServe(c *cli.Context, std stdio) error {
	if c.NArg() > 0 {
		return usagef("serve takes no arguments, but got %q", c.Args().First())
	}
	for _, flag := range []string{"listen", "spool", "hec", "hec-token-file"} {
		if c.String(flag) == "" {
			return usagef("serve needs --%s (see kubeanon serve --help)", flag)
		}
	}
	u, err := url.Parse(c.String("hec"))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return usagef("--hec=%q is not valid; write https://HOST:PORT", c.String("hec"))
	}
	hecToken, err := secret(c, "hec-token-file")
	if err != nil {
		return err
	}
	hook, err := webhookOf(c)
	if err != nil {
		return err
	}
	filter, err := collect.ParseFilter(c.String("filter"))
	if err != nil {
		return usagef("--filter=%q: %v", c.String("filter"), err)
	}
	log := modinput.NewLog(std.Err)
	client := &hec.Client{Forever: true, URL: c.String("hec"), Token: hecToken, Index: c.String("index"), Sourcetype: c.String("sourcetype"), Warn: log.Warn}
	if err := client.Open(c.String("hec-ca")); err != nil {
		return usagef("--hec-ca: %v", err)
	}
	service, err := collect.NewService(hook, filter, client, c.String("metrics"), log)
	if err != nil {
		return usagef("--listen=%q: %v (flags: --cert, --key, --client-ca, --token-file, --spool-mb)", c.String("listen"), err)
	}
	ctx, stop := interruptible(c.Context)
	defer stop()
	if err := service.Run(ctx); err != nil {
		return fmt.Errorf("serve: %w", err) // a port, a disk or the network: not a mistake of the command line
	}
	return nil
}

// webhookOf reads the flags that say where and from whom to receive.
func webhookOf(c *cli.Context) (collect.Webhook, error) {
	token, err := secret(c, "token-file")
	if err != nil {
		return collect.Webhook{}, err
	}
	hook := collect.Webhook{
		URL:      c.String("listen"),
		TLS:      webhook.TLS{CertFile: c.String("cert"), KeyFile: c.String("key"), ClientCAFile: c.String("client-ca")},
		SpoolDir: c.String("spool"),
		SpoolMB:  c.Int64("spool-mb"),
	}
	if token != "" {
		hook.Token = func(context.Context) (string, error) { return token, nil }
	}
	return hook, nil
}
