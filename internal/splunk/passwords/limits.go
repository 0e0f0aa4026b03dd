package passwords

import "time"

const (
	// timeout bounds the request.
	timeout = 10 * time.Second

	// maxAnswer bounds what is read of splunkd's answer, which lists all secrets
	// of the app.
	maxAnswer = 8 << 20
)
