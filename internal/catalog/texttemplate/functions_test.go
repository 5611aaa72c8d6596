package texttemplate

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// A shell reads what shell quotes as one word.
func FuzzShellWords(f *testing.F) {
	for _, hostile := range []string{
		"", "a b", "'", "''", "\\'", "$(id)", "`id`", "\n", "; id", "\"", "*", "~", "-n", "%s", "!", "\x80",
	} {
		f.Add(hostile)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if strings.ContainsRune(value, 0) {
			return // no parameter has such a text
		}
		quoted, err := shell(value)
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("sh", "-c", "printf '<%s>' "+quoted).CombinedOutput()
		if err != nil || string(out) != "<"+value+">" {
			t.Errorf("%q became %q (%v)", value, out, err)
		}
	})
}

func TestJSONIsJSON(t *testing.T) {
	for _, v := range []any{"\u2028\x7f\u0085😀", int64(5), true, []string{"a"}, map[string]string{"b": "\u00a0"}} {
		text, err := jsonText(v)
		if err != nil || !json.Valid([]byte(text)) {
			t.Errorf("%v became %s, %v", v, text, err)
		}
	}
}
