package onnx

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// filesOfEveryKind says what each file of testdata is: its parameters and multiply-accumulates, counted by hand, the layers as
// operator:C×H×W, and a part of what was assumed.
var filesOfEveryKind = map[string]struct {
	params, macs int64
	layers       string
	assumed      string
}{
	"runs/clip_dyn":             {252, 36288, "conv:4x12x12 opaque:1x1x1 elementwise:1x1x1 opaque:4x12x12 conv:4x12x12", ""},
	"runs/conv_dynbias":         {252, 36288, "conv:4x12x12 global_pool:4x1x1 opaque:4x12x12", ""},
	"runs/ct_dynbias":           {252, 36288, "conv:4x12x12 global_pool:4x1x1 opaque:4x12x12", ""},
	"runs/bn_train15":           {520, 290304, "conv:8x24x24 opaque:8x24x24 elementwise:8x24x24 conv:4x24x24", `node "b" (BatchNormalization) normalises with the statistics of its input`},
	"runs/rs_axes":              {252, 95760, "conv:4x10x14 upsample:4x20x28 conv:4x20x28", ""},
	"runs/rs_keep_notlarger":    {252, 35280, "conv:4x10x14 opaque:4x10x14 conv:4x10x14", ""},
	"runs/rs_align":             {252, 95760, "conv:4x10x14 opaque:4x20x28 conv:4x20x28", ""},
	"runs/resize_0.7_10":        {252, 17856, "conv:4x10x10 opaque:4x7x7 conv:4x7x7", ""},
	"runs/einsum":               {132, 15552 + 144*24, "conv:4x12x12 opaque:6x12x12", ""},
	"runs/fusedconv":            {108, 15552, "opaque:4x12x12", ""},
	"runs/int4":                 {108, 15552, "conv:4x12x12", ""},
	"runs/lppool":               {124, 108*210 + 16*49, "conv:4x15x14 opaque:4x7x7 conv:4x7x7", ""},
	"runs/qlinearconv":          {108, 15552, "elementwise:3x12x12 opaque:4x12x12", ""},
	"runs/function":             {252, 36288, "conv:4x12x12 conv:4x12x12", ""},
	"runs/if_squeeze":           {192, 2304, "conv:4x12x1 opaque:4x12x1", ""},
	"runs/opset22":              {252, 36288, "conv:4x12x12 conv:4x12x12", ""},
	"runs/opset23":              {252, 36288, "conv:4x12x12 conv:4x12x12", ""},
	"runs/maxidx_out":           {252, 20736, "conv:4x12x12 opaque:4x6x6 opaque:4x6x6 conv:4x6x6 opaque:288x1x1", "2 outputs are joined"},
	"runs/ceil_pad":             {144, 20736, "conv:4x12x12 max_pool:4x6x6", ""},
	"runs/ceil_pad2":            {81, 324, "conv:3x2x2 avg_pool:3x1x1", ""},
	"runs/ceil_pad3":            {90, 69021, "conv:3x29x29 max_pool:3x10x10 conv:3x10x10", ""},
	"runs/names0":               {252, 36288, "conv:4x12x12 conv:4x12x12", ""},
	"runs/names1":               {252, 36288, "conv:4x12x12 conv:4x12x12", ""},
	"runs/names2":               {252, 36288, "conv:4x12x12 conv:4x12x12", ""},
	"runs/pad_avg":              {108, 19656, "conv:4x14x13 avg_pool:4x8x7", ""},
	"runs/pad_max":              {108, 19656, "conv:4x14x13 max_pool:4x8x7", ""},
	"runs/pad_max_inf":          {108, 19656, "conv:4x14x13 opaque:4x17x16 max_pool:4x8x7", ""},
	"runs/pad_mixed":            {252, 45864, "conv:4x14x13 opaque:4x16x15 conv:4x14x13", ""},
	"runs/padavg_op20":          {124, 17856, "conv:4x12x12 avg_pool:4x12x12 conv:4x12x12", ""},
	"runs/padavg_op21":          {124, 17856, "conv:4x12x12 avg_pool:4x12x12 conv:4x12x12", ""},
	"runs/same_lower":           {728, 110080, "conv:8x16x20 conv:4x8x10", ""},
	"runs/groupnorm":            {528, 72576, "conv:8x12x12 opaque:1152x1x1 elementwise:1152x1x1 opaque:8x12x12 conv:4x12x12", ""},
	"runs/shuffle":              {360, 51840, "conv:8x12x12 opaque:1152x1x1 opaque:8x12x12 conv:8x12x12", ""},
	"runs/slice_neg":            {252, 19008, "conv:4x12x12 opaque:4x4x6 conv:4x4x6", ""},
	"runs/softmax11_ax1":        {252, 36288, "conv:4x12x12 softmax:4x12x12 conv:4x12x12", ""},
	"runs/softmax13_ax2":        {252, 36288, "conv:4x12x12 softmax:4x12x12 conv:4x12x12", ""},
	"runs/ct_asym":              {654, 145584, "conv:4x9x11 conv_transpose:6x26x23 conv:3x26x23", ""},
	"runs/ct_group":             {462, 93852, "conv:4x9x11 conv_transpose:6x18x22 conv:3x18x22", ""},
	"runs/ct_outpad_auto":       {486, 96228, "conv:4x9x11 conv_transpose:6x18x22 conv:3x18x22", ""},
	"runs/ct_outshape_up":       {486, 96228, "conv:4x9x11 conv_transpose:6x18x22 conv:3x18x22", ""},
	"runs/ct_same_lower":        {486, 96228, "conv:4x9x11 conv_transpose:6x18x22 conv:3x18x22", ""},
	"runs/ir3":                  {252, 36288, "conv:4x12x12 conv:4x12x12", ""},
	"runs/shared_id":            {144, 41472, "conv:4x12x12 conv:4x12x12", ""},
	"runs/wconst":               {252, 36288, "conv:4x12x12 conv:4x12x12", ""},
	"runs/weightnorm":           {256, 36288, "conv:4x12x12 conv:4x12x12", ""},
	"shapes/dyn_h":              {252, 225504, "conv:4x33x40 opaque:4x24x24 conv:4x24x24", ""},
	"shapes/pad_avgceil":        {108, 19656, "conv:4x14x13 opaque:4x17x16 avg_pool:4x8x8", "ONNX Runtime's optimiser joins the two"},
	"shapes/pad_ceilmax":        {108, 19656, "conv:4x14x13 opaque:4x17x16 max_pool:4x8x8", "ONNX Runtime's optimiser joins the two"},
	"shapes/ct_same_upper_k2s3": {366, 164538, "conv:4x9x11 conv_transpose:6x27x33 conv:3x27x33", "asks for 27 rows or columns of 9"},
	"external/model":            {252, 36288, "conv:4x12x12 conv:4x12x12", ""},
	"external/dot":              {252, 36288, "conv:4x12x12 conv:4x12x12", ""},
	"external/nolen":            {252, 36288, "conv:4x12x12 conv:4x12x12", ""},
}

