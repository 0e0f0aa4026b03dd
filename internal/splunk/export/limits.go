package export

// maxAnswer bounds what is read of an error, in bytes: it is a message or two.
const maxAnswer = 64 << 10
