package collect

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"path/filepath"

	"github.com/kubeanon/kubeanon/internal/collect/spool"
	"github.com/kubeanon/kubeanon/internal/collect/webhook"
	"github.com/kubeanon/kubeanon/internal/splunk/modinput"
	"github.com/kubeanon/kubeanon/internal/splunk/passwords"
)

func credentials(in modinput.Input) passwords.Store {
	return passwords.Store{URI: in.ServerURI, SessionKey: in.SessionKey, App: "kubeanon"}
}

// receive takes events from API servers into a spool, and from there to
// splunkd. At the end it answers what is under way and empties the spool.
func (c *collector) receive(ctx context.Context, in modinput.Input) error {
	hook := c.set.Webhook
	var config *tls.Config
	var err error
	if hook.TLS != nil {
		if config, err = hook.TLS.Config(); err != nil {
			return err
		}
	}
	token := ""
	if hook.Token != "" {
		if token, err = credentials(in).Get(ctx, hook.Token); err != nil {
			return err
		}
	}
	sum := sha256.Sum256([]byte(c.set.Name))
	return c.serve(ctx, config, token, filepath.Join(in.CheckpointDir, "spool-"+hex.EncodeToString(sum[:8])), nil)
}

// serve receives until the context ends. ready, if it is not nil, is told the
// spool and where it listens.
func (c *collector) serve(ctx context.Context, config *tls.Config, token, dir string, ready func(*spool.Spool, net.Addr)) error {
	hook := c.set.Webhook
	kept, err := spool.Open(dir, hook.SpoolSize, c.log.Warn)
	if err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", hook.Address)
	if err != nil {
		return errors.Join(err, kept.Release())
	}
	handler := &webhook.Handler{
		Path: hook.Path, Token: token, Warn: c.log.Warn,
		Keep:  func(cluster string, events [][]byte) error { return c.keep(kept, cluster, events) },
		Full:  func(err error) bool { return errors.Is(err, spool.ErrFull) },
		Ready: func() bool { return hook.hasRoom(kept) },
	}
	if ready != nil {
		ready(kept, l.Addr())
	}
	c.log.Info("receiving on %s, path %s", l.Addr(), hook.Path)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() {
		err := webhook.Serve(ctx, l, config, handler, finishing)
		served <- errors.Join(err, kept.Close()) // now the drain comes to its end
	}()
	err = c.drain(kept)
	cancel()
	return errors.Join(err, <-served, kept.Release())
}

// hasRoom reports whether the spool can take batches for a while yet.
func (w *Webhook) hasRoom(kept *spool.Spool) bool { return kept.Size() < w.SpoolSize*9/10 }

// keep puts the events of a request into the spool, behind the cluster that the
// request was posted for. What is refused comes again, and is counted then.
func (c *collector) keep(kept *spool.Spool, cluster string, events [][]byte) error {
	records := [][]byte{[]byte(cluster)}
	for _, ev := range events {
		if c.set.filter.passes(ev) {
			records = append(records, ev)
		}
	}
	if len(records) > 1 {
		if err := kept.Append(records); err != nil {
			return err
		}
	}
	c.seen.Add(int64(len(events)))
	c.left.Add(int64(len(events) - len(records) + 1))
	return nil
}

// drain brings what is in the spool to splunkd, until it is closed and empty.
func (c *collector) drain(kept *spool.Spool) error {
	for {
		records, done, err := kept.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		source := "webhook"
		if cluster := string(records[0]); cluster != "" {
			source += ":" + cluster
		}
		for _, ev := range records[1:] {
			c.send(ev, source)
		}
		if err := c.flush(); err != nil {
			return err
		}
		done()
	}
}
