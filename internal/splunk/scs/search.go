package scs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/splunk/splunk-cloud-sdk-go/services/search"

	"github.com/kubeanon/kubeanon/internal/retry"
)

// Search is what to look for.
type Search struct {
	Query, Earliest, Latest string
	Progress                func(percent, results int) // is told how far it is; may be nil
	Poll                    time.Duration              // how often a long job is looked at; 0 for each second
}

// Search runs a search and calls each with every row of its result, fields by
// name. When the context ends, the job is cancelled.
func (c *Client) Search(ctx context.Context, s Search, each func(map[string]any) error) (err error) {
	if s.Poll == 0 {
		s.Poll = time.Second
	}
	service, err := search.NewService(c.config(ctx))
	if err != nil {
		return err
	}
	parameters := &search.QueryParameters{}
	if s.Earliest != "" {
		parameters.Earliest = &s.Earliest
	}
	if s.Latest != "" {
		parameters.Latest = &s.Latest
	}
	all := false // fields that nobody asks for
	job, err := service.CreateJob(search.SearchJob{Query: s.Query, QueryParameters: parameters, ExtractAllFields: &all})
	if err != nil {
		return c.explain("creating the search", cmp.Or(ctx.Err(), err))
	}
	if job.Sid == nil || *job.Sid == "" {
		return errors.New("creating the search: the answer names no job")
	}
	defer func() {
		if ctx.Err() != nil {
			c.cancel(context.WithoutCancel(ctx), *job.Sid)
			err = ctx.Err()
		}
	}()
	if err := c.follow(ctx, service, *job.Sid, s); err != nil {
		return err
	}
	for offset := 0; ; {
		if offset > maxResults {
			return fmt.Errorf("the search has more than %d results; take a shorter time", maxResults)
		}
		query := search.ListResultsQueryParams{}.SetCount(pageSize).SetOffset(float32(offset))
		page, err := service.ListResults(*job.Sid, &query)
		if err != nil {
			return c.explain("reading results", cmp.Or(ctx.Err(), err))
		}
		for _, row := range page.Results {
			if err := each(row); err != nil {
				return err
			}
		}
		offset += len(page.Results)
		if len(page.Results) < pageSize {
			return nil
		}
	}
}

// cancel cancels a job.
func (c *Client) cancel(ctx context.Context, sid string) {
	ctx, stop := context.WithTimeout(ctx, cancelTimeout)
	defer stop()
	service, err := search.NewService(c.config(ctx))
	if err == nil {
		_, err = service.UpdateJob(sid, search.UpdateJob{Status: search.UpdateJobStatusCanceled})
	}
	if err != nil {
		c.transport.config.Warn("the job %s goes on: cancelling it: %v", sid, err)
	}
}

// follow returns when the job is done.
func (c *Client) follow(ctx context.Context, service *search.Service, sid string, s Search) error {
	for wait := min(s.Poll, firstPoll); ; wait = min(2*wait, s.Poll) { // short searches end soon
		job, err := service.GetJob(sid)
		if err != nil {
			return c.explain("following the search", cmp.Or(ctx.Err(), err))
		}
		if job.Status == nil {
			return errors.New("following the search: the answer has no status")
		}
		if s.Progress != nil {
			s.Progress(number(job.PercentComplete), number(job.ResultsAvailable))
		}
		switch *job.Status {
		case search.SearchStatusDone:
			return nil
		case search.SearchStatusFailed, search.SearchStatusCanceled:
			reasons := []string{string(*job.Status)}
			for _, m := range job.Messages {
				if m.Text != nil {
					reasons = append(reasons, *m.Text)
				}
			}
			return fmt.Errorf("the search %s", strings.Join(reasons, ": "))
		}
		if err := retry.Wait(ctx, wait); err != nil {
			return err
		}
	}
}

func number(n *int32) int {
	if n == nil {
		return 0
	}
	return int(*n)
}
