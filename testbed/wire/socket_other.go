//go:build !linux

package wire

import (
	"net"
	"syscall"
)

func lowWater(syscall.RawConn, int) bool { return false }

func rawConn(net.Conn) syscall.RawConn { return nil }
