// Package control is the protocol by which plans are brought to agents and run there: gRPC, generated from control.proto
// (`make proto`). Package host serves it on a board, package controller calls it.
package control

// Protocol is the version of the protocol. Controllers and agents speak to their own version only: they are deployed together.
const Protocol = 1

// MaxMessage is the most bytes of one message of the protocol: outputs of networks travel whole.
const MaxMessage = 64 << 20

// MaxChunk is the most bytes of data in a Chunk.
const MaxChunk = 1 << 20
