package domain

import (
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/domainxml"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// editor changes a domain's XML.
type editor struct{ *domainxml.Editor }

func newEditor(text string) (*editor, error) {
	e, err := domainxml.New(text)
	return &editor{e}, err
}

// edit changes a domain's XML in place.
func (d Dialect) edit(text string, change host.DomainChange) (string, error) {
	e, err := newEditor(text)
	if err != nil {
		return "", err
	}
	if change.Title != nil {
		e.SetText("title", *change.Title)
	}
	if change.Description != nil {
		e.SetText("description", *change.Description)
	}
	if change.Metadata != nil {
		if err := e.setMetadata(*change.Metadata); err != nil {
			return "", err
		}
	}
	if change.MemoryMiB != nil {
		amount := strconv.FormatUint(*change.MemoryMiB, 10)
		e.Set("memory", domainxml.WithAttr(nil, "unit", "MiB"), amount)
		e.Set("currentMemory", domainxml.WithAttr(nil, "unit", "MiB"), amount)
	}
	if err := d.Change(e.Editor, change); err != nil {
		return "", err
	}
	return e.Result(), nil
}

// changeMachine changes vCPUs and devices.
func changeMachine(x *domainxml.Editor, change host.DomainChange) error {
	e := &editor{x}
	if len(change.SetFilesystems) > 0 || change.RemoveFilesystem != "" || change.RemoveInterface != "" {
		return fmt.Errorf("%w: a machine has no filesystems, and names its interfaces", host.ErrUnsupported)
	}
	if change.Sockets != nil || change.Cores != nil {
		if err := e.setShape(change.Sockets, change.Cores); err != nil {
			return err
		}
	}
	if change.Disk != nil {
		if err := e.setDiskImage(*change.Disk); err != nil {
			return err
		}
	}
	return e.changeDevices(change)
}

// setMetadata replaces novacron's element in the metadata.
func (e *editor) setMetadata(with string) error {
	if with != "" {
		var err error
		if with, err = WithPrefix(with); err != nil {
			return err
		}
	}
	all, ok := e.Child("metadata")
	if !ok || all.Open == all.Shut {
		if with != "" {
			with = "<metadata>" + with + "</metadata>"
		}
		e.Put("metadata", with)
		return nil
	}
	inner, err := domainxml.Elements(e.Text, all.Open, all.Shut)
	if err != nil {
		return err
	}
	for _, m := range inner {
		if m.Name.Space == naming.InstanceNamespace {
			e.Replace(m.Start, m.End, with)
			with = ""
		}
	}
	e.Replace(all.Shut, all.Shut, with)
	return nil
}

// setShape changes sockets and cores, and with them the number of vCPUs. It keeps levels in
// between, such as threads, that another tool has added.
func (e *editor) setShape(sockets, cores *int) error {
	var doc domainDoc
	if err := xml.Unmarshal([]byte(e.Text), &doc); err != nil {
		return fmt.Errorf("understanding the domain's XML: %w", err)
	}
	s, c := doc.shape()
	if sockets != nil {
		s = *sockets
	}
	if cores != nil {
		c = *cores
	}
	if s < 1 || c < 1 {
		return fmt.Errorf("%d sockets of %d cores: both must be at least 1", s, c)
	}
	vcpu, _ := e.Child("vcpu")
	// "current" is how many of the vCPUs are plugged in; all of the new ones shall be.
	attrs := slices.DeleteFunc(slices.Clone(vcpu.Attrs), func(a xml.Attr) bool { return a.Name.Local == "current" })
	e.Set("vcpu", attrs, strconv.Itoa(s*c*doc.CPU.Topology.within()))
	return e.setTopology(strconv.Itoa(s), strconv.Itoa(c))
}

func (e *editor) setTopology(sockets, cores string) error {
	fresh := `<topology sockets='` + sockets + `' cores='` + cores + `' threads='1'/>`
	cpu, ok := e.Child("cpu")
	if !ok || cpu.Open == cpu.End {
		e.Put("cpu", domainxml.Tag("cpu", cpu.Attrs)+fresh+"</cpu>")
		return nil
	}
	inner, err := domainxml.Elements(e.Text, cpu.Open, cpu.Shut)
	if err != nil {
		return err
	}
	for _, t := range inner {
		if t.Name.Local != "topology" {
			continue
		}
		attrs := slices.Clone(t.Attrs)
		for i := range attrs {
			switch attrs[i].Name.Local {
			case "sockets":
				attrs[i].Value = sockets
			case "cores":
				attrs[i].Value = cores
			}
		}
		e.Replace(t.Start, t.End, domainxml.Tag("topology", attrs)+"</topology>")
		return nil
	}
	e.Replace(cpu.Open, cpu.Open, fresh)
	return nil
}

// ownMetadata returns novacron's element from a domain's metadata.
func ownMetadata(all string) (string, error) {
	found, err := domainxml.Elements(all, 0, len(all))
	for _, m := range found {
		if m.Name.Space == naming.InstanceNamespace {
			return all[m.Start:m.End], nil
		}
	}
	return "", err
}

// parseMetadata finds the one element of metadata.
func parseMetadata(text string) (domainxml.Element, error) {
	found, err := domainxml.Elements(text, 0, len(text))
	if err != nil {
		return domainxml.Element{}, fmt.Errorf("the metadata is not XML: %w", err)
	}
	if len(found) != 1 || found[0].Name.Space == "" || found[0].Start != 0 || found[0].End != len(text) {
		return domainxml.Element{}, errors.New("the metadata must be one XML element in a namespace")
	}
	return found[0], nil
}

// metadataPrefix is the prefix that libvirt gives the namespace of metadata that it sets on their
// own.
const metadataPrefix = "novacron"

// WithPrefix returns metadata as libvirt writes them if it sets them on their own: it declares the
// prefix. So a definition is the same whichever way its metadata were written.
func WithPrefix(text string) (string, error) {
	e, err := parseMetadata(text)
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(e.Attrs, isPrefix) {
		return text, nil
	}
	tag := strings.TrimSuffix(strings.TrimSuffix(text[:e.Open], ">"), "/")
	return tag + ` xmlns:` + metadataPrefix + `="` + domainxml.Escape(e.Name.Space) + `"` + text[len(tag):], nil
}

// isPrefix reports whether an attribute declares the prefix.
func isPrefix(a xml.Attr) bool { return a.Name.Space == "xmlns" && a.Name.Local == metadataPrefix }
