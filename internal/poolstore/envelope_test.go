package poolstore

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

func TestAnIncompleteDocumentIsNeverTakenForAWholeOne(t *testing.T) {
	whole := volume(t, 3, "default/a", "ID", []catalog.Revision{"PARENT"}, note{7, "seven"})
	for cut := range whole {
		if _, _, err := unseal(whole[:cut]); !errors.Is(err, errBroken) {
			t.Fatalf("the first %d of %d bytes: got %v, want %v", cut, len(whole), err, errBroken)
		}
		zeroed := slices.Clone(whole)
		clear(zeroed[cut:])
		// it may end in zeros
		if _, _, err := unseal(zeroed); !errors.Is(err, errBroken) && !bytes.Equal(zeroed, whole) {
			t.Fatalf("zeros from byte %d of %d on: got %v, want %v", cut, len(whole), err, errBroken)
		}
	}
	for at := range len(whole) * 8 {
		flipped := filled(slices.Clone(whole))
		flipped[at/8] ^= 1 << (at % 8)
		e, _, err := unseal(flipped)
		if err == nil && e.checked {
			t.Fatalf("with bit %d flipped, it is taken for whole", at)
		}
	}
	padded := append(slices.Clone(whole), 0, 0, 0)
	e, body, err := unseal(padded)
	if err != nil {
		t.Fatal(err)
	}
	sh := must.Get[*shelf](t)(shelfOf(document{e, body}))
	if got := must.Get[entry](t)(sh.find("default/a")); got.revision != "ID" ||
		string(got.value) != `{"Count":7,"Text":"seven"}` {
		t.Errorf("rounded up with zeros, it reads as %+v", got)
	}
}

func TestADocumentOfAnotherReleaseIsAnErrorOfItsOwn(t *testing.T) {
	for text, broken := range map[string]bool{
		"{\"novacron\":3,\"id\":\"X\"}\n": false,
		"{\"novacron\":1,\"id\":\"X\"}\n": false,
		"{}\n":                            true,
		"{\"novacron\":0}\n":              true,
		"{\"novacron\":-1}\n":             true,
		"[1]\nx":                          true,
		"\n":                              true,
		"{\"novacron\":2}\nwithout an id": true,
	} {
		_, _, err := unseal([]byte(text))
		if err == nil || errors.Is(err, errBroken) != broken {
			t.Errorf("%q: got %v; broken: want %t", text, err, broken)
		}
	}
}

func FuzzUnseal(f *testing.F) {
	good, err := seal(envelope{Kind: "note", Key: "a/b", Number: 1, ID: "ID"}, []byte("{}"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte("{\"novacron\":2,\"length\":-1}\n"))
	f.Add([]byte("{\"novacron\":2,\"length\":99999999999}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, body, err := unseal(data)
		if err != nil {
			return
		}
		again, err := seal(e, body)
		if err != nil {
			t.Fatal(err)
		}
		e2, body2, err := unseal(again)
		if err != nil || e2.ID != e.ID || e2.Number != e.Number || e2.Key != e.Key || !bytes.Equal(body, body2) {
			t.Errorf("read as %+v %q, written and read again as %+v %q, %v", e, body, e2, body2, err)
		}
	})
}
