package reuse

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestClassesAreTight(t *testing.T) {
	last, lastSize := -1, 0
	for n := 1; n < 5000; n++ {
		class, size := classOf(n)
		require.GreaterOrEqual(t, size, n)
		require.LessOrEqual(t, 4*size, 5*n+4, "%d elements in a slice of %d", n, size)
		again, same := classOf(size)
		require.Equal(t, []int{class, size}, []int{again, same}, "what a class holds belongs to it")
		if class == last {
			require.Equal(t, lastSize, size)
		} else {
			require.Equal(t, last+1, class, "at %d elements", n)
		}
		last, lastSize = class, size
	}
}

// What is in use is never handed out again, and what came back is.
func TestNobodySharesMemory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p Pool[int]
		var mine [][]int
		for i := range rapid.IntRange(1, 100).Draw(t, "steps") {
			if len(mine) > 0 && rapid.Bool().Draw(t, "put") {
				k := rapid.IntRange(0, len(mine)-1).Draw(t, "which")
				p.Put(mine[k])
				mine = append(mine[:k], mine[k+1:]...)
				continue
			}
			s := p.Get(rapid.IntRange(1, 40).Draw(t, "n"))
			for j := range s {
				s[j] = i
			}
			mine = append(mine, s)
			for _, s := range mine {
				for _, x := range s {
					require.Equal(t, s[0], x)
				}
			}
		}
	})
	var p Pool[byte]
	a := p.Get(1000)
	p.Put(a)
	b := p.Get(999)
	require.Same(t, &a[0], &b[0])
	require.NotSame(t, &b[0], &p.Get(999)[0])
}

func TestForeignAndEmptySlices(t *testing.T) {
	var p *Pool[float32]
	require.Len(t, p.Get(3), 3)
	p.Put(make([]float32, 3))
	var q Pool[float32]
	q.Put(nil)
	q.Put(make([]float32, 9)) // no class holds nine
	require.Empty(t, q.Get(0))
	require.Equal(t, 10, cap(q.Get(9)))
}

// A pool with a bound keeps no more, whatever sizes come back.
func TestBound(t *testing.T) {
	p := Pool[byte]{Most: 100}
	for n := 10; n < 60; n += 10 {
		p.Put(p.Get(n))
		p.Put(make([]byte, 40))
		require.LessOrEqual(t, p.kept, p.Most)
	}
	kept := p.kept
	require.Greater(t, kept, 60)
	p.Get(40)
	require.Equal(t, kept-40, p.kept)
}

func TestConcurrentUse(t *testing.T) {
	var p Pool[int]
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 1000 {
				s := p.Get(1 + i%50)
				for k := range s {
					s[k] = g
				}
				for _, x := range s {
					if x != g {
						t.Error("shared")
					}
				}
				p.Put(s)
			}
		})
	}
	all.Wait()
}

func BenchmarkGetPut(b *testing.B) {
	var p Pool[float32]
	p.Put(p.Get(100_000))
	b.ReportAllocs()
	for b.Loop() {
		p.Put(p.Get(100_000))
	}
}
