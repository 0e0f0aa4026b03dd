package judge

// maxWord bounds each foreign word in a message, in bytes: an analyst reads
// it in one line, and an attacker may have written 17 kB of it.
const maxWord = 120
