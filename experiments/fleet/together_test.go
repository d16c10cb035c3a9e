package fleet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hidp/sim"
)

// sharing is the village with a backbone and cloud nodes for all.
func sharing(t require.TestingT, backbone, cloud string) *Description {
	text := strings.Replace(village, "[cloud]\n", "[backbone]\nrate = \""+backbone+"\"\n\n[cloud]\n"+cloud, 1)
	d, err := Parse("village.toml", []byte(text))
	require.NoError(t, err)
	return d
}

const cloudOfTwo = "nodes = 2\nlink = \"100 Mbit/s\"\n"

// With a backbone that is never full and a cloud instance for each, sites do what they do alone: every row is the same to the last
// digit.
func TestSitesWithRoomForAllAreIndependent(t *testing.T) {
	want := finish(t, open(t), Options{Jobs: 2})
	r := finish(t, sharing(t, "1000 Gbit/s", ""), Options{})
	require.Equal(t, len(want.Rows), len(r.Rows))
	for i := range want.Rows {
		a, b := want.Rows[i].Figures, r.Rows[i].Figures
		a.Events = 0 // the run of all sites counts them together
		require.Equal(t, a, b, "%s %d", want.Rows[i].Class, want.Rows[i].Number)
	}
	// An hour without completions has NaN for its mean, which equals nothing: texts are compared.
	require.Equal(t, fmt.Sprint(want.Hours), fmt.Sprint(r.Hours))
	require.Equal(t, want.Total.Latency, r.Total.Latency)
	require.Equal(t, 0, r.Shared.CloudNodes)
	require.InDelta(t, 0, r.Shared.BackboneOut, 1e-3)
}

// What is shared and scarce makes requests slower; requests and energy add up.
func TestSitesContend(t *testing.T) {
	run := func(backbone, cloud string) *Result {
		d := sharing(t, backbone, cloud)
		d.Duration = time.Minute
		return finish(t, d.WithRequests(5000), Options{})
	}
	roomy, busy := run("1000 Gbit/s", "nodes = 9\n"), run("1000 Gbit/s", "nodes = 1\n")
	narrow := run("20 Mbit/s", "nodes = 9\nlink = \"20 Mbit/s\"\n")
	require.Greater(t, busy.Total.Latency.Mean, 1.001*roomy.Total.Latency.Mean)
	require.Greater(t, narrow.Total.Latency.Mean, 2*roomy.Total.Latency.Mean)
	require.Greater(t, busy.Shared.CloudBusy, 3*roomy.Shared.CloudBusy)
	require.InDelta(t, 1, narrow.Shared.BackboneOut, 0.02, "it is full")
	for _, r := range []*Result{roomy, busy, narrow} {
		var completed int64
		energy := r.Shared.CloudEnergy
		for _, row := range r.Rows {
			completed += row.Completed
			energy += row.EnergyPlatform
		}
		require.Equal(t, roomy.Total.Completed, completed, "the same requests")
		require.Equal(t, completed, r.Total.Completed)
		require.InEpsilon(t, energy, r.Total.EnergyPlatform, 1e-12)
	}
}

// The plan of a run of all sites is that of the sites: which cloud node and which resource is whose.
func TestPlacesOfSites(t *testing.T) {
	d := sharing(t, "1 Gbit/s", cloudOfTwo)
	cfg, err := d.union()
	require.NoError(t, err)
	f := cfg.Fleet
	require.Len(t, f.Sites, 9)
	require.Len(t, f.Nodes, 2)
	require.Equal(t, "cloud-2 in", f.Resources[4].Name)
	require.Equal(t, []int{-1, -1, 1}, f.Sites[3].Nodes)
	require.Equal(t, []int{-1, -1, -1, 0, 1, 4, 5}, f.Sites[3].Resources)
	net := &d.Classes[0].Platform.Network
	names := func(u, v int) (out []string) {
		for _, h := range net.Paths[u][v].Hops {
			out = append(out, net.Resources[h.Resource].Name)
		}
		return out
	}
	require.Equal(t, []string{"cell", "uplink out", "backbone out", "cloud in"}, names(0, 2))
	require.Equal(t, []string{"cloud out", "backbone in", "uplink in", "cell"}, names(2, 1))
	half := d.Sized(9)
	require.Equal(t, 1, half.Shared.Nodes)
	require.InEpsilon(t, 125e6/2, half.Shared.Backbone, 1e-12)
	require.Equal(t, 2.5e6, sharing(t, "20 Mbit/s", "").Sized(1).Shared.Backbone, "no less than one uplink")
}

// interrupted runs until the simulation has asked n times whether to write down its state, as an interrupt would.
func interrupted(t require.TestingT, d *Description, o Options, n int) *Result {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o.Due = func(sim.Progress) bool {
		if n--; n == 0 {
			cancel()
		}
		return n == 1
	}
	r, err := Run(ctx, d, o)
	require.ErrorIs(t, err, context.Canceled)
	return r
}

// A run that is stopped has valid partial results, and goes on to the bytes of the unbroken run; one that is done is not repeated.
func TestRunsOfAllSitesGoOn(t *testing.T) {
	d := sharing(t, "30 Mbit/s", cloudOfTwo)
	whole := finish(t, d, Options{})
	want := output(whole)
	folder := t.TempDir()
	for i, n := range []int{1, 2, 3} {
		r := interrupted(t, d, Options{Folder: folder, Resume: i > 0}, n)
		require.Zero(t, r.SitesDone)
		require.Greater(t, r.Shared.Until, 0.0)
		require.Less(t, r.Shared.Until, whole.Total.Makespan)
		require.Less(t, r.Total.Completed, whole.Total.Completed)
		require.LessOrEqual(t, r.Total.Completed, r.Total.Requests)
		require.Positive(t, r.Total.Latency.P99)
	}
	resumed := int64(0)
	r := finish(t, d, Options{Folder: folder, Resume: true, Progress: func(p Progress) { resumed = p.Resumed }})
	require.Equal(t, want, output(r))
	require.Positive(t, resumed)
	again := 0
	require.Equal(t, want, output(finish(t, d, Options{Folder: folder, Resume: true, Progress: func(p Progress) { again++ }})))
	require.Equal(t, 1, again, "nothing is simulated")

	_, err := Run(context.Background(), d, Options{Folder: folder})
	require.ErrorContains(t, err, "holds a run already")
	_, err = Run(context.Background(), d.WithSeed(1), Options{Folder: folder, Resume: true})
	require.ErrorContains(t, err, "belongs to another run")
	file := filepath.Join(folder, stateName)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	data[len(data)/2] ^= 1
	require.NoError(t, os.WriteFile(file, data, 0o644))
	_, err = Run(context.Background(), d, Options{Folder: folder, Resume: true})
	require.ErrorContains(t, err, "is damaged")
}

func TestTallies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(rapid.OneOf(rapid.Int64Range(0, 1<<14), rapid.Int64Range(0, longest))).Draw(t, "values")
		want, got, a := newHistogram(), newHistogram(), &tally{}
		for _, v := range values {
			require.NoError(t, want.RecordValue(v))
			require.NoError(t, a.RecordValue(v))
			require.Equal(t, bin(v), bin(least(bin(v))))
			require.LessOrEqual(t, least(bin(v)), v)
		}
		b, err := unpackTally(a.pack())
		require.NoError(t, err)
		b.pour(got)
		require.Equal(t, want.Export().Counts, got.Export().Counts)
	})
}
