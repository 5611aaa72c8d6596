package domain

import (
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// editDomain changes a domain's XML in place. Decoding and encoding the whole XML would lose every
// element that this program does not know, and each release of libvirt adds some.
func editDomain(text string, change host.DomainChange) (string, error) {
	e, err := newEditor(text)
	if err != nil {
		return "", err
	}
	if change.Title != nil {
		e.setText("title", *change.Title)
	}
	if change.Description != nil {
		e.setText("description", *change.Description)
	}
	if change.Metadata != nil {
		if err := e.setMetadata(*change.Metadata); err != nil {
			return "", err
		}
	}
	if change.MemoryMiB != nil {
		amount := strconv.FormatUint(*change.MemoryMiB, 10)
		e.set("memory", []xml.Attr{{Name: xml.Name{Local: "unit"}, Value: "MiB"}}, amount)
		e.set("currentMemory", []xml.Attr{{Name: xml.Name{Local: "unit"}, Value: "MiB"}}, amount)
	}
	if change.Sockets != nil || change.Cores != nil {
		if err := e.setShape(change.Sockets, change.Cores); err != nil {
			return "", err
		}
	}
	if change.Disk != nil {
		if err := e.setDiskImage(*change.Disk); err != nil {
			return "", err
		}
	}
	if err := e.changeDevices(change); err != nil {
		return "", err
	}
	return e.result(), nil
}

// element is the position of an element in a text.
type element struct {
	name       xml.Name
	attrs      []xml.Attr
	start, end int // of the whole element
	open, shut int // of the content between its tags; both are end if it has only one tag
}

// editor collects replacements of parts of a domain's XML.
type editor struct {
	text     string
	root     element
	children []element
	edits    []edit
}

type edit struct {
	start, end int
	with       string
}

func newEditor(text string) (*editor, error) {
	roots, err := elements(text, 0, len(text))
	if err != nil {
		return nil, err
	}
	if len(roots) != 1 || roots[0].name.Local != "domain" || roots[0].open == roots[0].end {
		return nil, errors.New("understanding the domain's XML: it is not one domain element")
	}
	children, err := elements(text, roots[0].open, roots[0].shut)
	return &editor{text: text, root: roots[0], children: children}, err
}

// elements finds the elements that are siblings in text[from:to].
func elements(text string, from, to int) ([]element, error) {
	dec := xml.NewDecoder(strings.NewReader(text[from:to]))
	var found []element
	for depth := 0; ; {
		before := from + int(dec.InputOffset())
		token, err := dec.Token()
		switch {
		case errors.Is(err, io.EOF):
			return found, nil
		case err != nil:
			return nil, fmt.Errorf("understanding the domain's XML: %w", err)
		}
		after := from + int(dec.InputOffset())
		switch t := token.(type) {
		case xml.StartElement:
			if depth++; depth == 1 {
				found = append(found, element{name: t.Name, attrs: slices.Clone(t.Attr), start: before, open: after})
			}
		case xml.EndElement:
			if depth--; depth == 0 {
				e := &found[len(found)-1]
				e.shut, e.end = before, after
				if before == after { // a self-closing tag: <cpu/>
					e.open = e.end
				}
			}
		}
	}
}

func (e *editor) child(name string) (element, bool) {
	i := slices.IndexFunc(e.children, func(c element) bool { return c.name.Local == name && c.name.Space == "" })
	if i < 0 {
		return element{}, false
	}
	return e.children[i], true
}

// set replaces a child of the domain, or adds it.
func (e *editor) set(name string, attrs []xml.Attr, text string) {
	e.put(name, tag(name, attrs)+escape(text)+"</"+name+">")
}

// setText replaces a child of the domain, or adds it. An empty text removes the child.
func (e *editor) setText(name, text string) {
	if text == "" {
		e.put(name, "")
		return
	}
	e.set(name, nil, text)
}

func (e *editor) put(name, with string) {
	if c, ok := e.child(name); ok {
		e.edits = append(e.edits, edit{c.start, c.end, with})
	} else if with != "" {
		e.edits = append(e.edits, edit{e.root.shut, e.root.shut, with})
	}
}

// drop takes an element out.
func (e *editor) drop(part element) { e.edits = append(e.edits, edit{part.start, part.end, ""}) }

// setMetadata replaces novacron's element in the metadata.
func (e *editor) setMetadata(with string) error {
	if with != "" {
		var err error
		if with, err = WithPrefix(with); err != nil {
			return err
		}
	}
	all, ok := e.child("metadata")
	if !ok || all.open == all.shut {
		if with != "" {
			with = "<metadata>" + with + "</metadata>"
		}
		e.put("metadata", with)
		return nil
	}
	inner, err := elements(e.text, all.open, all.shut)
	if err != nil {
		return err
	}
	for _, m := range inner {
		if m.name.Space == naming.InstanceNamespace {
			e.edits = append(e.edits, edit{m.start, m.end, with})
			with = ""
		}
	}
	e.edits = append(e.edits, edit{all.shut, all.shut, with})
	return nil
}

// setShape changes sockets and cores, and with them the number of vCPUs. It keeps levels in
// between, such as threads, that another tool has added.
func (e *editor) setShape(sockets, cores *int) error {
	var doc domainDoc
	if err := xml.Unmarshal([]byte(e.text), &doc); err != nil {
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
	vcpu, _ := e.child("vcpu")
	// "current" is how many of the vCPUs are plugged in; all of the new ones shall be.
	attrs := slices.DeleteFunc(slices.Clone(vcpu.attrs), func(a xml.Attr) bool { return a.Name.Local == "current" })
	e.set("vcpu", attrs, strconv.Itoa(s*c*doc.CPU.Topology.within()))
	return e.setTopology(strconv.Itoa(s), strconv.Itoa(c))
}

func (e *editor) setTopology(sockets, cores string) error {
	fresh := `<topology sockets='` + sockets + `' cores='` + cores + `' threads='1'/>`
	cpu, ok := e.child("cpu")
	if !ok || cpu.open == cpu.end {
		e.put("cpu", tag("cpu", cpu.attrs)+fresh+"</cpu>")
		return nil
	}
	inner, err := elements(e.text, cpu.open, cpu.shut)
	if err != nil {
		return err
	}
	for _, t := range inner {
		if t.name.Local != "topology" {
			continue
		}
		attrs := slices.Clone(t.attrs)
		for i := range attrs {
			switch attrs[i].Name.Local {
			case "sockets":
				attrs[i].Value = sockets
			case "cores":
				attrs[i].Value = cores
			}
		}
		e.edits = append(e.edits, edit{t.start, t.end, tag("topology", attrs) + "</topology>"})
		return nil
	}
	e.edits = append(e.edits, edit{cpu.open, cpu.open, fresh})
	return nil
}

// result applies the edits from the end, so that the positions of earlier ones stay valid.
func (e *editor) result() string {
	slices.SortStableFunc(e.edits, func(a, b edit) int { return cmp.Compare(b.start, a.start) })
	text := e.text
	for _, x := range e.edits {
		text = text[:x.start] + x.with + text[x.end:]
	}
	return text
}

// ownMetadata returns novacron's element from a domain's metadata.
func ownMetadata(all string) (string, error) {
	found, err := elements(all, 0, len(all))
	for _, m := range found {
		if m.name.Space == naming.InstanceNamespace {
			return all[m.start:m.end], nil
		}
	}
	return "", err
}

// parseMetadata finds the one element of metadata.
func parseMetadata(text string) (element, error) {
	found, err := elements(text, 0, len(text))
	if err != nil {
		return element{}, fmt.Errorf("the metadata is not XML: %w", err)
	}
	if len(found) != 1 || found[0].name.Space == "" || found[0].start != 0 || found[0].end != len(text) {
		return element{}, errors.New("the metadata must be one XML element in a namespace")
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
	if slices.ContainsFunc(e.attrs, isPrefix) {
		return text, nil
	}
	tag := strings.TrimSuffix(strings.TrimSuffix(text[:e.open], ">"), "/")
	return tag + ` xmlns:` + metadataPrefix + `="` + escape(e.name.Space) + `"` + text[len(tag):], nil
}

// isPrefix reports whether an attribute declares the prefix.
func isPrefix(a xml.Attr) bool { return a.Name.Space == "xmlns" && a.Name.Local == metadataPrefix }

func tag(name string, attrs []xml.Attr) string {
	var b strings.Builder
	b.WriteString("<" + name)
	for _, a := range attrs {
		b.WriteString(" " + a.Name.Local + `="` + escape(a.Value) + `"`)
	}
	b.WriteString(">")
	return b.String()
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder does not fail
	return b.String()
}
