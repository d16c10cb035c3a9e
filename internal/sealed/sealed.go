// Package sealed notices damage in stored files.
//
// A sealed file holds its own checksum as text: the marker "hidp-sha256:" and 32 hexadecimal digits. These are the first half of the
// SHA-256 of the whole file, with zeros in the place of the digits. So every byte of the file counts, and each process that makes a
// file seals it alone. The text fits into formats that others read: a JSON string, metadata of Parquet, a comment, the last line. Where
// it stands more than once, the last one is the seal.
//
// Seals notice accidents. They are no signature: whoever writes files can seal them.
package sealed

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
)

const (
	marker = "hidp-sha256:"
	digits = 32
)

// Blank is what a file holds in the place of its seal before it is sealed.
var Blank = marker + strings.Repeat("0", digits)

// Errors of Check.
var (
	ErrNone  = errors.New("has no checksum: it is cut off, or was not written by this program")
	ErrWrong = errors.New("is damaged: its checksum is wrong")
)

// Seal writes the checksum of data over the last Blank in it. Texts that it belongs to count too,
// without standing in the file. Data without a Blank is a bug of the caller.
func Seal(data []byte, belongs ...string) {
	at := bytes.LastIndex(data, []byte(marker))
	if at < 0 || len(data)-at < len(Blank) || string(data[at:at+len(Blank)]) != Blank {
		panic("sealed: there is no place for the checksum")
	}
	copy(data[at+len(marker):], sum(data, at+len(marker), belongs))
}

// Check returns nil if data is as it was sealed, else ErrNone or ErrWrong.
func Check(data []byte, belongs ...string) error {
	at := bytes.LastIndex(data, []byte(marker))
	if at < 0 || len(data)-at < len(Blank) {
		return ErrNone
	}
	at += len(marker)
	if sum(data, at, belongs) != string(data[at:at+digits]) {
		return ErrWrong
	}
	return nil
}

// sum returns the digits for data with zeros at a place.
func sum(data []byte, at int, belongs []string) string {
	h := sha256.New()
	for _, text := range belongs {
		part := sha256.Sum256([]byte(text))
		h.Write(part[:])
	}
	h.Write(data[:at])
	h.Write([]byte(Blank[len(marker):]))
	h.Write(data[at+digits:])
	return hex.EncodeToString(h.Sum(nil))[:digits]
}
