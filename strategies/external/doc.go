// Package external lets a program in any language be a strategy: "exec:COMMAND" in place of a strategy's name.
//
// The program is started once, by the shell, in a process group of its own, and speaks lines of JSON: it reads messages on standard
// input and answers on standard output. docs/external-strategy.schema.json describes every message; docs/add-a-strategy.md tells a
// newcomer how to use them. In short:
//
//   - Both say hello with the version of the protocol. The program adds whether its plans depend on the backlog.
//   - Each problem holds the network, the platform, prices, the leader, the batch and the backlog. It stands for itself.
//   - The program answers with a plan, with placements (the sends are added), or with why there is none.
//   - Before that it may ask what slices cost and need, and what a plan is forecast to take.
//   - When its standard input ends, the program ends.
//
// A program that crashes, hangs or writes what is no answer costs an error that says so, never a plan. Nothing that runs on the
// virtual clock depends on how long the program takes.
//
// Reading order: external.go (the strategy), conversation.go (what is said when), message.go and model.go (the messages), process.go
// (the child process).
package external
