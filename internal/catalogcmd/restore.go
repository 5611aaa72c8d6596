package catalogcmd

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

const aboutImport = `Restores a backup file: templates, versions and requests, and those images that the pool does not
have. The whole file is checked before anything is changed. What exists already and is the same is
left alone; if anything differs, nothing is restored, and the differences are listed. Run an
interrupted import again to continue it.

example:
  terraform-provider-novacron catalog import --from library.tar --to postgres://nova_t1@db/nova
`

func (a *app) setUpImport(flags *flag.FlagSet) func(context.Context) error {
	var s site
	s.flags(flags)
	path := flags.String("from", "", "backup `FILE`")
	target := flags.String("to", embedded, "`CATALOG` to restore to: "+ends+".\nDefault: "+embedded)
	return func(ctx context.Context) error {
		if *path == "" {
			return usageError{"--from is missing: name a file"}
		}
		file, err := os.Open(*path)
		if err != nil {
			return fmt.Errorf("reading the backup: %w", err)
		}
		defer file.Close()
		to, err := s.open(ctx, "to", *target)
		if err != nil {
			return err
		}
		defer to.Close()
		a.progress("checking %s", *path)
		b, err := readBackup(ctx, file)
		if err != nil {
			return fmt.Errorf("reading the backup %s: %w", *path, err)
		}
		b.tenant = to.tenant
		if left := b.others(); len(left) > 0 {
			a.progress("left out: objects of the tenants %s", strings.Join(left, ", "))
		}
		return a.transfer(ctx, b, to)
	}
}

// section is the position of a member in a backup's file.
type section struct{ offset, size int64 }

// archive is a file that is read once from beginning to end, and in any order afterwards.
type archive interface {
	io.ReadSeeker
	io.ReaderAt
}

// backup is a file whose members have been checked.
type backup struct {
	file    archive
	members map[string]section
	names   []string // of the members, sorted
	tenant  string   // the only tenant to process; "" for all
}

var errCut = errors.New("it ends before it is complete: it was cut off, or is not a backup")

// readBackup finds the members of a backup and checks them against SHA256SUMS.
func readBackup(ctx context.Context, file archive) (*backup, error) {
	b := &backup{file: file, members: map[string]section{}}
	sums := map[string]string{}
	members := tar.NewReader(file)
	for complete := false; !complete; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		h, err := members.Next()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil, errCut
		case err != nil:
			return nil, fmt.Errorf("it is not a tar file, or damaged: %w", err)
		case h.Typeflag != tar.TypeReg || isSparse(h):
			return nil, fmt.Errorf("it has %q, which is not a plain file: it was not written by catalog export", h.Name)
		case len(b.members) == 0 && h.Name != headerName:
			return nil, fmt.Errorf("it does not begin with %s: it was not written by catalog export", headerName)
		}
		offset, err := file.Seek(0, io.SeekCurrent) // the reader reads no further than it must
		if err != nil {
			return nil, err
		}
		if h.Name == sumsName {
			if h.Size > maxSums {
				return nil, fmt.Errorf("%s is too large", sumsName)
			}
			if err := b.verify(members, sums); err != nil {
				return nil, err
			}
			complete = true
			continue
		}
		if _, twice := b.members[h.Name]; twice {
			return nil, fmt.Errorf("it has %q twice", h.Name)
		}
		b.members[h.Name] = section{offset, h.Size}
		if sums[h.Name], err = checkedSum(h.Name, &cancelled{ctx, members}); err != nil {
			return nil, fmt.Errorf("%s: %w", h.Name, cutOff(err))
		}
	}
	b.names = slices.Sorted(maps.Keys(b.members))
	var h header
	if err := b.decode(headerName, &h); err != nil {
		return nil, err
	}
	if h.Format < 1 || h.Format > backupFormat {
		return nil, fmt.Errorf("it is of format %d, and this provider reads formats up to %d: use a newer provider",
			h.Format, backupFormat)
	}
	return b, nil
}

// checkedSum returns the SHA-256 of a member, in hexadecimal digits. It checks that an image has the
// digest that it is named by.
func checkedSum(name string, r io.Reader) (string, error) {
	sum := sha256.New()
	key, isImage := strings.CutPrefix(name, imagesName)
	if !isImage {
		_, err := io.Copy(sum, r)
		return hex.EncodeToString(sum.Sum(nil)), err
	}
	want := catalog.BaseDigest(key)
	form, err := digest.FormOf(want)
	if err != nil {
		return "", err
	}
	digits := func() string { return hex.EncodeToString(sum.Sum(nil)) }
	to, got := io.Writer(sum), func() string { return digest.SHA256.Of(digits()) }
	if form != digest.SHA256 {
		image := form.New()
		to, got = io.MultiWriter(sum, image), image.Sum
	}
	if _, err := io.Copy(to, r); err != nil {
		return "", err
	}
	if got := got(); got != want {
		return "", fmt.Errorf("it is damaged, or not the image of its name: its digest is %s", got)
	}
	return digits(), nil
}

// isSparse reports whether a member omits its zeros. A backup never does, because such a member
// claims to be longer than the file.
func isSparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// cancelled is a reader that fails once ctx has ended.
type cancelled struct {
	ctx context.Context //nolint:containedctx // io.Reader has none
	r   io.Reader
}

// Read implements io.Reader.
func (c *cancelled) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

func cutOff(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errCut
	}
	return err
}

