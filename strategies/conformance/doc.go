// Package conformance makes the random networks and platforms over which every strategy of the catalog is tested. Tests of
// executors use them as well.
package conformance
