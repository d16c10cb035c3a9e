package emulate

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// signal sends a signal to the process and to no other that has got its id meanwhile: the descriptor is of one process, which is the
// right one if it still is after the descriptor was opened.
func (p Process) signal(sig syscall.Signal) {
	fd, err := unix.PidfdOpen(p.PID, 0)
	if err != nil {
		if err == unix.ENOSYS && p.Alive() { // before Linux 5.3
			_ = syscall.Kill(p.PID, sig)
		}
		return
	}
	defer unix.Close(fd)
	if p.Alive() {
		_ = unix.PidfdSendSignal(fd, sig, nil, 0) // whether it worked shows in that the process ends
	}
}
