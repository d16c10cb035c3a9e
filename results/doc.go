// Package results turns the records of runs into what people read: estimates with their intervals, tables, and files that are
// either whole or not there. It is pure: records in, numbers and bytes out.
//
// Reading order: statistics.go (means, intervals, paired comparisons), table.go (one table as terminal text, Markdown or CSV),
// write.go (files). Subpackage plot draws figures.
package results
