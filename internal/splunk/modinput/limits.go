package modinput

// maxInput bounds what is read of standard input; real ones have a few kB.
const maxInput = 16 << 20

// maxMessage bounds a record: parts of it may come from outside.
const maxMessage = 1 << 10
