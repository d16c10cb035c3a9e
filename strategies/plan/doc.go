// Package plan holds the contract between planners and executors: Plan, the one intermediate representation that every method's
// answer is written in, and Planner, what a method is to whoever asks it. It imports no method, and executors see nothing else of
// them.
//
// Reading order:
//
//   - plan.go: Plan and Op. A plan says what, where and in which order, never how long.
//   - planner.go: Planner, Problem and Belief: what a method is asked and what it may know.
//   - builder.go: Builder: a method says which slice runs where; the builder finds out which tensors must move.
//   - validate.go, memory.go: what makes a plan acceptable to an executor.
//   - json.go: plans as JSON files, strictly read.
//   - forecast.go: the belief's prediction of a plan's latency and energy.
package plan
