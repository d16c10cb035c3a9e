// Package strict reads TOML files and refuses what it does not understand: an
// unknown key, a quantity without its unit, a wrong type, a number that is not
// finite. It reports all faults of a file at once, each as
//
//	file:line: key.path: what is wrong; what would be right
//
// [Decode] and [File] read into a struct. Where the reader has conditions of its own,
// [Parse] returns a [Problems] that it adds to, with the line numbers found by key:
//
//	problems, _ := strict.Parse(name, data, &board)
//	if board.Memory == 0 {
//		problems.Faultf("memory", "must be positive, got %v", board.Memory)
//	}
//	return problems.Err()
//
// A fault of a value that could not be read to begin with is dropped, so such
// checks may run without looking at the error of Parse.
//
// Fields are matched by their toml tag, exactly, or without one by their name in any
// case. The tag option "required" makes a missing key a fault:
// `toml:"memory,required"`. Key paths name array elements by index from 0 ("runtime[1].gpu.rate")
// and quote names that are not bare keys (`cost."conv 3x3"`).
//
// The syntax is read by BurntSushi/toml into a tree. The tree is decoded here, since that
// library stops at the first fault and knows no lines inside arrays.
package strict
