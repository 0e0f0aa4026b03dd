package passwords

import "time"

// timeout bounds the request: splunkd is on this machine as a rule.
const timeout = 10 * time.Second

// maxAnswer bounds what is read of splunkd's answer, in bytes: it holds every
// secret of the app, some kB each at the most.
const maxAnswer = 8 << 20
