package controller

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"hidp/testbed/control"
	"hidp/testbed/wire"
)

// Agents that are there describe themselves.
func TestDial(t *testing.T) {
	p := three(t)
	r := serve(t, p, nil, newFake("jetson-tx2"), newFake("jetson-nano"))
	a, err := Dial(t.Context(), r, Options{})
	require.NoError(t, err)
	require.Equal(t, "jetson-nano", a.About("jetson-nano").Name)
	require.Nil(t, a.About(p.Nodes[1].Name+"x"))
	require.NoError(t, a.Close())
}

// Every agent that cannot be used is named, with its address and what to do, all at once and in bounded time.
func TestDialFaults(t *testing.T) {
	p := three(t)
	old, other, deaf := newFake(p.Nodes[0].Name), newFake(p.Nodes[1].Name), newFake(p.Nodes[2].Name)
	old.about.Protocol, old.about.Version = control.Protocol+1, "v9"
	other.about.Name = "somebody"
	deaf.about.Boot = ""
	r := serve(t, p, nil, old, other, deaf)
	require.NoError(t, os.Remove(strings.TrimPrefix(r.Agents[2].Address, unixPrefix)))
	_, err := Dial(t.Context(), r, Options{})
	var failed *DialError
	require.ErrorAs(t, err, &failed)
	require.Len(t, failed.Faults, 3)
	require.ErrorContains(t, err, "node "+old.node+": the agent at "+r.Agents[0].Address+` (version "v9") speaks protocol 2, this program 1`)
	require.ErrorContains(t, err, "the agent at "+r.Agents[1].Address+" is node somebody")
	require.ErrorContains(t, err, "no agent answers at "+r.Agents[2].Address+" (no such file or directory): start one with hidp agent --listen "+r.Agents[2].Address)

	twin := newFake(p.Nodes[1].Name)
	twin.about.Boot, twin.about.Providers = p.Nodes[0].Name, nil
	r = serve(t, p, nil, newFake(p.Nodes[0].Name), twin)
	_, err = Dial(t.Context(), r, Options{})
	require.ErrorContains(t, err, "is the one of node "+p.Nodes[0].Name+" too")
	r.Agents[1].Clusters = []Cluster{{Name: "gpu", Provider: "cuda"}}
	_, err = Dial(t.Context(), r, Options{})
	require.ErrorContains(t, err, "cluster gpu is to compute with cuda")
}

// Something that listens and says nothing holds nobody up for long; neither does something that is no agent.
func TestDialStrangers(t *testing.T) {
	p := three(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	server := grpc.NewServer()
	strange, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go server.Serve(strange)
	defer server.Stop()
	r := &Roster{platform: p, Agents: []Entry{{Node: p.Nodes[0].Name, Address: listener.Addr().String()}, {Node: p.Nodes[1].Name, Address: strange.Addr().String()}}}
	_, err = Dial(t.Context(), r, Options{Connect: 800 * time.Millisecond})
	require.ErrorContains(t, err, "no agent answers at "+listener.Addr().String()+" in time")
	require.ErrorContains(t, err, "what answers at "+strange.Addr().String()+" is no agent of hidp")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Dial(ctx, r, Options{})
	require.ErrorContains(t, err, "interrupted")
}

// With TLS, the agent must be the node that the roster says, and both ends must have it.
func TestDialTLS(t *testing.T) {
	p := three(t)
	dir := filepath.Join(t.TempDir(), "certs")
	ca, err := wire.OpenAuthority(dir)
	require.NoError(t, err)
	for _, name := range []string{Name, p.Nodes[0].Name, p.Nodes[1].Name} {
		require.NoError(t, ca.Issue(name))
	}
	r := serve(t, p, []grpc.ServerOption{secured(t, dir, p.Nodes[0].Name)}, newFake(p.Nodes[0].Name))
	_, err = Dial(t.Context(), r, Options{})
	require.ErrorContains(t, err, "has it TLS where the agents file has")
	r.TLS = dir
	a, err := Dial(t.Context(), r, Options{})
	require.NoError(t, err)
	require.NoError(t, a.Close())
	r.Agents[0].Node = p.Nodes[1].Name
	_, err = Dial(t.Context(), r, Options{})
	require.ErrorContains(t, err, "certificate")
	plain := serve(t, p, []grpc.ServerOption{}, newFake(p.Nodes[0].Name))
	plain.TLS = dir
	_, err = Dial(t.Context(), plain, Options{})
	require.ErrorContains(t, err, "has it TLS where the agents file has")
}
