// Package calibration learns what a board's clusters cost from measured latencies, and says how sure it is.
//
// The package is pure: measured rows go in, posteriors and predictions come out.
//
// Reading order:
//
//   - form.go: the price of a layer: fifteen terms, each a count that follows from the layer times a parameter.
//   - set.go: Set: the rows that were measured on one cluster with one version of one runtime.
//   - sheet.go: what a data sheet says of the parameters before any row is looked at.
//   - fit.go: Fit: the posterior of one set's parameters, given a prior.
//   - learn.go: Learn: the prior of a runtime, from all boards that were measured with that runtime.
//   - effect.go: Effects: what networks have in common on all boards and the layers' counts do not say.
//   - interval.go: Interval: intervals that hold as often as they say.
//
// The form, the prior and the choice of terms were found on the benchmark that package benchmark runs;
// docs/calibration.md has the figures.
package calibration
