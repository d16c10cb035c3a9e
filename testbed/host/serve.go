package host

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"hidp/testbed/control"
	"hidp/testbed/wire"
)

// A controller that does not answer for pingAfter and pingFor is gone, and so is its session: within 5 s.
const (
	pingAfter = 2 * time.Second
	pingFor   = 2 * time.Second
	stopFor   = 2 * time.Second // that calls have to end in when the agent stops
)

// Listen opens a socket for Serve: "unix:PATH", which only its owner may use, or "host:port". The socket file of a process that is
// gone is replaced; that of one that listens is an error.
func Listen(addr string) (net.Listener, error) {
	path, unix := strings.CutPrefix(addr, "unix:")
	if !unix {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return nil, fmt.Errorf("host: %w", err)
		}
		return l, nil
	}
	if err := sweep(path); err != nil {
		return nil, err
	}
	old := syscall.Umask(0o177) // the file is nobody else's from the beginning
	l, err := net.Listen("unix", path)
	syscall.Umask(old)
	if err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	return l, nil
}

// sweep removes a socket file that nobody listens at.
func sweep(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	if info.Mode()&os.ModeSocket == 0 {
		return fmt.Errorf("host: %s exists and is no socket", path)
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		c.Close()
		return fmt.Errorf("host: at %s listens another process already", path)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("host: %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	return nil
}

// Serve answers calls at a listener, which it closes, until ctx ends; then it ends the session and waits for calls a little: the host
// serves no more. It does so with TLS if the agent has certificates; without, it refuses to listen anywhere but on this machine unless
// Insecure is set. A host may serve at several listeners.
func (h *Host) Serve(ctx context.Context, l net.Listener) error {
	options, err := h.serverOptions(l.Addr())
	if err != nil {
		l.Close()
		return err
	}
	server := grpc.NewServer(options...)
	control.RegisterAgentServer(server, h)
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		h.stop(server)
	})
	err = server.Serve(l)
	if !stop() {
		<-stopped
		err = nil
	}
	server.Stop()
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	return nil
}

// stop ends a server in order if that can be done soon.
func (h *Host) stop(server *grpc.Server) {
	h.end(errStopping)
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.GracefulStop()
	}()
	select {
	case <-done:
	case <-time.After(stopFor):
		server.Stop()
		<-done
	}
}

func (h *Host) serverOptions(addr net.Addr) ([]grpc.ServerOption, error) {
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(control.MaxMessage), grpc.MaxSendMsgSize(control.MaxMessage),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingAfter, Timeout: pingFor}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second / 2, PermitWithoutStream: true}),
		grpc.ConnectionTimeout(10 * time.Second), grpc.WaitForHandlers(true),
		grpc.UnaryInterceptor(h.guardUnary), grpc.StreamInterceptor(h.guardStream),
	}
	if h.options.TLSDir == "" {
		if tcp, is := addr.(*net.TCPAddr); is && !tcp.IP.IsLoopback() && !h.options.Insecure {
			return nil, fmt.Errorf("host: %s is not this machine's own address and there are no certificates: name their folder (--tls), or allow it (--insecure)", addr)
		}
		return options, nil
	}
	config, err := wire.LoadTLS(h.options.TLSDir, h.options.Name)
	if err != nil {
		return nil, err
	}
	config.VerifyConnection = onlyController
	return append(options, grpc.Creds(credentials.NewTLS(config))), nil
}

// onlyController refuses callers with other certificates than the controller's: those of agents are good for tensors only.
func onlyController(s tls.ConnectionState) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("host: a caller without a certificate")
	}
	if err := s.PeerCertificates[0].VerifyHostname(Controller); err != nil {
		return fmt.Errorf("host: only %s may call: %w", Controller, err)
	}
	return nil
}

func (h *Host) guardUnary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (reply any, err error) {
	defer h.survive(info.FullMethod, &err)
	return handle(ctx, request)
}

func (h *Host) guardStream(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) (err error) {
	defer h.survive(info.FullMethod, &err)
	return handle(server, stream)
}

// survive turns a panic into an error, which the caller and the log get.
func (h *Host) survive(doing string, err *error) {
	if p := recover(); p != nil {
		h.log.printf("%s: panic: %v\n%s", doing, p, debug.Stack())
		*err = status.Errorf(codes.Internal, "%s: the agent has a fault: %v", doing, p)
	}
}
