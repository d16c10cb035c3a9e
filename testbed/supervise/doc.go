// Package supervise keeps an agent at work although its inference engine may crash: a segmentation fault in a library ends the whole
// process. The agent's process is two: a supervisor holds the socket that controllers call and starts a worker, which does all the
// rest. Where the worker crashes the supervisor finds out what it was doing, and starts another one that can say so.
//
// Reading order:
//
//   - notes.go: Notes, a page of memory that worker and supervisor share: which session and which op is under way.
//   - worker.go: Worker, what a worker inherits: the socket, the notes, the CPUs, and the crash before it.
//   - supervisor_linux.go: Run, the supervisor; backoff.go: when a worker is started again, and when no more.
//   - ending.go: how a worker has ended.
//
// No tensor crosses a process. A note is a copy of some hundred bytes in memory, without a system call.
package supervise
