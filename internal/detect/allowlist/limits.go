package allowlist

// maxEntries bounds the file: each finding is held against every entry.
const maxEntries = 10_000
