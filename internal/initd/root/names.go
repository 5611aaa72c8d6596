//go:build linux

package root

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// bindNames mounts the files about names over the image's. nova-init can then rewrite them without
// following paths of the container, and the application can write to them, too.
func (r *Root) bindNames() error {
	if r.config.System {
		return nil // it has its own ways
	}
	hosts := HostsFile(r.config.Hostname, r.config.Network)
	resolv := ResolvFile(r.config.Network.Nameservers, r.config.Network.Search)
	for name, text := range map[string]string{
		"hosts": hosts, "hostname": r.config.Hostname + "\n", "resolv.conf": resolv,
	} {
		file, err := r.bindName(name, text)
		if err != nil {
			return fmt.Errorf("writing /etc/%s: %w", name, err)
		}
		if name == "resolv.conf" {
			r.resolv = file
		} else {
			file.Close()
		}
	}
	return nil
}

func (r *Root) bindName(name, text string) (*os.File, error) {
	source := filepath.Join(r.layer, "etc", name)
	file, err := os.OpenFile(source, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := file.Chown(r.id(0), r.id(0)); err != nil {
		return nil, err
	}
	if err := file.Chmod(0o644); err != nil {
		return nil, err
	}
	if _, err := file.WriteString(text); err != nil {
		return nil, err
	}
	at, err := r.regular("/etc/" + name)
	if err != nil {
		return nil, err
	}
	defer unix.Close(at)
	tree, err := cloned(unix.AT_FDCWD, source, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(tree)
	return file, attach(tree, at, "")
}

// SetResolv rewrites /etc/resolv.conf of an application's container.
func (r *Root) SetResolv(text string) error {
	if _, err := r.resolv.WriteAt([]byte(text), 0); err != nil {
		return err
	}
	return r.resolv.Truncate(int64(len(text)))
}
