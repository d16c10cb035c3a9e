package controller

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"

	"google.golang.org/protobuf/proto"

	"hidp/strategies/plan"
	"hidp/testbed/control"
	"hidp/testbed/submodel"
	"hidp/workloads"
)

// packName is what models call the file of weights beside them.
const packName = "weights.bin"

// blob is a file for an agent. What it holds is made anew every time it is written, so that no file of weights is ever in memory.
type blob struct {
	file  *control.File
	write func(io.Writer) error
}

func bytesBlob(data []byte) blob {
	sum := sha256.Sum256(data)
	return blob{&control.File{Digest: sum[:], Size: int64(len(data))}, func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(data))
		return err
	}}
}

func packBlob(p *submodel.Pack) (blob, error) {
	write := func(w io.Writer) error {
		_, err := p.WriteTo(w)
		return err
	}
	sum := sha256.New()
	if err := write(sum); err != nil {
		return blob{}, err
	}
	return blob{&control.File{Digest: sum.Sum(nil), Size: p.Size()}, write}, nil
}

// share is what one node is sent: files, and what to do with them.
type share struct {
	plans []*control.PlanSpec
	blobs []blob // the weights first
	need  int64  // least bytes of memory that the node needs for it
}

// share cuts what node j computes. All its plans have one file of weights, so what they have in common is sent once; models of
// the same slice are the same file. cut is called after every op.
func (job *Job) share(ctx context.Context, r *Roster, j int, cut func()) (*share, error) {
	s, pack := &share{}, submodel.NewPack(packName)
	models := map[workloads.Slice]*control.OpSpec{}
	for i, p := range job.Plans {
		made, err := plan.Encode(p, job.Graph, r.platform)
		if err != nil {
			return nil, err
		}
		graph, err := job.Graph.MarshalJSON()
		if err != nil {
			return nil, err
		}
		spec := &control.PlanSpec{Plan: made, Graph: graph}
		for k := range p.Ops {
			op := &p.Ops[k]
			if op.Kind != plan.Compute || op.Node != j {
				continue
			}
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			if job.Modelled != nil {
				spec.Ops = append(spec.Ops, &control.OpSpec{Op: int32(k), Work: int64(job.Modelled(i, k))})
				cut()
				continue
			}
			if models[op.Slice] == nil {
				if models[op.Slice], err = s.cut(job.Source, op.Slice, pack); err != nil {
					return nil, fmt.Errorf("plan %d (%s), op %d: %w", i, p.Strategy, k, err)
				}
			}
			m := proto.CloneOf(models[op.Slice])
			m.Op = int32(k)
			spec.Ops = append(spec.Ops, m)
			cut()
		}
		s.plans = append(s.plans, spec)
		s.need = max(s.need, plan.Memory(p, job.Graph, len(r.platform.Nodes))[j].Activations)
	}
	return s, s.pack(pack)
}

// cut makes the model of a slice.
func (s *share) cut(source *submodel.Source, slice workloads.Slice, pack *submodel.Pack) (*control.OpSpec, error) {
	sub, err := source.Cut(slice)
	if err != nil {
		return nil, err
	}
	data, err := sub.Bytes(pack)
	if err != nil {
		return nil, err
	}
	b := bytesBlob(data)
	s.blobs = append(s.blobs, b)
	return &control.OpSpec{Model: b.file, Repeat: int32(sub.Repeat)}, nil
}

// pack adds the weights.
func (s *share) pack(pack *submodel.Pack) error {
	s.need += pack.Size()
	if pack.Size() == 0 {
		return nil
	}
	b, err := packBlob(pack)
	if err != nil {
		return err
	}
	s.blobs = append([]blob{b}, s.blobs...)
	for _, p := range s.plans {
		if len(p.Ops) > 0 {
			p.Weights, p.WeightsName = b.file, packName
		}
	}
	return nil
}

// distinct returns the files without those that are there twice.
func distinct(blobs []blob) []blob {
	seen := map[string]bool{}
	var out []blob
	for _, b := range blobs {
		if key := string(b.file.Digest); !seen[key] {
			seen[key] = true
			out = append(out, b)
		}
	}
	return out
}
