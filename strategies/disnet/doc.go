// Package disnet implements DISNET (Samikwa, Di Maio and Braun, IEEE Internet of Things Journal 11(4), 2024, DOI
// 10.1109/JIOT.2023.3313514), generalised from the authors' VGG16 program to any network and platform: the network is cut
// vertically into a few segments, each segment gets an anchor node and a set of helpers, and the rows of its feature maps are
// split over the helpers in proportion to their speed.
//
// What carries over from the public program (github.com/ricsamikwa/DiSNet; described, not copied): four vertical segments, the
// most helpers per segment by cluster size, ranking of nodes by speed discounted by power, shares in proportion to speed,
// fully connected layers on the last anchor, and a price of max over helpers of receive + compute + send, in which transfers do
// not disturb each other. What does not: the random mesh it searches paths in (here every node that all others reach may be an
// anchor), and its slips (wrong ratios from operator precedence, a neighbour scored twice, rows that do not add up).
//
// Reading order: disnet.go (the method), vertical.go (the segments), search.go (the choice), price.go (what it believes a choice costs).
package disnet
