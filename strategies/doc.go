// Package strategies is what methods have in common: Entry, what the catalog says of one; Options, its knobs; and the narrowing of
// searches to what can be searched. What a method is (plan.Planner), what it is asked and what it answers is package plan, which
// knows no method.
//
//   - plan: plans, how they are built, checked, forecast and written.
//   - hidp, modnn, disnet, omniboost, single, optchain: one package per method; catalog lists them in one table; split holds what the
//     row-splitting rivals share; conformance is the suite that every entry passes; exhaustive is the oracle of small instances.
package strategies
