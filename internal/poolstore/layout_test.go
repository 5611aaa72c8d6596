package poolstore

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// TestWhereRecordsAre pins a part of the format: a different rule would find no record that was
// written under this one.
func TestWhereRecordsAre(t *testing.T) {
	for _, c := range []struct {
		layout
		key, want string
	}{
		{templates, "tenant-1/ubuntu-24.04", "nova.template.tenant-1.1.json"},
		{versions, "tenant-1/ubuntu-24.04@1.0.0", "nova.version.tenant-1.2.1.json"},
		{versions, "tenant-1/ubuntu-24.04@2.0.0-rc.1", "nova.version.tenant-1.2.1.json"},
		{versions, "tenant-1/debian@1.0.0", "nova.version.tenant-1.3.1.json"},
		{bases, "0123abc", "nova.base.0123abc.1.json"},
		{snapshots, "0123abc", "nova.warm.0123abc.1.json"},
		{requests, "tenant-1/ABCDEF", "nova.request.tenant-1.3.1.json"},
		{hosts, "kvm1.example.org", "nova.host.all.1.json"},
	} {
		if got := naming.Document(naming.DocumentStem(c.kind, c.document(c.key)), 1); got != c.want {
			t.Errorf("%s %q is in %q, want %q", c.kind, c.key, got, c.want)
		}
	}
}

func TestAPrefixFindsAllDocumentsOfItsRecordsAndFewOthers(t *testing.T) {
	keys := []string{
		"t/a", "t/a.b", "t/ab", "t-1/a", "t-1/b", "u/a", "t/a@1.0.0", "t/a@1.0.1", "t/ab@1.0.0", "t-1/a@1.0.0", "0a1b",
		"0a2c",
	}
	for _, l := range []layout{templates, versions, bases, snapshots, requests, hosts, {kind: "note"}} {
		for _, key := range keys {
			for end := range len(key) + 1 {
				if prefix := key[:end]; !l.holds(naming.DocumentStem(l.kind, l.document(key)), prefix) {
					t.Errorf("%s %q is in document %q, which is not looked at for %q",
						l.kind, key, l.document(key), prefix)
				}
			}
		}
	}
	for _, c := range []struct {
		layout
		key, prefix string
	}{
		{templates, "t-1/a", "t/"}, {templates, "u/a", "t/a"}, {versions, "t-1/a@1.0.0", "t/"},
		{requests, "t-1/a", "t/"}, {bases, "0a1b", "0a2"},
	} {
		if c.holds(naming.DocumentStem(c.kind, c.document(c.key)), c.prefix) {
			t.Errorf("%s %q: its document is looked at for %q", c.kind, c.key, c.prefix)
		}
	}
	looked := 0
	for shard := range versions.shards {
		if versions.holds(naming.DocumentStem(versions.kind, "t/"+string(rune('0'+shard))), "t/a@") {
			looked++
		}
	}
	if looked != 1 {
		t.Errorf("for the versions of one template, %d documents are looked at", looked)
	}
	if versions.holds(naming.DocumentStem(templates.kind, "t"), "") ||
		!strings.HasPrefix(naming.DocumentStem(versions.kind, "t/0"), naming.DocumentStem(versions.kind, "t")) {
		t.Error("documents of another kind are looked at")
	}
}