func TestFilesOfEveryKind(t *testing.T) {
	seen := 0
	for _, folder := range []string{"runs", "shapes", "external"} {
		files, err := filepath.Glob(filepath.Join("testdata", folder, "*.onnx"))
		require.NoError(t, err)
		for _, path := range files {
			name := folder + "/" + strings.TrimSuffix(filepath.Base(path), ".onnx")
			want, there := filesOfEveryKind[name]
			require.True(t, there, "%s is of no known kind", name)
			seen++
			opt := Options{}
			if name == "shapes/dyn_h" {
				opt.Inputs = map[string][]int{"x": {1, 3, 33, 40}}
			}
			g, m, err := Load(path, opt)
			require.NoError(t, err)
			require.Equal(t, want.params, g.Params(), "parameters of %s", name)
			require.Equal(t, want.macs, g.MACs(), "multiply-accumulates of %s", name)
			var layers []string
			for _, l := range g.Layers[1:] {
				layers = append(layers, fmt.Sprintf("%v:%dx%dx%d", l.Op, l.Out.C, l.Out.H, l.Out.W))
			}
			require.Equal(t, want.layers, strings.Join(layers, " "), name)
			require.Contains(t, strings.Join(m.Assumptions, "; "), want.assumed, name)
			requireComplete(t, g, m)
		}
	}
	require.Equal(t, len(filesOfEveryKind), seen)
}

func TestFilesThatAreRefused(t *testing.T) {
	for name, want := range map[string]string{
		"dup_names":         `dup_names.onnx: several nodes have the same name: "n"`,
		"kernel_w_mismatch": `kernel_w_mismatch.onnx: node "y" (Conv): its kernel_shape [5 5] is not that of its weights of dimensions [8 3 3 3]`,
	} {
		_, _, err := Load(filepath.Join("testdata", "refused", name+".onnx"), Options{})
		require.ErrorContains(t, err, want)
	}
}

// Weights may lie in folders with any name, and behind links as the Hugging Face hub lays them out: a folder of links for each
// version, and one of all contents, under other names.
func TestExternalDataBehindLinks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mein Ordner für Netze")
	snapshot, blobs := filepath.Join(dir, "snapshots", "abc", "onnx"), filepath.Join(dir, "blobs")
	for _, folder := range []string{snapshot, blobs} {
		require.NoError(t, os.MkdirAll(folder, 0o755))
	}
	for blob, name := range map[string]string{"1111": "model.onnx", "2222": "model.onnx_data"} {
		data, err := os.ReadFile(filepath.Join("testdata", "external", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(blobs, blob), data, 0o644))
		require.NoError(t, os.Symlink("../../../blobs/"+blob, filepath.Join(snapshot, name)))
	}
	g, m, err := Load(filepath.Join(snapshot, "model.onnx"), Options{})
	require.NoError(t, err)
	require.EqualValues(t, 252, g.Params())
	b, err := m.Values(nil, 0, &m.Weights[0])
	require.NoError(t, err)
	require.Len(t, b, 432)

	data := filepath.Join(snapshot, "model.onnx_data")
	require.NoError(t, os.Remove(data))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "elsewhere"), make([]byte, 1008), 0o644))
	require.NoError(t, os.Symlink("../../../elsewhere", data))
	_, _, err = Load(filepath.Join(snapshot, "model.onnx"), Options{})
	require.ErrorContains(t, err, `external data "model.onnx_data": must be a file in the model's own folder`)
}
