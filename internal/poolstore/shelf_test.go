package poolstore

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/cloudinit"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
)

// zipped is a gzip file.
func zipped(t testing.TB, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	if _, err := zip.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func equal(a, b entry) bool { return reflect.DeepEqual(a, b) }

// FuzzPage parses any text as a page. A page that parses is written, and parses again as the same
// page.
func FuzzPage(f *testing.F) {
	for _, seed := range []string{
		"", "\n", "\t\n", "t/a\tREV\t\t{}\n", "\t{\"x\":1}\n\t{}\nt/a\tREV\t0\t{}\nt/b\tREV2\t1 0\t{}\n",
		"t/a\tREV\t7\t{}\n", "t/a\tREV\t-1\t{}\n",
		"t/a\tREV\t\t{}\nt/a\tAGAIN\t\t{}\n", "t/a@1.0.0\tREV\t\t{}\n", "a\tb\tc\td\te", "t/a\tREV\t+0\t{}",
	} {
		f.Add("", []byte(seed))
		f.Add("t/a@", []byte(seed))
	}
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		body := zipped(t, text)
		sh, err := shelfOf(document{envelope{Pages: []pageMark{{name, len(body)}}}, body})
		if err != nil {
			t.Fatal(err)
		}
		records, err := sh.page(name)
		if err != nil {
			if !errors.Is(err, errNoShelf) {
				t.Errorf("got %v, want %v", err, errNoShelf)
			}
			return
		}
		for key, e := range records {
			sh.put(key, e)
		}
		pages, body, err := sh.body(gzip.BestSpeed)
		if err != nil {
			t.Fatal(err)
		}
		again, err := shelfOf(document{envelope{Pages: pages}, body})
		if err != nil {
			t.Fatal(err)
		}
		if found, err := again.page(name); err != nil || !maps.EqualFunc(found, records, equal) {
			t.Errorf("read as %v, written and read again as %v, %v", records, found, err)
		}
	})
}

// FuzzShelf parses any body with any page marks.
func FuzzShelf(f *testing.F) {
	page := zipped(f, []byte("t/a\tREV\t\t{}\n"))
	f.Add(page, "", len(page), "t/a@", 0)
	f.Add(append(page, page...), "", len(page), "t/a@", len(page))
	f.Add(page, "", -1, "", 1<<62)
	f.Fuzz(func(t *testing.T, body []byte, first string, length int, second string, rest int) {
		sh, err := shelfOf(document{envelope{Pages: []pageMark{{first, length}, {second, rest}}}, body})
		if err == nil {
			_, err = sh.list("")
		}
		if err != nil && !errors.Is(err, errNoShelf) {
			t.Errorf("got %v, want %v", err, errNoShelf)
		}
	})
}

func TestAPageThatIsNoneIsAnErrorThatNamesItsVolume(t *testing.T) {
	whole := zipped(t, []byte("t/a\tREV\t\t{}\n"))
	for name, c := range map[string]struct {
		pages []pageMark
		body  []byte
	}{
		"longer than the body": {[]pageMark{{"", len(whole) + 1}}, whole},
		"twice":                {[]pageMark{{"", 1}, {"", len(whole) - 1}}, whole},
		"not all of the body":  {[]pageMark{{"", len(whole) - 1}}, whole},
		"no gzip":              {[]pageMark{{"", 5}}, []byte("plain")},
		"cut off":              {[]pageMark{{"", len(whole) - 9}}, whole[:len(whole)-9]},
		"another's record":     {[]pageMark{{"t/b@", len(whole)}}, whole},
	} {
		doc := document{envelope{Kind: "note", Key: "t", Number: 3, Pages: c.pages}, c.body}
		sh, err := shelfOf(doc)
		if err == nil {
			_, err = sh.list("")
		}
		if !errors.Is(err, errNoShelf) || !strings.Contains(err.Error(), `"nova.note.t.3.json"`) {
			t.Errorf("%s: got %v, want %v with the volume's name", name, err, errNoShelf)
		}
	}
}

// TestASpecThatVersionsShareIsStoredOnce, and every version reads as it was written.
func TestASpecThatVersionsShareIsStoredOnce(t *testing.T) {
	m := newMemory()
	template := catalog.TemplateID{Tenant: "t", Name: "a"}
	spec := catalog.Spec{
		VM: catalog.VM{CloudInit: &cloudinit.Config{UserData: "#cloud-config\n# the text of the spec"}},
	}
	want := map[string]catalog.Version{}
	for i := range 20 {
		v := catalog.Version{ID: template.Version(fmt.Sprintf("1.%d.0", i)), Spec: spec}
		if i%2 == 1 {
			v.Overrides = catalog.Spec{Hardware: &profile.Hardware{MemoryMB: new(int64(512))}}
		}
		want[v.ID.String()] = v
		must.Get[catalog.Record[catalog.Version]](t)(m.store().Versions().Create(t.Context(), v.ID.String(), v))
	}
	for _, rec := range must.Get[[]catalog.Record[catalog.Version]](t)(m.store().Versions().List(t.Context(), "t/a@")) {
		one := must.Get[catalog.Record[catalog.Version]](t)(m.store().Versions().Get(t.Context(), rec.Key))
		if !reflect.DeepEqual(rec.Value, want[rec.Key]) || !reflect.DeepEqual(one, rec) {
			t.Errorf("%s is listed as %+v, and read as %+v; want %+v", rec.Key, rec, one, want[rec.Key])
		}
		delete(want, rec.Key)
	}
	if len(want) > 0 {
		t.Errorf("not listed: %v", want)
	}
	for name, data := range m.volumes {
		e, body, err := unseal(data)
		if err != nil {
			t.Fatal(err)
		}
		text := must.Get[[]byte](t)(unpack(must.Get[*shelf](t)(shelfOf(document{e, body})).packed["t/a@"]))
		if n := bytes.Count(text, []byte("the text of the spec")); n != 1 {
			t.Errorf("%s has the spec %d times", name, n)
		}
	}
}

// TestASearchGetsTemplatesWithoutTheirSpecs, and with everything else.
func TestASearchGetsTemplatesWithoutTheirSpecs(t *testing.T) {
	s := newMemory().store()
	made := must.Get[catalog.Record[catalog.Template]](t)(s.Templates().Create(t.Context(), "t/a", catalog.Template{
		ID: catalog.TemplateID{Tenant: "t", Name: "a"}, DisplayName: "A", Labels: map[string]string{"os": "linux"},
		Spec: catalog.Spec{VM: catalog.VM{CloudInit: &cloudinit.Config{UserData: "#cloud-config"}}},
	}))
	got := must.Get[[]catalog.Record[catalog.Template]](t)(s.Templates().List(t.Context(), ""))
	if !reflect.DeepEqual(got, []catalog.Record[catalog.Template]{made}) {
		t.Errorf("listed %+v, want %+v", got, made)
	}
	made.Value.Spec = catalog.Spec{}
	got = must.Get[[]catalog.Record[catalog.Template]](t)(catalog.TemplateHeads(t.Context(), s, ""))
	if !reflect.DeepEqual(got, []catalog.Record[catalog.Template]{made}) {
		t.Errorf("heads are %+v, want %+v", got, made)
	}
}
