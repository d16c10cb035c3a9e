package deploy

import (
	"fmt"
	"strings"
)

// unitName is what the agent of a node is called for systemd.
func unitName(node string) string { return "hidp-agent-" + node + ".service" }

// arguments are those of the agent. None of them needs quoting: see checkPath and checkNode.
func (b *Board) arguments(h Host) []string {
	args := []string{"agent", "--name", b.Node, "--listen", b.listen(), "--dir", b.Dir + "/data", "--tls", b.Dir + "/tls"}
	switch h.ORT {
	case NoORT:
	case CopyORT:
		args = append(args, "--ort", b.Dir+"/"+libraryFile)
	default:
		args = append(args, "--ort", h.ORT)
	}
	return args
}

// listen is where the agent takes the controller's calls: on every interface, since the address by which the controller reaches the
// board may be another than its own (a name, port forwarding), and nobody without a certificate is answered.
func (b *Board) listen() string { return join("", b.port) }

// runScript starts the agent where there is no systemd.
func (b *Board) runScript(h Host) []byte {
	words := []string{"exec", quote(b.Dir + "/hidp")}
	for _, a := range b.arguments(h) {
		words = append(words, quote(a))
	}
	return []byte("#!/bin/sh\n# Written by hidp testbed deploy.\n" + strings.Join(words, " ") + "\n")
}

// unit is the agent's unit. Both kinds start it again when it fails, end it if it takes the memory that the board needs to be reached,
// and let it gain no privileges. Devices and /sys stay readable: GPUs (/dev/nvhost-*, /dev/nvmap), power monitors
// (/sys/bus/i2c/…/hwmon) and vcgencmd (/dev/vcio) are there. So there is no PrivateDevices=, no DevicePolicy=, and no ProtectClock=,
// which implies one (systemd.exec(5)). There is no MemoryDenyWriteExecute= because CUDA compiles at run time.
func (b *Board) unit(h Host) []byte {
	system := b.Service == System
	var s strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&s, format+"\n", args...) }
	line("# Written by hidp testbed deploy: it is replaced by the next deployment.")
	line("[Unit]\nDescription=hidp agent of node %s", b.Node)
	if system {
		line("Wants=network-online.target\nAfter=network-online.target")
	}
	line("StartLimitIntervalSec=60\nStartLimitBurst=5")
	line("\n[Service]\nType=simple")
	line("ExecStart=%s/hidp %s", b.Dir, strings.Join(b.arguments(h), " "))
	line("Restart=on-failure\nRestartSec=2\nTimeoutStopSec=15\nUMask=0077")
	line("LimitNOFILE=65536\nLimitCORE=0\nTasksMax=1024\nMemoryMax=90%%\nOOMScoreAdjust=500")
	line("NoNewPrivileges=yes\nLockPersonality=yes\nRestrictSUIDSGID=yes\nRestrictNamespaces=yes")
	line("RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\nSystemCallArchitectures=native")
	if system {
		// What follows needs a mount namespace, which a user's systemd may not be allowed to make (systemd.exec(5), Sandboxing).
		line("User=%s", b.User)
		line("ProtectSystem=strict\nProtectHome=read-only\nReadWritePaths=%s\nPrivateTmp=yes", b.Dir)
		line("ProtectKernelTunables=yes\nProtectKernelModules=yes\nProtectKernelLogs=yes\nProtectControlGroups=yes\nProtectHostname=yes")
		line("CapabilityBoundingSet=")
		line("\n[Install]\nWantedBy=multi-user.target")
	} else {
		line("\n[Install]\nWantedBy=default.target")
	}
	return []byte(s.String())
}
