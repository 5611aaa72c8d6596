package guest

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
)

// pythonReader reads documents as cloud-init does, by PyYAML's safe_load, and answers whether two
// have the same value. It answers one line of JSON for each pair.
const pythonReader = `
import json, sys, yaml
def shown(v):
    if isinstance(v, dict):
        return "{" + ", ".join(sorted(shown(k) + ": " + shown(x) for k, x in v.items())) + "}"
    if isinstance(v, list):
        return "[" + ", ".join(shown(x) for x in v) + "]"
    return repr(v)
def load(text):
    try:
        return shown(yaml.safe_load(text) or {}), ""
    except Exception as e:
        return None, "%s: %s" % (type(e).__name__, e)
for line in sys.stdin:
    before, after = json.loads(line)
    (a, a_error), (b, b_error) = load(before), load(after)
    print(json.dumps({"Before": a, "After": b, "BeforeError": a_error, "AfterError": b_error}), flush=True)
`

// readings are PyYAML's readings of two documents.
type readings struct{ Before, After, BeforeError, AfterError string }

// python is a process that answers one comparison after another.
type python struct {
	sync.Mutex
	in  io.Writer
	out *bufio.Reader
	err error
}

var startPython = sync.OnceValue(func() *python {
	p := &python{}
	if p.err = exec.Command("python3", "-c", "import yaml").Run(); p.err != nil {
		return p
	}
	cmd := exec.Command("python3", "-c", pythonReader) // it ends with its input
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err == nil {
		p.in = in
		var out io.Reader
		if out, err = cmd.StdoutPipe(); err == nil {
			p.out, err = bufio.NewReaderSize(out, 1<<20), cmd.Start()
		}
	}
	p.err = err
	return p
})

// asCloudInitReads compares two documents by PyYAML. Without PyYAML the tests are skipped, unless
// they run where nothing may be missing.
func asCloudInitReads(t testing.TB, before, after string) readings {
	t.Helper()
	p := startPython()
	if p.err != nil {
		needs.Missing(t, "needs python3 with yaml (the package python3-yaml): %v", p.err)
	}
	p.Lock()
	defer p.Unlock()
	question, err := json.Marshal([]string{before, after})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.in.Write(append(question, '\n')); err != nil {
		t.Fatal(err)
	}
	answer, err := p.out.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var r readings
	if err := json.Unmarshal(answer, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// styles are scalars of all styles whose lines are indented, empty, or end in white space.
var styles = []string{
	"runcmd:\n  - >\n    a \\\n      --b c \\\n      d\n",
	"runcmd:\n  - >-\n    a\n\n      b\n\n\n    c\n",
	"runcmd:\n  - >+\n    a\n\n\n  - |+\n    b\n\n",
	"runcmd:\n  - >2\n       a\n      b\n    c\n",
	"runcmd:\n  - |2\n\n      a\n    b\n",
	"runcmd:\n  - |-\n    if a; then\n    \tb\n    fi  \n",
	"runcmd:\n  - 'it''s\n\n    one'\n  - \"a\\\n    \\  b\\n\\tc\\u2028\\u0085\\ufeff\\x7f\"\n",
	"runcmd:\n  - a plain one\n    that goes on\n\n    after an empty line\n  - [in, a flow\n    that goes on]\n",
	"runcmd: [yes, 'yes', 0644, \"0644\", 1:30, 1_000, 0o7, .5, ~, '', 2024-01-01, !!str 1, !!binary aGVsbG8=]\n",
	"a: |\n  \ud7ff\U0001f600\n  \n",
	"? |\n  a key\n  of lines\n: b\n? [c]\n: d\n",
	"a: >\n  y\n   x\n\n  z\nb: !!str >\n  1\nc: !!binary |\n  aGVs\n  bG8=\n",
}

// reencoded is a cloud-config as the guest gets it after it was merged with another.
func reencoded(t testing.TB, config string) (string, bool) {
	t.Helper()
	root, err := parseCloudConfig(config)
	if err != nil {
		return "", false
	}
	written, err := encodeCloudConfig(root)
	if err != nil {
		t.Fatalf("cannot be written: %v\n%s", err, config)
	}
	return string(written), true
}

func sameAsCloudInitReads(t testing.TB, before, after string) {
	t.Helper()
	switch r := asCloudInitReads(t, before, after); {
	case r.BeforeError != "": // cloud-init could not use it anyway
	case r.AfterError != "":
		t.Errorf("cannot be read any more: %s\n%s\nfrom\n%s", r.AfterError, after, before)
	case r.Before != r.After:
		t.Errorf("means\n%s\ninstead of\n%s\nin\n%s\nfrom\n%s", r.After, r.Before, after, before)
	}
}

func TestWhatIsWrittenAgainMeansTheSame(t *testing.T) {
	for _, body := range styles {
		config := "#cloud-config\n" + body
		if written, ok := reencoded(t, config); ok {
			sameAsCloudInitReads(t, config, written)
		} else if !strings.HasPrefix(body, "?") {
			t.Errorf("is not taken:\n%s", config)
		}
	}
	paths, err := filepath.Glob("testdata/yaml/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d files: %v", len(paths), err)
	}
	for _, path := range paths {
		config, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		written, ok := reencoded(t, string(config))
		if !ok {
			t.Errorf("%s is not taken", path)
		}
		if r := asCloudInitReads(t, string(config), written); r.BeforeError != "" {
			t.Errorf("%s: %s", path, r.BeforeError)
		}
		sameAsCloudInitReads(t, string(config), written)
	}
}

// A template's folded command reaches the guest as it was written even if the instance has commands
// of its own.
func TestAFoldedCommandIsJoinedAsItIs(t *testing.T) {
	const template = "#cloud-config\nruncmd:\n  - >\n    podman run \\\n      --name shop \\\n      shop:1\n"
	data := customized(t, template, &Customization{RunCommands: []string{"true"}})
	if got, want := data["runcmd"].([]any)[0], "podman run \\\n  --name shop \\\n  shop:1\n"; got != want {
		t.Errorf("the command is %q, want %q", got, want)
	}
}

// No value of any style changes, for this reader and for cloud-init's.
func FuzzWhatIsWrittenAgainMeansTheSame(f *testing.F) {
	for _, body := range styles {
		f.Add(body)
	}
	for _, s := range hostile {
		f.Add("a: " + s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		config := "#cloud-config\n" + body
		written, ok := reencoded(t, config)
		if !ok {
			return
		}
		sameAsCloudInitReads(t, config, written)
	})
}
