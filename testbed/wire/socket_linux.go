package wire

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// lowWater sets how many bytes must be there before a reader of the connection is woken; it reports whether that is possible.
func lowWater(raw syscall.RawConn, n int) bool {
	var failed error
	err := raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVLOWAT, n) })
	return err == nil && failed == nil
}

// rawConn returns what lowWater needs, nil if the connection is not plain TCP: under TLS the kernel's bytes are not the reader's.
func rawConn(c net.Conn) syscall.RawConn {
	if tcp, ok := c.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}
