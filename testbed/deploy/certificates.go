package deploy

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"hidp/testbed/wire"
)

// ControllerName is whose certificate the controller uses: agents obey it.
const ControllerName = "controller"

const renewBefore = 30 * 24 * time.Hour // of the end of a certificate

// issue makes the authority in the folder if there is none, and certificates for those who have none, or one that another authority
// signed or that ends soon.
func issue(dir string, names []string, now time.Time) error {
	authority, err := wire.OpenAuthority(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		switch why := stale(dir, name, now); {
		case why == nil:
			continue
		case !errors.Is(why, fs.ErrNotExist) && !errors.Is(why, errStale):
			return fmt.Errorf("certificate of %s in %s: %w; remove it to have a new one made", name, dir, why)
		}
		if err := authority.Issue(name); err != nil {
			return err
		}
	}
	return nil
}

var errStale = errors.New("not of this authority, or near its end")

// stale reports why a new certificate is due: nil if none is.
func stale(dir, name string, now time.Time) error {
	config, err := wire.LoadTLS(dir, name)
	if err != nil {
		return err
	}
	options := x509.VerifyOptions{Roots: config.RootCAs, DNSName: name, CurrentTime: now.Add(renewBefore), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if _, err := config.Certificates[0].Leaf.Verify(options); err != nil {
		return fmt.Errorf("%w: %w", errStale, err)
	}
	return nil
}
