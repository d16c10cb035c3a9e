package sweep

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// Texts stay what they are when there are more than one piece of memory holds, and longer ones.
func TestTextsInARoomStay(t *testing.T) {
	var room textRoom
	var have, want []string
	for i := range 5000 {
		a, b := []byte(fmt.Sprint(i*i)), fmt.Sprintf(" unit%*d", 1+i%9*700/(1+i%7), i)
		want = append(want, string(a)+b)
		have = append(have, room.keep(a, b))
		clear(a)
	}
	require.Equal(t, want, have)
	require.Equal(t, "12 s", (*textRoom)(nil).keep([]byte("12"), " s"))
}
