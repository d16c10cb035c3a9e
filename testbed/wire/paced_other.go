//go:build !unix

package wire

import (
	"errors"

	"hidp/devices"
)

// OpenPaced is not possible on this system: agents that share an emulated network must be in one process.
func OpenPaced(string, *devices.Platform, Clock, uint64) (*Paced, error) {
	return nil, errors.New("wire: an emulated network between processes needs a Unix system")
}