// verify compares the checksums that were computed with SHA256SUMS.
func (b *backup) verify(r io.Reader, sums map[string]string) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return cutOff(err)
	}
	said := 0
	for line := range strings.Lines(string(data)) {
		want, name, found := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if got, there := sums[name]; !found || !there || got != want {
			return fmt.Errorf("%s is damaged or missing: its SHA-256 is %q, and should be %s", name, got, want)
		}
		said++
	}
	if said != len(sums) {
		return fmt.Errorf("it has %d files, and %s lists %d", len(sums), sumsName, said)
	}
	return nil
}

func (b *backup) decode(name string, into any) error {
	s := b.members[name]
	if s.size > maxDocument {
		return fmt.Errorf("%s is too large for a document", name)
	}
	data, err := io.ReadAll(io.NewSectionReader(b.file, s.offset, s.size))
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// documents decodes the documents whose member names begin with prefix, in order. Their ids become
// parts of volume names, so each must match its member name and be an id that a provider would
// give.
func documents[T any](b *backup, prefix string, name func(T) string, valid func(T) error) (all []T, err error) {
	begin, _ := slices.BinarySearch(b.names, prefix)
	for _, n := range b.names[begin:] {
		if !strings.HasPrefix(n, prefix) {
			break
		}
		var value T
		if err := b.decode(n, &value); err != nil {
			return nil, err
		}
		if name(value) != n {
			return nil, fmt.Errorf("%s says that it is %s", n, name(value))
		}
		if err := valid(value); err != nil {
			return nil, fmt.Errorf("%s: %w", n, err)
		}
		all = append(all, value)
	}
	return all, nil
}

// own returns the common start of the member names to process, for the documents of one kind.
func (b *backup) own(kind string) string {
	if b.tenant == "" {
		return kind
	}
	return kind + b.tenant + "/"
}

// others lists the tenants whose documents are left out.
func (b *backup) others() (tenants []string) {
	for name := range b.members {
		parts := strings.Split(name, "/")
		if len(parts) == 3 && b.tenant != "" && parts[1] != b.tenant && !slices.Contains(tenants, parts[1]) {
			tenants = append(tenants, parts[1])
		}
	}
	slices.Sort(tenants)
	return tenants
}

func (b *backup) templates(context.Context) ([]catalog.Template, error) {
	return documents(b, b.own(templatesName), func(t catalog.Template) string {
		return templatesName + t.ID.String() + ".json"
	},
		func(t catalog.Template) error { _, err := catalog.ParseTemplateID(t.ID.String()); return err })
}

func (b *backup) versions(_ context.Context, of catalog.TemplateID) ([]catalog.Version, error) {
	return documents(b, versionsName+of.String()+"@", func(v catalog.Version) string {
		return versionsName + v.ID.String() + ".json"
	},
		func(v catalog.Version) error { _, err := catalog.ParseVersionID(v.ID.String()); return err })
}

func (b *backup) requests(context.Context) ([]catalog.ProvisioningRequest, error) {
	return documents(b, b.own(requestsName), func(r catalog.ProvisioningRequest) string {
		return requestsName + r.ID.String() + ".json"
	},
		func(r catalog.ProvisioningRequest) error { return naming.ValidateTenant(r.ID.Tenant) })
}

func (b *backup) resourcePools(context.Context) ([]catalog.ResourcePool, error) {
	if b.tenant != "" {
		return nil, nil
	}
	return documents(b, poolsName, func(p catalog.ResourcePool) string { return poolsName + p.Name + ".json" },
		func(p catalog.ResourcePool) error { return naming.ValidateResourcePool(p.Name) })
}

// hosts implements contents: a backup has none. What was said of hosts then may be wrong by now.
func (b *backup) hosts(context.Context) ([]catalog.Host, error) { return nil, nil }

// placements implements contents: a backup has none.
func (b *backup) placements(context.Context) ([]catalog.Placement, error) { return nil, nil }

// image finds an image, or its differences from another image.
func (b *backup) image(v catalog.Version) func(digest string) (imagestore.Stored, bool) {
	return func(digest string) (imagestore.Stored, bool) {
		key := catalog.BaseKey(digest)
		s := imagestore.Stored{
			Base: catalog.Base{Digest: digest, Format: v.Format, VirtualSize: v.VirtualSize, StoredSize: v.StoredSize},
		}
		if _, there := b.members[basesName+key+".json"]; there {
			if err := b.decode(basesName+key+".json", &s.Base); err != nil {
				s.Open = func() (io.ReadCloser, error) { return nil, err }
				return s, true
			}
		}
		s.Base = bare(s.Base)
		s.Base.Digest = digest
		name := imagesName + key
		if s.Base.Parent != "" {
			name = changesName + key
			s.Blocks = func() (io.ReadCloser, error) { return b.open(mapsName+key, b.members[mapsName+key].size) }
		}
		s.Open = func() (io.ReadCloser, error) { return b.open(name, s.Base.StoredSize) }
		_, there := b.members[name]
		return s, there
	}
}

// open opens a member of the given size.
func (b *backup) open(name string, size int64) (io.ReadCloser, error) {
	s, there := b.members[name]
	if !there {
		return nil, fmt.Errorf("there is no %s", name)
	}
	if s.size != size {
		return nil, fmt.Errorf("%s has %d bytes, and should have %d", name, s.size, size)
	}
	return io.NopCloser(io.NewSectionReader(b.file, s.offset, s.size)), nil
}
