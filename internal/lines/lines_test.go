package lines

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// extent is where a list lies.
type extent struct {
	from, to uintptr
	what     string
	keep     any // or its memory may be another's
}

func extentOf[T any](list []T) extent {
	var x T
	at := uintptr(unsafe.Pointer(unsafe.SliceData(list)))
	return extent{at, at + uintptr(cap(list))*unsafe.Sizeof(x), fmt.Sprintf("%T", x), list}
}

func grown[T any](n int) []T {
	var list []T
	var x T
	for range n {
		list = Append(list, x)
	}
	return list
}

// Lists of many sizes and types that are made by turns share no line, however they have grown.
func TestListsShareNoLine(t *testing.T) {
	const line = 64
	var all []extent
	for i := range 200 {
		n := 1 + i*7
		all = append(all, extentOf(grown[byte](n)), extentOf(grown[int32](n)), extentOf(grown[[3]int64](n)), extentOf(grown[[7]int64](n)),
			extentOf(grown[[2]*int](n)), extentOf(grown[string](n)), extentOf(Resized[[25]*int](nil, n)), extentOf(Resized([]int{1}, n+1)))
		x := New[[5]*int]()
		all = append(all, extent{uintptr(unsafe.Pointer(x)), uintptr(unsafe.Pointer(x)) + unsafe.Sizeof(*x), "a value", x})
	}
	slices.SortFunc(all, func(a, b extent) int { return cmp.Compare(a.from, b.from) })
	for i := 1; i < len(all); i++ {
		a, b := &all[i-1], &all[i]
		require.Less(t, (a.to-1)/line, b.from/line, "%s and %s", a.what, b.what)
	}
}

func TestResizedKeepsWhatLiesBeyondTheLength(t *testing.T) {
	list := Resized([]int(nil), 3)
	require.Equal(t, []int{0, 0, 0}, list)
	list[2] = 7
	list = Resized(list[:0], 3)
	require.Equal(t, 7, list[2])
	list = Resized(list[:1], 1000)
	require.Len(t, list, 1000)
	require.Equal(t, 7, list[2])
	require.Zero(t, list[999])
	require.Empty(t, Resized(list, 0))
	require.Len(t, Resized([]struct{}(nil), 5), 5)
}
