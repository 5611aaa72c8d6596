package provision

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// envStress tells a process of the stress test what to do, as JSON.
const envStress = "NOVACRON_TEST_STRESS"

// stressed is a process of the stress test.
type stressed struct {
	URI, Pool    string
	Image, Other string // files
	Name         string // of the process, and part of the names of what it creates
	// linked clones to create; 0 for a process that removes and registers versions until it is told to
	// end
	Creates int
}

// tally is what such a process prints at the end.
type tally struct {
	Created, Refused int // linked clones, and attempts at a version that was just being removed
	Removed, Kept    int // versions, and removals that were refused
	Wrong            []string
}

func TestMain(m *testing.M) {
	role := os.Getenv(envStress)
	if role == "" {
		os.Exit(pgtest.Run(m))
	}
	var s stressed
	err := json.Unmarshal([]byte(role), &s)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(s.run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Two versions have one image, and so one base, which is to go with the second of them. No process
// makes clones of the other version, so it can always be removed.
var (
	stressTemplate = catalog.TemplateID{Tenant: "default", Name: "stressed"}
	stressVersions = []string{"1.0.0", "1.1.0", stressOther}
)

const stressOther = "2.0.0"

// stressTime is how long the whole test may take.
const stressTime = 15 * time.Minute

// start runs a process. One that goes on until it is told to end is told when stop is closed.
func (s stressed) start(t *testing.T, stop <-chan struct{}) (tally, error) {
	var said tally
	role, err := json.Marshal(s)
	if err != nil {
		return said, err
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), envStress+"="+string(role))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return said, err
	}
	if stop != nil {
		<-stop
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		return said, fmt.Errorf("process %s: %w\n%s", s.Name, err, stderr.String())
	}
	return said, json.Unmarshal(stdout.Bytes(), &said)
}

// run is what a process does.
func (s stressed) run() tally {
	l, p, done := s.open()
	defer done()
	ctx, cancel := context.WithTimeout(context.Background(), stressTime)
	defer cancel()
	var said tally
	if s.Creates > 0 {
		s.clone(ctx, l, p, &said)
		return said
	}
	ended := make(chan struct{})
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1)) // until it is closed
		close(ended)
	}()
	for {
		for _, version := range stressVersions {
			s.remove(ctx, l, version, &said)
		}
		for _, version := range stressVersions {
			// Some are still there, and another process is registering others.
			if err := s.register(ctx, l, version); err != nil && !errors.As(err, new(finding.List)) {
				said.wrong("registering version %s again: %v", version, err)
			}
		}
		select {
		case <-ended:
			return said
		default:
		}
	}
}

// clone creates linked clones and removes all but the last. An attempt that is refused must leave
// nothing.
func (s stressed) clone(ctx context.Context, l *library.Library, p *Provisioner, said *tally) {
	for n := 0; said.Created < s.Creates && ctx.Err() == nil; n++ {
		request := kind.Request{
			Name:     fmt.Sprintf("%s-%d", s.Name, n),
			Template: stressTemplate,
			Version:  stressVersions[n%(len(stressVersions)-1)],
			Strategy: "linked_clone",
			Options:  kind.Options{},
		}
		made, _, err := p.Create(ctx, request, func(kind.Instance, Record) {})
		if err != nil {
			said.Refused++
			if _, err := p.Find(ctx, "default", request.Name); !errors.Is(err, ErrNotFound) {
				said.wrong("%s was refused, and is there all the same (%v)", request.Name, err)
			}
			continue
		}
		said.Created++
		if _, err := l.Version(ctx, stressTemplate.Version(request.Version)); err != nil {
			said.wrong("%s has lost its version: %v", request.Name, err)
		}
		if _, err := l.Images.Base(ctx, made.Facts.Digest); err != nil {
			said.wrong("%s has lost its base: %v", request.Name, err)
		}
		if said.Created == s.Creates {
			return
		}
		if err := p.Delete(ctx, 0, made.UUID, "default", request.Name, hostid.ID{}); err != nil {
			said.wrong("removing %s: %v", request.Name, err)
		}
	}
}

// remove removes a version, or is refused.
func (s stressed) remove(ctx context.Context, l *library.Library, version string, said *tally) {
	err := l.RemoveVersion(ctx, stressTemplate.Version(version))
	if inUse, ok := errors.AsType[*imagestore.InUseError](err); ok {
		said.Kept++
		if len(inUse.Users) == 0 {
			said.wrong("removing version %s was refused without naming who needs it: %v", version, err)
		}
		return
	}
	if err != nil {
		said.wrong("removing version %s: %v", version, err)
		return
	}
	said.Removed++
}

func (t *tally) wrong(format string, values ...any) {
	t.Wrong = append(t.Wrong, fmt.Sprintf(format, values...))
}

func (s stressed) register(ctx context.Context, l *library.Library, version string) error {
	source := file.Source{Path: s.Image}
	if version == stressOther {
		source.Path = s.Other
	}
	_, err := l.RegisterVersion(ctx, library.VersionRequest{ID: stressTemplate.Version(version), Source: source})
	return err
}

// open opens the library and the provisioner as a separate process has them.
func (s stressed) open() (l *library.Library, p *Provisioner, done func()) {
	host, err := libvirt.New(libvirt.Options{URI: s.URI})
	if err != nil {
		panic(err)
	}
	store := poolstore.New(host, s.Pool)
	l = library.New(library.Options{
		Images: imagestore.New(imagestore.Options{Host: host, Pool: s.Pool, Documents: store, Tenant: "default"}),
		Store:  store, User: "tester",
	})
	return l, New(Settings{Host: host, Library: l, Kinds: machines}), func() { host.Close() }
}

// prepare registers the template and its versions.
func (s stressed) prepare(t *testing.T, l *library.Library) {
	t.Helper()
	if _, err := l.CreateTemplate(t.Context(), catalog.Template{ID: stressTemplate, Type: catalog.TypeVM}); err != nil {
		t.Fatal(err)
	}
	for _, version := range stressVersions {
		if err := s.register(t.Context(), l, version); err != nil {
			t.Fatal(err)
		}
	}
}

// clear removes everything: the instances first, then what they needed.
func (s stressed) clear(t *testing.T, host *acctest.Host, l *library.Library, p *Provisioner) {
	ctx := context.WithoutCancel(t.Context())
	for name := range strings.FieldsSeq(host.Virsh(t, "list", "--all", "--name")) {
		if !strings.HasPrefix(name, s.Pool) {
			continue
		}
		i, err := p.Find(ctx, "default", name)
		if err == nil {
			err = p.Delete(ctx, 0, i.UUID, "default", name, hostid.ID{})
		}
		if err != nil {
			t.Error(err)
		}
	}
	for _, version := range stressVersions {
		if err := l.RemoveVersion(ctx, stressTemplate.Version(version)); err != nil {
			t.Error(err)
		}
	}
	if err := l.DeleteTemplate(ctx, stressTemplate); err != nil {
		t.Error(err)
	}
}

// stressImage is a raw disk of that many bytes.
func stressImage(t *testing.T, size int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk.img")
	content := make([]byte, size)
	content[510], content[511] = 0x55, 0xaa // a boot sector's mark
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
