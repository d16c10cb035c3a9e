package deploy

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"hidp/testbed/control"
	"hidp/testbed/wire"
)

// ask asks an agent what it is, as the controller whose certificate is in the folder tls.
func ask(ctx context.Context, tls, node, address, version string) (*control.Description, error) {
	config, err := wire.LoadTLS(tls, ControllerName)
	if err != nil {
		return nil, err
	}
	config.ServerName = node
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(credentials.NewTLS(config)))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	d, err := control.NewAgentClient(conn).Describe(ctx, &control.DescribeRequest{Protocol: control.Protocol, Version: version})
	if err != nil {
		return nil, err
	}
	if d.Protocol != control.Protocol {
		return nil, fmt.Errorf("the agent speaks version %d of the protocol, this program %d", d.Protocol, control.Protocol)
	}
	if d.Name != "" && d.Name != node {
		return nil, fmt.Errorf("the agent at %s is %s, not %s", address, d.Name, node)
	}
	return d, nil
}

const (
	askEvery   = 200 * time.Millisecond
	askAtMost  = 2 * time.Second // a single call
	stateEvery = 5               // failed calls after which the board is asked whether the agent runs at all
)

// await waits until the agent answers, or until it is clear that it will not.
func (c *connection) await(ctx context.Context, b *Board, o Options, tls string) (*control.Description, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Patience)
	defer cancel()
	for n := 1; ; n++ {
		once, done := context.WithTimeout(ctx, askAtMost)
		d, err := ask(once, tls, b.Node, join(b.Address, b.port), o.Version)
		done()
		if err == nil {
			return d, nil
		}
		last := ctx.Err() != nil
		if last || n%stateEvery == 0 {
			state, stateErr := c.service(context.WithoutCancel(ctx), "state", b, b.Service, b.Node)
			switch {
			case stateErr == nil && state["running"] == "":
				return nil, fmt.Errorf("the agent has ended%s", because(state["log"]))
			case last:
				return nil, fmt.Errorf("the agent runs but does not answer at %s within %v (firewall? address of the board? %w)%s",
					join(b.Address, b.port), o.Patience, err, because(state["log"]))
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(askEvery):
		}
	}
}

// service starts, stops or asks for the agent of a node.
func (c *connection) service(ctx context.Context, action string, b *Board, s Service, node string) (facts, error) {
	return c.run(ctx, serviceScript, nil, action, string(s), b.Dir, unitName(node), b.unitsFolder(s))
}

// stop ends the agent that the last deployment started, and removes its unit.
func (c *connection) stop(ctx context.Context, b *Board) error {
	if err := b.checkMarker(); err != nil {
		return err
	}
	_, err := c.service(ctx, "stop", b, b.installed, b.installedNode)
	return err
}
