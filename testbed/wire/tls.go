package wire

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"hidp/internal/durable"
	"hidp/internal/input"
)

const (
	authorityName = "ca"
	lifetime      = 5 * 365 * 24 * time.Hour // of certificates: boards are set up once
	backdated     = 24 * time.Hour           // boards without a battery may have late clocks
)

// Authority signs the certificates of a set of agents. It lives in a directory: ca.pem and ca.key, which never leaves the machine
// that makes the certificates, and NAME.pem and NAME.key per node. A node needs ca.pem and its own two files.
type Authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// OpenAuthority reads the authority of a directory, and makes a new one where there is none.
func OpenAuthority(dir string) (*Authority, error) {
	pair, err := tls.LoadX509KeyPair(pemPath(dir, authorityName), keyPath(dir, authorityName))
	if errors.Is(err, fs.ErrNotExist) {
		return newAuthority(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("wire: authority in %s: %w", dir, err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA {
		return nil, fmt.Errorf("wire: %s is not an authority with an ECDSA key", pemPath(dir, authorityName))
	}
	return &Authority{dir, pair.Leaf, key}, nil
}

func newAuthority(dir string) (*Authority, error) {
	for _, path := range []string{pemPath(dir, authorityName), keyPath(dir, authorityName)} {
		if _, err := os.Stat(path); err == nil {
			return nil, fmt.Errorf("wire: %s exists without the other half of the authority; restore that, or remove it and all certificates", path)
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("wire: %w", err)
	}
	a := &Authority{dir: dir}
	template := certificate("hidp agents")
	template.IsCA, template.BasicConstraintsValid, template.MaxPathLenZero = true, true, true
	template.KeyUsage = x509.KeyUsageCertSign
	var err error
	a.cert, a.key, err = a.sign(template, authorityName)
	return a, err
}

func certificate(name string) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		panic("wire: no random numbers: " + err.Error())
	}
	return &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-backdated), NotAfter: time.Now().Add(lifetime)}
}

// Issue makes a key and a certificate for the node of the given name, in place of older ones.
func (a *Authority) Issue(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if name == authorityName {
		return fmt.Errorf("wire: a node cannot be called %q, that is the name of the authority's files", name)
	}
	template := certificate(name)
	template.DNSNames = []string{name}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	_, _, err := a.sign(template, name)
	return err
}

// sign makes a key, signs its certificate, with itself if there is no authority yet, and writes both.
func (a *Authority) sign(template *x509.Certificate, file string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("wire: %w", err)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, nil, fmt.Errorf("wire: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, fmt.Errorf("wire: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("wire: %w", err)
	}
	if err := writePEM(keyPath(a.dir, file), "PRIVATE KEY", secret, 0o600); err != nil {
		return nil, nil, err
	}
	return cert, key, writePEM(pemPath(a.dir, file), "CERTIFICATE", der, 0o644)
}

func writePEM(path, kind string, der []byte, mode os.FileMode) error {
	data := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := durable.WriteFileMode(durable.Disk{}, path, data, mode); err != nil {
		return fmt.Errorf("wire: %w", err)
	}
	return nil
}

func pemPath(dir, name string) string { return filepath.Join(dir, name+".pem") }
func keyPath(dir, name string) string { return filepath.Join(dir, name+".key") }

// LoadTLS returns the mutual TLS of the node of the given name, from ca.pem, NAME.pem and NAME.key in a directory. It serves both
// ends of a connection; who dials must set ServerName to the name of the node it expects, who listens must compare the
// certificate's name with the one it is told. The transport does both, a gRPC server with it should.
func LoadTLS(dir, name string) (*tls.Config, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	text, err := input.Read(pemPath(dir, authorityName), input.Record)
	if err != nil {
		return nil, fmt.Errorf("wire: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("wire: %s holds no certificate", pemPath(dir, authorityName))
	}
	pair, err := tls.LoadX509KeyPair(pemPath(dir, name), keyPath(dir, name))
	if err != nil {
		return nil, fmt.Errorf("wire: certificate of %s: %w", name, err)
	}
	if err := pair.Leaf.VerifyHostname(name); err != nil {
		return nil, fmt.Errorf("wire: certificate of %s: %w", name, err)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}, RootCAs: pool,
		ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, SessionTicketsDisabled: true,
	}, nil
}
