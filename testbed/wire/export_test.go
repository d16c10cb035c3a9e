package wire

// Crash ends a transport as the end of its process would.
func (t *TCP) Crash() { t.abandon() }
