// Package fleet simulates thousands of boards: many sites, each a Wi-Fi cell of a few boards with a leader of its own, a load that
// follows the hours of the day, and for every site a share of a backbone to a cloud node.
//
// Reading order:
//
//   - description.go, descriptionfile.go: what a fleet is, as a value and as a TOML file; load.go: how its requests come.
//   - site.go: the platform and the run of one site.
//   - run.go: all sites on all cores; aggregate.go: what is kept of them; checkpoint.go: what survives a crash.
//   - result.go: what comes out; scaling.go: how cost grows with the fleet.
//
// # What is exact and what is left out
//
// Sites share nothing: the rate of the uplink is capacity that the backbone reserves for each site, and the cloud node stands for an
// instance that each site has for itself. So a fleet is the union of independent simulations, which is exact for the platform so
// described. What this mode cannot show is contention between sites, on a backbone that is not reserved or in a cloud that is shared.
//
// # Same results on any machine
//
// A site's chance depends on the fleet's seed, the site's class and its number in the class: not on other sites, not on the number of
// workers, and a class that grows keeps the sites it had. Counts and histograms are whole numbers, floats are added in the order of the
// sites, so the bytes of a result do not depend on which site was ready first, nor on interruptions.
//
// # Memory
//
// Of a site that is done a few hundred bytes remain, and its latencies are added to a histogram per class; so memory grows with the
// sites and not with the requests.
package fleet
