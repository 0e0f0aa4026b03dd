package cli

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/kubeanon/kubeanon/internal/splunk/scs"
)

// cloudFlags are those of Splunk Cloud Services.
func cloudFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "tenant", Usage: "Splunk Cloud Services: `NAME` of the tenant"},
		&cli.StringFlag{Name: "client-id", Usage: "Splunk Cloud Services: `ID` of a service account"},
		&cli.StringFlag{Name: "client-secret-file", Usage: "Splunk Cloud Services: `FILE` with its secret"},
		&cli.StringFlag{Name: "auth-url", Usage: "Splunk Cloud Services: `URL` for its tokens", Value: "https://auth.scp.splunk.com/token"},
	}
}

// openCloud opens Splunk Cloud Services with a token, or as a service account.
func openCloud(ctx context.Context, c *cli.Context, url string, std stdio, warn func(string, ...any)) (*scs.Client, error) {
	if c.String("tenant") == "" {
		return nil, usageError("Splunk Cloud Services need --tenant")
	}
	config := scs.Config{
		URL: url, Tenant: c.String("tenant"), CAFile: c.String("ca-file"), ClientID: c.String("client-id"),
		AuthURL: c.String("auth-url"), OldPath: c.Bool("old-api"), Warn: warn,
	}
	var err error
	if config.ClientID != "" {
		if config.Secret, err = token(c, "client-secret-file", "client secret", std); err != nil {
			return nil, err
		}
	} else if config.Token, err = token(c, "token-file", "access token", std); err != nil {
		return nil, err
	}
	client, err := scs.Open(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("opening Splunk Cloud Services: %w", err)
	}
	return client, nil
}
