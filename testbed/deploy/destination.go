package deploy

import (
	"fmt"
	"net"
	"net/netip"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// What names may be made of. Nothing here means anything to a shell, to systemd or to ssh's option parser.
var (
	userName  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)
	hostName  = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)
	zoneName  = regexp.MustCompile(`^[A-Za-z0-9._-]*$`)
	pathName  = regexp.MustCompile(`^[A-Za-z0-9._/+@-]+$`)
	nodeName  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	forbidden = map[string]string{"ca": "that is the name of the authority's files", "controller": "that is the name of the controller's certificate"}
)

// Destination is how ssh is told to reach a board.
type Destination struct {
	User string // empty: as the ssh configuration says
	Host string // a host name, an IP address, or a Host of the ssh configuration
	Port int    // 0: as the ssh configuration says
}

// String returns user@host:port, without the parts that are not set.
func (d Destination) String() string {
	s := d.Host
	if d.Port != 0 {
		s = net.JoinHostPort(d.Host, strconv.Itoa(d.Port))
	}
	if d.User != "" {
		s = d.User + "@" + s
	}
	return s
}

// ParseDestination reads [user@]host[:port]; an IPv6 address with a port stands in brackets.
func ParseDestination(s string) (Destination, error) {
	var d Destination
	rest := s
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		d.User, rest = s[:i], s[i+1:]
		if !userName.MatchString(d.User) {
			return d, fmt.Errorf("user %q; letters, digits and . _ - are possible", d.User)
		}
	}
	d.Host = strings.TrimSuffix(strings.TrimPrefix(rest, "["), "]")
	if host, port, err := net.SplitHostPort(rest); err == nil {
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 {
			return d, fmt.Errorf("port %q; want 1 to 65535", port)
		}
		d.Host, d.Port = host, n
	}
	if !validHost(d.Host) {
		return d, fmt.Errorf("host %q; want a host name, an IP address or a Host of the ssh configuration, as in user@host or user@host:22", d.Host)
	}
	return d, nil
}

func validHost(s string) bool {
	if a, err := netip.ParseAddr(s); err == nil {
		return zoneName.MatchString(a.Zone())
	}
	return hostName.MatchString(s)
}

// checkNode reports why a node's name cannot name files and units.
func checkNode(name string) error {
	if why := forbidden[name]; why != "" {
		return fmt.Errorf("a node cannot be called %q, %s", name, why)
	}
	if len(name) > 64 || !nodeName.MatchString(name) {
		return fmt.Errorf("got %q; want up to 64 letters, digits and - . _, a letter or digit first", name)
	}
	return nil
}

// checkPath reports why a path on a board cannot be used. A folder or file there must not need quoting anywhere.
func checkPath(p string) error {
	if !pathName.MatchString(p) {
		return fmt.Errorf("got %q; letters, digits and . _ / + @ - are possible", p)
	}
	if path.Clean(p) != p {
		return fmt.Errorf("got %q; write it as %q", p, path.Clean(p))
	}
	if p == "." || p == "/" || p == ".." || strings.HasPrefix(p, "../") || strings.HasPrefix(p, "-") {
		return fmt.Errorf("got %q; want a folder or file of its own", p)
	}
	return nil
}
