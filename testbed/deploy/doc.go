// Package deploy puts agents onto real boards, keeps them running there, and takes them away again. All it needs on a board is an
// SSH server, a POSIX shell and sha256sum; all it needs here is the ssh command, whose configuration, agent, jump hosts and
// known_hosts are the user's own. Host keys are checked by ssh, never waved through.
//
// Reading order:
//
//   - hosts.go: Hosts, which boards there are: from hosts.toml or from arguments. destination.go: what of it may reach ssh.
//   - deploy.go: Deploy; status.go: Remove, Status. Phases over all boards at once (reach.go), with every board's fault in the error.
//     roster.go: the agents file.
//   - connection.go: one board over ssh: scripts of the folder board/, run with quoted arguments. quote.go: quoting.
//   - facts.go: what a board is, and why it cannot be used. files.go: what belongs on it; only what differs is copied.
//   - unit.go: the systemd unit, and the start script for boards without systemd. certificates.go: who gets which. answer.go: asking
//     the agent itself.
//
// # What is left on a board
//
// One folder (mode 0700, by default ~/hidp) with the program, ONNX Runtime if it is to be copied, the node's certificate, the
// agent's data and a marker; and the unit, where there is systemd. A folder that has other things in it is not touched.
//
// # Trust
//
// Everything that comes from hosts.toml or from a board is checked against the few characters that it may have, and quoted before a
// shell sees it. The key of the authority stays in the local folder; a board gets ca.pem and its own pair.
package deploy
