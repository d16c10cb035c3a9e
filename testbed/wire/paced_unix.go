//go:build unix

package wire

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"hidp/devices"
)

const (
	ledgerMagic  = "hidpnet1"
	ledgerHeader = 16 // magic and a hash of the network

	// stale is how far ahead a token clock can be if it was not left from before the machine was started anew.
	stale = 10 * time.Second
)

// OpenPaced returns the network of a platform, shared by all processes of this machine that open the file with the same platform; it
// is made if it does not exist. The clock must be theirs too: Monotonic. The file must be on a local file system and may be
// removed at any time; who has it open keeps it.
func OpenPaced(path string, p *devices.Platform, clock Clock, seed uint64) (*Paced, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("wire: %w", err)
	}
	defer f.Close() // the mapping stays, and would keep the lock
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return nil, fmt.Errorf("wire: lock %s: %w", path, err)
	}
	defer unix.Flock(int(f.Fd()), unix.LOCK_UN)
	count := len(p.Network.Resources)
	size := ledgerHeader + 8*count
	if err := prepareLedger(f, size, fingerprint(p)); err != nil {
		return nil, fmt.Errorf("wire: %s: %w", path, err)
	}
	m, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("wire: map %s: %w", path, err)
	}
	words := unsafe.Slice((*atomic.Int64)(unsafe.Pointer(&m[ledgerHeader])), count) // a page is aligned, and so is the header
	for i := range words {
		if words[i].Load() > int64(clock.Now()+stale) {
			words[i].Store(0)
		}
	}
	return newPaced(p, clock, seed, words, func() error { return unix.Munmap(m) }), nil
}

// prepareLedger writes the header and clocks at zero into an empty file, and checks that another is of the same network.
func prepareLedger(f *os.File, size int, print uint64) error {
	want := binary.LittleEndian.AppendUint64([]byte(ledgerMagic), print)
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() == 0 {
		_, err := f.WriteAt(append(want, make([]byte, size-ledgerHeader)...), 0)
		return err
	}
	have := make([]byte, ledgerHeader)
	if _, err := f.ReadAt(have, 0); err != nil && err != io.EOF {
		return err
	}
	if string(have) != string(want) || info.Size() != int64(size) {
		return fmt.Errorf("it is not of this network; remove it")
	}
	return nil
}

// fingerprint hashes what the agents must agree on.
func fingerprint(p *devices.Platform) uint64 {
	h := fnv.New64a()
	for i := range p.Nodes {
		fmt.Fprintf(h, "%s %d\n", p.Nodes[i].Name, p.Nodes[i].Message)
	}
	fmt.Fprintf(h, "%v", p.Network)
	return h.Sum64()
}
