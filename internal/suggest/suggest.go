// Package suggest finds the word that somebody probably meant, for the
// "did you mean" part of messages about keys, units and names.
package suggest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// longestWord bounds the words compared, in bytes: the distance costs
// the product of both lengths, and no name of ours comes near this.
const longestWord = 64

// Nearest returns the known word that is closest to word by edit distance,
// ignoring case, or "" where none is close. Close means a distance of at
// most a third of word's length, and at least 1 is allowed, so that
// "mobilnet" finds "mobilenet" but "a" does not find "modnn". Ties go to the word
// that sorts first, so the answer does not depend on the order of known.
func Nearest(word string, known []string) string {
	if word == "" || len(word) > longestWord {
		return ""
	}
	best, bestDistance := "", max(1, (len(word)+1)/3)+1
	for _, candidate := range slices.Sorted(slices.Values(known)) {
		if len(candidate) > longestWord {
			continue
		}
		distance := levenshtein.Distance(strings.ToLower(word), strings.ToLower(candidate), nil)
		if swapped(strings.ToLower(word), strings.ToLower(candidate)) {
			distance = 1 // the commonest slip counts as one
		}
		if distance < bestDistance && distance < len(candidate) {
			best, bestDistance = candidate, distance
		}
	}
	return best
}

// swapped reports whether a and b differ in the order of two neighbouring letters only.
func swapped(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i+1 < len(a); i++ {
		if a[i] != b[i] {
			return a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
		}
	}
	return false
}

// Phrase returns ` (did you mean "x"?)` for the nearest known word x, with the
// leading space, or "" where none is close.
func Phrase(word string, known []string) string {
	if best := Nearest(word, known); best != "" {
		return fmt.Sprintf(" (did you mean %q?)", best)
	}
	return ""
}
