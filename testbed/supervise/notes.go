package supervise

import (
	"strings"
	"sync/atomic"
	"unsafe"
)

// The page is a number of slots of text. A slot's first four bytes are the length of its text.
const (
	slotBytes = 512
	slots     = 64
	pageBytes = slotBytes * slots

	stateSlot   = 0 // endedText once the worker has ended in order
	sessionSlot = 1 // id of the session under way
	engineSlot  = 2 // name of the engine
	firstDoing  = 3 // and following: what is being computed, by cluster
	mostText    = slotBytes - 4
)

const endedText = "ended"

// Notes is what a worker is doing, where its supervisor finds it after a crash. A nil *Notes takes notes nowhere. Safe for concurrent
// use, one goroutine for a cluster.
type Notes struct{ page []byte }

// set puts a text into a slot: the length last, so that half a text is none.
func (n *Notes) set(slot int, text string) {
	if n == nil || slot >= slots {
		return
	}
	b := n.page[slot*slotBytes : (slot+1)*slotBytes]
	length := (*uint32)(unsafe.Pointer(&b[0]))
	atomic.StoreUint32(length, 0)
	atomic.StoreUint32(length, uint32(copy(b[4:], text[:min(len(text), mostText)])))
}

// get returns the text of a slot.
func (n *Notes) get(slot int) string {
	b := n.page[slot*slotBytes : (slot+1)*slotBytes]
	length := atomic.LoadUint32((*uint32)(unsafe.Pointer(&b[0])))
	return strings.ToValidUTF8(string(b[4:4+min(length, mostText)]), "\ufffd")
}

// Engine notes what computes.
func (n *Notes) Engine(name string) { n.set(engineSlot, name) }

// Session notes which session is under way; empty: none.
func (n *Notes) Session(id string) { n.set(sessionSlot, id) }

// Begin notes what the engine is about to do for a cluster, such as "in op 7 (split split_1)".
func (n *Notes) Begin(cluster int, doing string) { n.set(firstDoing+cluster, doing) }

// End notes that the engine has returned.
func (n *Notes) End(cluster int) { n.set(firstDoing+cluster, "") }

// Ended notes that the worker ends in order: whatever its exit status, it is not to be started again.
func (n *Notes) Ended() { n.set(stateSlot, endedText) }

// ended reports whether the worker has ended in order.
func (n *Notes) ended() bool { return n.get(stateSlot) == endedText }

// doing returns what the engine was doing, by cluster, but for clusters that were idle.
func (n *Notes) doing() (list []string) {
	for slot := firstDoing; slot < slots; slot++ {
		if text := n.get(slot); text != "" {
			list = append(list, text)
		}
	}
	return list
}

// clear removes all notes.
func (n *Notes) clear() { clear(n.page) }
