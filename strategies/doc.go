// Package strategies holds the contract between planners and executors: Plan, the one intermediate representation that every
// method's answer is written in, and Strategy, what a method is.
//
// Reading order:
//
//   - plan.go: Plan and Op. A plan says what, where and in which order, never how long.
//   - strategy.go: Strategy, Request and Belief: what a method is asked and what it may know.
//   - builder.go: Builder: a method says which slice runs where; the builder finds out which tensors must move.
//   - validate.go: what makes a plan acceptable to an executor.
//   - planjson.go: plans as JSON files, strictly read.
//   - forecast.go: the belief's prediction of a plan's latency and energy.
//   - hidp, modnn, disnet, omniboost, single, optchain: one package per method; catalog lists them in one table; split holds what the
//     row-splitting rivals share; conformance is the suite that every entry passes; exhaustive is the oracle of small instances.
package strategies
