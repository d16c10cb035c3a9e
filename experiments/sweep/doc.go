// Package sweep runs a scenario at many points: every combination or a sample of values for any of its fields, each with as many
// seeds as asked for. It uses all cores of one machine, or several machines that share a folder.
//
// Reading order:
//
//   - file.go, axis.go, quantity.go: a sweep file; Load turns it into a Sweep. expression.go: constraints between axes.
//   - space.go: the points of a sweep, by number. Any of them is found without the others, so shards need no coordination.
//   - scene.go, substitute.go: a point as a scenario. evaluate.go: a point's runs.
//   - manifest.go, folder.go, inputs.go, shard.go, draft.go, parquet.go: what is on disk. execute.go: Run, all shards on one machine,
//     and ExecShard, one shard anywhere.
//   - status.go, merge.go: how far a sweep is, and its rows in one file. plot.go: figures of a merged sweep.
//   - optimize.go, cma.go, halving.go: search instead of enumeration.
//
// # The folder of a sweep
//
//	manifest.json          written last when the folder is made: format, hash of the sweep, program version, shard size, columns
//	sweep.toml             the sweep file as it was; scenario.toml: the scenario it builds on
//	inputs/                copies of the files that the scenario and the axes name
//	shards/000000.parquet  one row per run of the points [shard·size, (shard+1)·size)
//
// A shard is written to a temporary file, synced and renamed. It holds no times and no host names, so the same shard made twice,
// also at the same time, has the same bytes, and either may win. A shard that is there is whole; one that is not can be made by
// anyone with ExecShard. This is all that Slurm arrays, Kubernetes indexed jobs or GNU parallel need to know.
package sweep
