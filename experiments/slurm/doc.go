// Package slurm runs the shards of a sweep as job arrays of a Slurm cluster.
//
// A sweep folder on a file system that all nodes share is all that the two sides have in common: a task executes shards, each of
// which appears in the folder in one step (temporary file, sync, rename), so that a shard may be executed twice, even at once. Which
// shards are missing is read from the folder and never inferred from what Slurm says: a job's exit status proves nothing, and the
// accounting database (sacct) may not exist. There is no daemon of ours. Everything that is needed to find the jobs again stands in
// the folder itself:
//
//	slurm/000001.tasks   line i+1: the shards of array task i
//	slurm/000001.sh      the batch script, self-contained: an array can be submitted again by hand
//	slurm/000001.json    the job id that sbatch answered
//	slurm/logs/          one log per task, <job>_<task>.log
//
// Submit hands the missing shards to Slurm and returns; Query merges the queue with the folder; Wait keeps both going until no shard
// is missing; Cancel takes our jobs out of the queue. Behaviour that is relied on was observed with Slurm 22.05; the first three
// points are what the package's test provokes on a real two-node Slurm (scripts/slurm-fixture.sh):
//
//   - A task killed with -9 ends as FAILED and is not requeued: its shards are submitted again.
//   - A node that falls silent is declared down after SlurmdTimeout; its tasks are requeued, but not before about two minutes have
//     passed. Wait releases them at once.
//   - If slurmd dies while the step it started survives, the requeued task runs beside the first one: hence the rule on shards above.
//   - Tasks that Slurm cannot launch end in the held state "launch failed requeued held", for ever: Wait cancels them.
//   - Starting a bare task costs about 0.2 s: a task gets as many shards as make up ChunkSeconds of work.
package slurm
