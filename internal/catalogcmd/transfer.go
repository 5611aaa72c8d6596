package catalogcmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
)

// tally counts the documents of a transfer.
type tally struct{ made, there int }

func (t tally) String() string {
	if t.there == 0 {
		return fmt.Sprint(t.made)
	}
	return fmt.Sprintf("%d (%d more were there already)", t.made, t.there)
}

// transfer creates all documents of from in to. Documents that exist already and are the same stay.
// If any document differs, transfer changes nothing. An interrupted transfer continues when it is
// run again.
func (a *app) transfer(ctx context.Context, from contents, to *end) error {
	templates, err := from.templates(ctx)
	if err != nil {
		return err
	}
	rest, err := readOthers(ctx, from)
	if err != nil {
		return err
	}
	if err := a.compare(ctx, from, templates, rest, to); err != nil {
		return err
	}
	var t, v tally
	for _, template := range templates {
		if err := put(ctx, to.store.Templates(), template.ID.String(), withoutMaker(template), &t); err != nil {
			return err
		}
		if err := a.putVersions(ctx, from, template.ID, to, &v); err != nil {
			return err
		}
	}
	n, err := rest.put(ctx, to)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "In %s are now, new: templates: %s, versions: %s, requests: %s, resource pools: %s, states "+
		"of hosts: %s, placements: %s.\n", to.name, t, v, n.requests, n.pools, n.hosts, n.placements)
	return nil
}

func put[T any](ctx context.Context, c catalog.Collection[T], key string, value T, t *tally) error {
	_, err := c.Create(ctx, key, value)
	if errors.Is(err, catalog.ErrExists) { // compare has found it to be the same
		t.there++
		return nil
	}
	if err == nil {
		t.made++
	}
	return err
}

func (a *app) putVersions(ctx context.Context, from contents, of catalog.TemplateID, to *end, t *tally) error {
	versions, err := from.versions(ctx, of)
	if err != nil {
		return err
	}
	there, err := byKey(to.store.Versions().List(ctx, of.String()+"@"))
	if err != nil {
		return err
	}
	for _, v := range versions {
		if other, known := there[v.ID.String()]; known && other.Claim == nil {
			t.there++
			continue
		}
		a.progress("version %s, image of %d MiB", v.ID, v.StoredSize>>20)
		if err := to.lib.RestoreVersion(ctx, v, from.image(v)); err != nil {
			if errors.Is(err, imagestore.ErrNoImage) {
				err = fmt.Errorf("%w: between pools, use catalog export and catalog import", err)
			}
			return err
		}
		t.made++
	}
	return nil
}

// byKey indexes the records of a list by key.
func byKey[T any](records []catalog.Record[T], err error) (map[string]T, error) {
	all := make(map[string]T, len(records))
	for _, rec := range records {
		all[rec.Key] = rec.Value
	}
	return all, err
}

// compare returns an error that names every document that both have and that differs.
func (a *app) compare(
	ctx context.Context, from contents, templates []catalog.Template, rest others, to *end,
) error {
	var found []string
	differ := func(what, key string, fields []string) {
		if len(fields) > 0 {
			found = append(found, fmt.Sprintf("%s %s: %s", what, key, strings.Join(fields, ", ")))
		}
	}
	otherTemplates, err := byKey(to.store.Templates().List(ctx, to.prefix()))
	if err != nil {
		return err
	}
	for _, template := range templates {
		if other, there := otherTemplates[template.ID.String()]; there {
			differ("template", template.ID.String(), differences(withoutMaker(template), withoutMaker(other)))
		}
		versions, err := from.versions(ctx, template.ID)
		if err != nil {
			return err
		}
		others, err := byKey(to.store.Versions().List(ctx, template.ID.String()+"@"))
		if err != nil {
			return err
		}
		for _, v := range versions {
			if other, there := others[v.ID.String()]; there && other.Claim == nil {
				differ("version", v.ID.String(), differences(withoutMarks(v), withoutMarks(other)))
			}
		}
	}
	if err := rest.compare(ctx, to, differ); err != nil {
		return err
	}
	if len(found) == 0 {
		return nil
	}
	return fmt.Errorf("%s has other documents of the same names, which would be lost. Nothing was changed. They "+
		"differ in:\n  %s\nRemove or change them there first, or leave them out with --tenant", to.name,
		strings.Join(found, "\n  "))
}

// withoutMaker and withoutMarks clear the fields that describe a process rather than the document.

func withoutMaker(t catalog.Template) catalog.Template {
	t.Maker = ""
	return t
}

func withoutMarks(v catalog.Version) catalog.Version {
	v.Maker, v.DeletingSince = "", nil
	return v
}

// differences names the top-level fields in which two documents differ.
func differences(a, b any) []string {
	left, right := fields(a), fields(b)
	var names []string
	for name := range left {
		if !bytes.Equal(left[name], right[name]) {
			names = append(names, name)
		}
	}
	for name := range maps.Keys(right) {
		if _, both := left[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func fields(document any) map[string]json.RawMessage {
	var all map[string]json.RawMessage
	data, err := json.Marshal(document)
	if err == nil {
		err = json.Unmarshal(data, &all)
	}
	if err != nil {
		panic(err) // documents are structs of plain data
	}
	return all
}
