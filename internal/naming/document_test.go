package naming

import "testing"

func FuzzParseDocument(f *testing.F) {
	for _, name := range []string{
		"nova.template.default.a.1.json", "nova.template.x.json", "nova.template.default.a..1.json", "nova.1.json",
		"nova.json", "nova..json", "nova.template.default.a.01.json",
		"nova.template.default.a.99999999999999999999.json",
	} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if stem, number, ok := ParseDocument(name); ok && (Document(stem, number) != name || number == 0 ||
			number > maxRevision) {
			t.Errorf("%q is read as %q and %d, which make %q", name, stem, number, Document(stem, number))
		}
	})
}

func TestNamesOfDocumentsDoNotCollide(t *testing.T) {
	names := map[string]string{}
	for _, key := range []string{
		"t/a", "t/a.1", "t/a.1.2", "t/a.", "t/a..1", "u/a", "t/a@1.0.0", "t/a.1@1.0.0", "t/a@1.0.0-1",
	} {
		for _, kind := range []string{"template", "version"} {
			for number := range uint64(3) {
				name, document := Document(DocumentStem(kind, key), number+1), kind+" "+key
				if other := names[name]; other != "" {
					t.Errorf("%s and %s share the volume %q", document, other, name)
				}
				names[name] = document
				if stem, n, ok := ParseDocument(name); !ok || stem != DocumentStem(kind, key) || n != number+1 {
					t.Errorf("%q is read as %q and %d, %t", name, stem, n, ok)
				}
			}
		}
	}
}
