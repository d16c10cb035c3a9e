// Package fleet simulates thousands of boards: many sites, each a Wi-Fi cell of a few boards with a leader of its own, a load that
// follows the hours of the day, and for every site an uplink to a cloud, over a backbone. The backbone and the cloud's nodes may be shared
// by all sites.
//
// Reading order:
//
//   - description.go, descriptionfile.go: what a fleet is, as a value and as a TOML file; load.go: how its requests come.
//   - site.go: the platform of a site, and its run where sites share nothing; shared.go: what sites share, and the run of all of them.
//   - run.go: sites that share nothing, on all cores; checkpoint.go: what survives a crash.
//   - together.go: sites that share something, in one run, which can be stopped and gone on with; tally.go: latencies of one site.
//   - aggregate.go: what is kept of the sites; result.go: what comes out; scaling.go: how cost grows with the fleet.
//
// # What is exact and what is left out
//
// A description that names a backbone or nodes of the cloud is simulated as the one platform that it describes (sim.Fleet): all sites'
// transfers share the backbone max-min fairly, and requests of many sites wait in the queues of one cloud node. Sites are dealt to the
// nodes of the cloud in turn and for good; a leader knows the backlog of its node without delay.
//
// Without them the rate of the uplink is capacity that the backbone reserves for each site, and the cloud node stands for an instance
// that each site has for itself. Such a fleet is the union of independent simulations.
//
// # Same results on any machine
//
// A site's chance depends on the fleet's seed, the site's class and its number in the class: not on other sites, not on the number of
// workers, and a class that grows keeps the requests, and where nothing is shared the results, of the sites it had. Counts and
// histograms are whole numbers, floats are added in the order of the sites, so the bytes of a result do not depend on which site was
// ready first, nor on interruptions.
//
// # Memory
//
// Of a site that is done a few hundred bytes remain, and its latencies are added to a histogram per class. Sites that are simulated
// together take some ten kilobytes each. So memory grows with the sites and not with the requests.
package fleet
