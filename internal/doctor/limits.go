package doctor

import "time"

// patience bounds each question to a program or a server: who runs doctor waits
// for it.
const patience = 20 * time.Second

// What doctor calls too much.
const (
	// slow is how long a checkpoint may lag behind its log before somebody should
	// look.
	slow = 5 * time.Minute

	// crowded is how large a spool may be before somebody should look: some
	// seconds of a busy cluster.
	crowded = 16 << 20
)
