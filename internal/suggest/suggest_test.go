package suggest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestNearest(t *testing.T) {
	models := []string{"vgg16", "vgg19", "resnet50", "resnet152", "mobilenet_v2", "efficientnet_b0"}
	for word, want := range map[string]string{
		"resnet5O":        "resnet50",
		"ResNet50":        "resnet50",
		"efficentnet_b0":  "efficientnet_b0",
		"mobilenetv2":     "mobilenet_v2",
		"vgg1":            "vgg16", // as near to vgg19: the first in order
		"bert":            "",
		"":                "",
		"x":               "",
		"resnet":          "resnet50",
		"transformer_xxl": "",
	} {
		require.Equal(t, want, Nearest(word, models), "word %q", word)
	}
}

func TestNearestIgnoresHugeWords(t *testing.T) {
	huge := strings.Repeat("a", 1<<20)
	require.Empty(t, Nearest(huge, []string{huge + "b", "a"}))
	require.Empty(t, Nearest("a", []string{huge}))
}

func TestPhrase(t *testing.T) {
	require.Equal(t, ` (did you mean "gpu"?)`, Phrase("gpuu", []string{"cpu", "gpu"}))
	require.Empty(t, Phrase("tensor", []string{"cpu", "gpu"}))
}

func TestNearestDoesNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-c]{1,6}`).Draw(t, "word")
		known := rapid.SliceOf(rapid.StringMatching(`[a-c]{1,6}`)).Draw(t, "known")
		shuffled := rapid.Permutation(known).Draw(t, "shuffled")
		require.Equal(t, Nearest(word, known), Nearest(word, shuffled))
		for _, k := range known {
			if k == word {
				require.Equal(t, word, Nearest(word, known), "an exact match is the nearest")
			}
		}
	})
}

func TestNeighbouringLettersInTheWrongOrderAreOneSlip(t *testing.T) {
	require.Equal(t, "hidp", Nearest("hipd", []string{"hidp", "modnn"}))
	require.Empty(t, Nearest("abcd", []string{"badc"}))
}
