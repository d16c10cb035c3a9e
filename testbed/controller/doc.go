// Package controller runs plans on agents: it brings the sub-models of a plan to the boards, lets requests run, and gathers what was
// measured. It is the other end of package control; tensors never come this way.
//
// Reading order:
//
//   - roster.go, rosterfile.go: Roster, the file that says which agent is which node of a platform.
//   - dial.go: Dial, which reaches all agents of a roster; errors.go: how the world can fail.
//   - job.go, parts.go, put.go, deploy.go: from a plan to a Session: cutting, transfer; session.go: opening, what is lost; end.go.
//   - stream.go: commands and events of one node; watch.go: noticing that a node is gone.
//   - profile.go: what ops take.
//   - serve.go: requests; schedule.go, how nodes are told of them; events.go, what nodes say.
//   - run.go, clocks.go, verdict.go: Close, and the Run that comes of it; check.go: are the answers right.
package controller
