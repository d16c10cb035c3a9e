package fleet

import (
	"encoding/base64"
	"encoding/binary"
	"math/bits"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// tally is a histogram that takes memory only where it has counted, for there is one per site: whole numbers below 2048 are counted
// apart, above in steps that keep three digits, as in the histograms of the classes.
type tally struct {
	pages []*[pageBins]uint32 // counts; nil where there are none
}

const (
	pageBins = 64
	exact    = 11 // bits that are kept of a number
)

// bin returns the bin of a number, and least the lowest number of a bin.
func bin(v int64) int {
	shift := max(0, bits.Len64(uint64(v))-exact)
	return shift<<(exact-1) + int(v>>shift)
}

func least(bin int) int64 {
	if bin < 1<<exact {
		return int64(bin)
	}
	shift := bin>>(exact-1) - 1
	return int64(bin-shift<<(exact-1)) << shift
}

// RecordValue counts a number from 0; there is no error.
func (t *tally) RecordValue(v int64) error {
	t.add(bin(v), 1)
	return nil
}

func (t *tally) add(bin int, n uint32) {
	page := bin / pageBins
	for page >= len(t.pages) {
		t.pages = append(t.pages, nil)
	}
	if t.pages[page] == nil {
		t.pages[page] = new([pageBins]uint32)
	}
	t.pages[page][bin%pageBins] += n
}

// pour adds what was counted to a histogram.
func (t *tally) pour(h *hdrhistogram.Histogram) {
	for page, counts := range t.pages {
		if counts == nil {
			continue
		}
		for i, n := range counts {
			if n > 0 {
				_ = h.RecordValues(min(least(page*pageBins+i), longest), int64(n)) // it can hold all up to longest
			}
		}
	}
}

// pack writes the tally as text, as pack does.
func (t *tally) pack() string {
	var out []byte
	last := 0
	for page, counts := range t.pages {
		if counts == nil {
			continue
		}
		for i, n := range counts {
			if n > 0 {
				at := page*pageBins + i
				out = binary.AppendUvarint(binary.AppendUvarint(out, uint64(at-last)), uint64(n))
				last = at
			}
		}
	}
	return base64.RawStdEncoding.EncodeToString(out)
}

// unpackTally reads what pack wrote.
func unpackTally(text string) (*tally, error) {
	counts := make([]int64, bin(longest)+1)
	if err := unpack(text, counts); err != nil {
		return nil, err
	}
	t := &tally{}
	for i, n := range counts {
		if n > 0 {
			t.add(i, uint32(n))
		}
	}
	return t, nil
}
