package onnx

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
)

// initial says which values a weight of an exported model gets: uniform in centre ± spread. The uniform distribution needs no
// function whose last bit may differ between machines, so that a seed gives the same file everywhere.
type initial struct{ centre, spread float32 }

// heUniform is the initialisation of He et al., "Delving Deep into Rectifiers" (ICCV 2015), in its uniform form: with it the
// magnitude of activations stays about the same through layers with ReLU.
func heUniform(fanIn int64) initial {
	return initial{0, float32(math.Sqrt(6 / float64(fanIn)))}
}

// weightFile plans the external data of an export: the weights one after the other, each at an offset of whole elements.
type weightFile struct {
	name    string // as the model refers to it
	seed    uint64
	size    int64
	tensors []Tensor
	values  []initial
}

// add plans a weight and returns its name.
func (f *weightFile) add(name string, v initial, dims ...int64) string {
	n, err := product(dims)
	if err != nil {
		panic("onnx: a graph with impossible weights passed its own validation: " + err.Error())
	}
	t := Tensor{Name: name, Type: Float, Dims: dims, External: Span{f.size, 4 * n}, values: n}
	f.tensors = append(f.tensors, t)
	f.values = append(f.values, v)
	f.size += 4 * n
	return name
}

// locate names the file after the model and what it holds: names, sizes and spreads of the weights, and the seed.
func (f *weightFile) locate(model string) {
	h := sha256.New()
	fmt.Fprintf(h, "hidp weights 1 %d", f.seed)
	for i := range f.tensors {
		fmt.Fprintf(h, " %q %v %v", f.tensors[i].Name, f.tensors[i].Dims, f.values[i])
	}
	f.name = fmt.Sprintf("%s.%x.data", model, h.Sum(nil)[:4])
	for i := range f.tensors {
		f.tensors[i].Location = f.name
	}
}

// write writes all weights. Each has a random stream of its own, named by the weight, so that a layer's values do not depend on
// what else is in the model.
func (f *weightFile) write(ctx context.Context, w io.Writer) error {
	out := bufio.NewWriterSize(w, 1<<20)
	var b [4]byte
	for i := range f.tensors {
		t, v := &f.tensors[i], f.values[i]
		h := fnv.New64a()
		h.Write([]byte(t.Name))
		random := rand.NewPCG(f.seed, h.Sum64())
		for k := range t.values {
			if k%(1<<16) == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			unit := float32(int32(random.Uint64()>>40)-1<<23) / (1 << 23) // [-1, 1), exactly
			x := v.centre + float32(unit*v.spread)
			binary.LittleEndian.PutUint32(b[:], math.Float32bits(x))
			if _, err := out.Write(b[:]); err != nil {
				return err
			}
		}
	}
	return out.Flush()
}
