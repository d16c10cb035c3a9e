package emulate

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Queues of the emulated links. A burst goes at once after a pause: little of it is exact, but what the kernel is late by beyond a
// burst's time is lost to the link. A queue below a quarter of a megabyte makes TCP lose frames.
const (
	leastBurst = 32 << 10
	burstTime  = 1e-3 // seconds
	queueBytes = 512 << 10
	mtu        = 1500
	boardEnd   = "data" // of a board's cable, in its namespace
)

// checkNamespaces reports why this process cannot make network namespaces.
func checkNamespaces() error {
	if _, err := os.Stat("/proc/self/ns/net"); err != nil {
		return errors.New("--net ns: this kernel has no network namespaces; use --net shaped")
	}
	if os.Geteuid() != 0 {
		return errors.New("--net ns: network namespaces need root; run as root, or use --net shaped")
	}
	return nil
}

// makeNamespaces makes a namespace for every node, in order, and last the one of the switch or the medium, and joins them. What it
// made stays if it fails.
func makeNamespaces(names []string, w *wiring) error {
	handles := make([]netns.NsHandle, len(names))
	for i, name := range names {
		var err error
		if handles[i], err = newNamespace(name); err != nil {
			return fmt.Errorf("--net ns: making network namespace %s: %w", name, err)
		}
		defer handles[i].Close()
	}
	last := len(names) - 1
	center, err := netlink.NewHandleAt(handles[last], unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("--net ns: %w", err)
	}
	defer center.Close()
	bridge := &netlink.Bridge{LinkAttrs: attributes("switch")}
	if err := added(center, bridge); err != nil {
		return err
	}
	air := -1
	if w.medium > 0 {
		if air, err = medium(center, w.medium); err != nil {
			return err
		}
	}
	for i := range last {
		if err := plug(center, bridge, air, handles[i], i, w); err != nil {
			return fmt.Errorf("namespace %s: %w", names[i], err)
		}
	}
	return nil
}

// newNamespace makes a namespace with a name, on a thread that ends afterwards.
func newNamespace(name string) (handle netns.NsHandle, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // without an end
		handle, err = netns.NewNamed(name)
	}()
	<-done
	return handle, err
}

func attributes(name string) netlink.LinkAttrs {
	a := netlink.NewLinkAttrs()
	a.Name, a.MTU, a.TxQLen = name, mtu, 1000
	return a
}

// added makes a device and switches it on.
func added(h *netlink.Handle, l netlink.Link) error {
	if err := h.LinkAdd(l); err != nil {
		return fmt.Errorf("--net ns: making the device %s (%s): %w", l.Attrs().Name, l.Type(), err)
	}
	return switchedOn(h, l)
}

func switchedOn(h *netlink.Handle, l netlink.Link) error {
	if err := h.LinkSetUp(l); err != nil {
		return fmt.Errorf("--net ns: switching on %s: %w", l.Attrs().Name, err)
	}
	return nil
}

// medium makes the device that all frames go through, and returns its index.
func medium(h *netlink.Handle, payload float64) (int, error) {
	ifb := &netlink.Ifb{LinkAttrs: attributes("air")}
	if err := added(h, ifb); err != nil {
		return 0, err
	}
	return ifb.Index, limit(h, ifb, mediumRate(payload))
}

// plug joins board i to the switch: a cable with the board's rates on both ends, or, with a medium, one without limits whose frames
// from the board take the way over the medium before they are switched.
func plug(center *netlink.Handle, bridge netlink.Link, air int, board netns.NsHandle, i int, w *wiring) error {
	port := &netlink.Veth{LinkAttrs: attributes(fmt.Sprintf("port%d", i)), PeerName: boardEnd, PeerMTU: mtu, PeerNamespace: netlink.NsFd(board)}
	port.MasterIndex = bridge.Attrs().Index
	if err := added(center, port); err != nil {
		return err
	}
	h, err := netlink.NewHandleAt(board, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer h.Close()
	end, err := h.LinkByName(boardEnd)
	if err != nil {
		return err
	}
	loopback, err := h.LinkByName("lo")
	if err != nil {
		return err
	}
	address := &netlink.Addr{IPNet: &net.IPNet{IP: net.ParseIP(w.address[i]).To4(), Mask: net.CIDRMask(w.prefix, 32)}}
	if err := errors.Join(switchedOn(h, loopback), h.AddrAdd(end, address), switchedOn(h, end)); err != nil {
		return err
	}
	if air >= 0 {
		return divert(center, port, air)
	}
	if w.out[i] > 0 {
		err = limit(h, end, lineRate(w.out[i]))
	}
	if w.in[i] > 0 {
		err = errors.Join(err, limit(center, port, lineRate(w.in[i])))
	}
	return err
}

// limit lets so many bytes/s of frames leave a device (tc-tbf(8)).
func limit(h *netlink.Handle, l netlink.Link, rate uint64) error {
	burst := max(leastBurst, uint32(burstTime*float64(rate)))
	q := &netlink.Tbf{Rate: rate, Limit: queueBytes + burst, Buffer: netlink.Xmittime(rate, burst),
		QdiscAttrs: netlink.QdiscAttrs{LinkIndex: l.Attrs().Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT}}
	if err := h.QdiscAdd(q); err != nil {
		return fmt.Errorf("--net ns: limiting the rate of %s (this kernel may lack the tbf queue): %w", l.Attrs().Name, err)
	}
	return nil
}

// divert sends what comes in at a port through another device first.
func divert(h *netlink.Handle, port netlink.Link, through int) error {
	ingress := &netlink.Ingress{QdiscAttrs: netlink.QdiscAttrs{LinkIndex: port.Attrs().Index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_INGRESS}}
	filter := &netlink.U32{Actions: []netlink.Action{netlink.NewMirredAction(through)},
		FilterAttrs: netlink.FilterAttrs{LinkIndex: port.Attrs().Index, Parent: netlink.MakeHandle(0xffff, 0), Priority: 1, Protocol: unix.ETH_P_ALL}}
	if err := errors.Join(h.QdiscAdd(ingress), h.FilterAdd(filter)); err != nil {
		return fmt.Errorf("--net ns: a shared medium needs the ingress queue, u32 filters and mirred actions in the kernel: %w", err)
	}
	return nil
}

// removeNamespace takes a namespace away; its devices go with it. It is no error if it is not there.
func removeNamespace(name string) error {
	path := filepath.Join(namespaceFolder, name)
	if err := unix.Unmount(path, unix.MNT_DETACH); err != nil && err != unix.EINVAL && err != unix.ENOENT { // EINVAL: nothing is mounted
		return fmt.Errorf("network namespace %s: %w", name, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("network namespace %s: %w", name, err)
	}
	return nil
}
