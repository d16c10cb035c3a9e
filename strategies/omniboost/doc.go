// Package omniboost implements OmniBoost (Karatzas and Anagnostopoulos, DAC 2023, arXiv 2307.03290): a Monte Carlo tree search
// over mappings of a network's blocks to devices, guided by an estimator of throughput. A mapping is a pipeline of contiguous
// stages, each on another device.
//
// What carries over from the paper and its public program (github.com/AndreasKaratzas/omniboost-v1; described, not copied): blocks
// as the unit, a device at most once per network, 500 simulations per decision, throughput as the objective (latency is not
// looked at). What differs, and why:
//
//   - Illegal moves are masked rather than punished with a reward of -5000: random rollouts otherwise end in a losing state
//     almost always, and the search learns nothing but that.
//   - One search from the root and the best mapping ever seen, rather than a new tree of five episodes per block.
//   - The estimator is the belief's own prices, blurred by the option noise if asked, rather than a trained network: its
//     weights were trained on another board.
//   - The paper has one board with three devices. With scope=global the nodes are devices, each with its default framework's
//     cluster, with scope=clusters the core clusters of all nodes; the network is one more thing a pipeline can be limited by
//     (links=ignored: as on one board, it is not).
//   - A request is a mix of one network: what else is running, the method is not told.
//
// Reading order: omniboost.go (the method), estimate.go (what a mapping is worth), search.go (the tree).
package omniboost
