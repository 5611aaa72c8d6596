package domain

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// domainRef addresses a domain. Drivers use only the UUID (qemu_domain.c, qemuDomainObjFromDomain),
// and the name only appears in libvirt's messages, so no lookup is needed.
func domainRef(uuid string) (libvirt.Domain, error) {
	bare := strings.ReplaceAll(uuid, "-", "")
	parsed, err := hex.DecodeString(bare)
	if err != nil || len(parsed) != libvirt.UUIDBuflen {
		return libvirt.Domain{}, fmt.Errorf("%q is not a UUID", uuid)
	}
	return libvirt.Domain{Name: uuid, UUID: libvirt.UUID(parsed), ID: -1}, nil
}

// Change makes one request that changes a domain.
func (ds *Domains) Change(
	ctx context.Context, op, uuid string, fn func(*libvirt.Libvirt, libvirt.Domain) error,
) error {
	return change(ctx, ds.client, op, uuid, fn)
}

// change makes one request that changes a domain.
func change(
	ctx context.Context, c *rpc.Client, op, uuid string, fn func(*libvirt.Libvirt, libvirt.Domain) error,
) error {
	return onDomain(ctx, c, op, uuid, false, fn)
}

// query makes one request that only reads a domain.
func query(ctx context.Context, c *rpc.Client, op, uuid string, fn func(*libvirt.Libvirt, libvirt.Domain) error) error {
	return onDomain(ctx, c, op, uuid, true, fn)
}

func onDomain(
	ctx context.Context, c *rpc.Client, op, uuid string, readonly bool, fn func(*libvirt.Libvirt, libvirt.Domain) error,
) error {
	ref, err := domainRef(uuid)
	if err != nil {
		return virterr.Fail(op, virterr.Domain(uuid), err)
	}
	return c.Call(ctx, op, virterr.Domain(uuid), readonly, func(l *libvirt.Libvirt) error { return fn(l, ref) })
}

func liveXML(ctx context.Context, c *rpc.Client, op, uuid string) (text string, err error) {
	err = query(ctx, c, op, uuid, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		got, err := l.DomainGetXMLDesc(ref, 0)
		if err == nil {
			text = got
		}
		return err
	})
	return text, err
}

func readState(ctx context.Context, c *rpc.Client, object string, ref libvirt.Domain) (host.State, error) {
	return rpc.Ask(ctx, c, "reading the state of", object, func(l *libvirt.Libvirt) (host.State, error) {
		state, _, err := l.DomainGetState(ref, 0)
		return stateOf(state), err
	})
}

// domainState returns what a domain is doing.
func domainState(ctx context.Context, c *rpc.Client, uuid string) (host.State, error) {
	ref, err := domainRef(uuid)
	if err != nil {
		return host.StateUnknown, virterr.Fail("reading the state of", virterr.Domain(uuid), err)
	}
	return readState(ctx, c, virterr.Domain(uuid), ref)
}
