// Package domainxml changes parts of a domain's XML and leaves the rest as it is. Decoding and encoding
// the whole XML would lose every element that this program does not know, and each release of libvirt
// adds some.
package domainxml

import (
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Element is the position of an element in a text.
type Element struct {
	Name       xml.Name
	Attrs      []xml.Attr
	Start, End int // of the whole element
	Open, Shut int // of the content between its tags; both are end if it has only one tag
}

// Editor collects replacements of parts of a domain's XML.
type Editor struct {
	Text     string // as it was in the beginning
	root     Element
	children []Element
	edits    []edit
}

type edit struct {
	start, end int
	with       string
}

// New returns an editor of a definition.
func New(text string) (*Editor, error) {
	roots, err := Elements(text, 0, len(text))
	if err != nil {
		return nil, err
	}
	if len(roots) != 1 || roots[0].Name.Local != "domain" || roots[0].Open == roots[0].End {
		return nil, errors.New("understanding the domain's XML: it is not one domain element")
	}
	children, err := Elements(text, roots[0].Open, roots[0].Shut)
	return &Editor{Text: text, root: roots[0], children: children}, err
}

// Elements finds the elements that are siblings in text[from:to].
func Elements(text string, from, to int) ([]Element, error) {
	dec := xml.NewDecoder(strings.NewReader(text[from:to]))
	var found []Element
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
				found = append(found, Element{Name: t.Name, Attrs: slices.Clone(t.Attr), Start: before, Open: after})
			}
		case xml.EndElement:
			if depth--; depth == 0 {
				e := &found[len(found)-1]
				e.Shut, e.End = before, after
				if before == after { // a self-closing tag: <cpu/>
					e.Open = e.End
				}
			}
		}
	}
}

// Child returns a child of the domain.
func (e *Editor) Child(name string) (Element, bool) {
	i := slices.IndexFunc(e.children, func(c Element) bool { return c.Name.Local == name && c.Name.Space == "" })
	if i < 0 {
		return Element{}, false
	}
	return e.children[i], true
}

// Set replaces a child of the domain, or adds it.
func (e *Editor) Set(name string, attrs []xml.Attr, text string) {
	e.Put(name, Tag(name, attrs)+Escape(text)+"</"+name+">")
}

// SetText replaces a child of the domain, or adds it. An empty text removes the child.
func (e *Editor) SetText(name, text string) {
	if text == "" {
		e.Put(name, "")
		return
	}
	e.Set(name, nil, text)
}

// Put replaces a child of the domain by an element, or adds that. An empty text removes the child.
func (e *Editor) Put(name, with string) {
	if c, ok := e.Child(name); ok {
		e.Replace(c.Start, c.End, with)
	} else if with != "" {
		e.Replace(e.root.Shut, e.root.Shut, with)
	}
}

// Replace replaces a part of the text. If both ends are the same, it inserts.
func (e *Editor) Replace(start, end int, with string) {
	e.edits = append(e.edits, edit{start, end, with})
}

// Drop takes an element out.
func (e *Editor) Drop(part Element) { e.Replace(part.Start, part.End, "") }

// Result applies the edits from the end, so that the positions of earlier ones stay valid.
func (e *Editor) Result() string {
	slices.SortStableFunc(e.edits, func(a, b edit) int { return cmp.Compare(b.start, a.start) })
	text := e.Text
	for _, x := range e.edits {
		text = text[:x.start] + x.with + text[x.end:]
	}
	return text
}

// Without returns the text of a device, without its elements of these names.
func (e *Editor) Without(device Element, names ...string) (string, error) {
	parts, err := Elements(e.Text, device.Open, device.Shut)
	if err != nil {
		return "", err
	}
	text, from := "", device.Start
	for _, part := range parts {
		if slices.Contains(names, part.Name.Local) {
			text += e.Text[from:part.Start]
			from = part.End
		}
	}
	return text + e.Text[from:device.End], nil
}

// EachDevice passes on the devices of a kind, with their elements.
func (e *Editor) EachDevice(kind string, do func(device Element, parts []Element)) error {
	devices, ok := e.Child("devices")
	if !ok {
		return nil
	}
	all, err := Elements(e.Text, devices.Open, devices.Shut)
	if err != nil {
		return err
	}
	for _, d := range all {
		if d.Name.Local != kind {
			continue
		}
		parts, err := Elements(e.Text, d.Open, d.Shut)
		if err != nil {
			return err
		}
		do(d, parts)
	}
	return nil
}

// AddDevice adds a device as the last one.
func (e *Editor) AddDevice(text string) {
	devices, ok := e.Child("devices")
	if !ok || devices.Open == devices.End {
		e.Put("devices", "<devices>"+text+"</devices>")
		return
	}
	e.Replace(devices.Shut, devices.Shut, text)
}

// Tag renders a start tag.
func Tag(name string, attrs []xml.Attr) string {
	var b strings.Builder
	b.WriteString("<" + name)
	for _, a := range attrs {
		b.WriteString(" " + a.Name.Local + `="` + Escape(a.Value) + `"`)
	}
	b.WriteString(">")
	return b.String()
}

// Escape renders text.
func Escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder does not fail
	return b.String()
}

// Attr is the value of an attribute, "" for none.
func Attr(attrs []xml.Attr, name string) string {
	for _, a := range attrs {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}

// WithAttr returns the attributes with one of them set.
func WithAttr(attrs []xml.Attr, name, value string) []xml.Attr {
	all := make([]xml.Attr, 0, len(attrs)+1)
	for _, a := range attrs {
		if a.Name.Local != name {
			all = append(all, a)
		}
	}
	return append(all, xml.Attr{Name: xml.Name{Local: name}, Value: value})
}
