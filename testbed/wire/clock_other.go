//go:build !linux

package wire

import "time"

// Monotonic returns the clock that all processes of this machine share: here the wall clock at the call, continued by the runtime's
// monotonic clock and timers. Agents that are started while the wall clock is set disagree.
func Monotonic() Clock { return timers{time.Now().Add(-time.Duration(time.Now().UnixNano()))} }
