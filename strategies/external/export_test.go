package external

import "slices"

// Keys returns what messages of a kind consist of, sorted.
func Keys(kind string) []string { return slices.Sorted(slices.Values(fieldsOf[kind])) }
