package catalogcmd

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// A backup is a tar file (POSIX.1-2001, "pax"):
//
//	novacron-backup.json            what it is, see header
//	templates/TENANT/NAME.json      documents, as the catalog has them
//	versions/TENANT/NAME@VERSION.json
//	requests/TENANT/ID.json
//	resource-pools/NAME.json        only in a backup of all tenants
//	images/KEY                      images as they are stored, named by their digests (catalog.BaseKey)
//	bases/KEY.json                  what is known of the image of a digest
//	changes/KEY                     what differs, a qcow2 overlay, named by the digest of the whole image
//	maps/KEY                        the map of that image's blocks
//	SHA256SUMS                      of everything before it; a file without it is not complete
//
// Placements are not in it: where instances are, and which there are, changes without the library.
//
// Format 1 had only images of earlier providers, with their SHA-256 as KEY.
//
// So tar unpacks a backup, and sha256sum -c checks it. A backup is not compressed, because it is
// read in two passes and in pieces, and most images are compressed already; blocks of zeros are
// holes in the file.

const (
	headerName    = "novacron-backup.json"
	sumsName      = "SHA256SUMS"
	backupFormat  = 2
	maxDocument   = 16 << 20  // bytes: far more than any real document has
	maxSums       = 256 << 20 // bytes: one line for each of some two million members
	templatesName = "templates/"
	versionsName  = "versions/"
	requestsName  = "requests/"
	poolsName     = "resource-pools/"
	imagesName    = "images/"
	basesName     = "bases/"
	changesName   = "changes/"
	mapsName      = "maps/"
)

type header struct {
	Format    int       `json:"novacron_backup"`
	CreatedAt time.Time `json:"created_at"`
	From      string    `json:"from"`
}

const aboutExport = `Writes a catalog to a backup file: templates, versions and requests, the images of the versions,
and in a backup of all tenants the resource pools. Placements of instances and the states of hosts
are left out. The file is a tar archive with SHA256SUMS. Every image is checked on the way. The file
appears when it is complete, or not at all.

No catalog contains secrets, but parameters' defaults and cloud-init documents may contain more than
everybody should see: only you can read the file.

example:
  terraform-provider-novacron catalog export --from embedded --to library.tar
`

func (a *app) setUpExport(flags *flag.FlagSet) func(context.Context) error {
	var s site
	s.flags(flags)
	source := flags.String("from", embedded, "`CATALOG` to write: "+ends+".\nDefault: "+embedded)
	path := flags.String("to", "", "`FILE` to write, which must not exist yet")
	return func(ctx context.Context) error {
		if *path == "" {
			return usageError{"--to is missing: name a file"}
		}
		from, err := s.open(ctx, "from", *source)
		if err != nil {
			return err
		}
		defer from.Close()
		return a.export(ctx, from, *path)
	}
}

// export writes the file under a temporary name, and renames it once it is complete.
func (a *app) export(ctx context.Context, from *end, path string) (err error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("writing the backup: %s is there already: choose another name, or remove it", path)
	}
	partial := path + ".partial"
	file, err := os.OpenFile(partial, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("writing the backup: %s is there already, of an export that is running or was cut off: "+
			"remove it in the latter case", partial)
	}
	if err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(partial))
		}
	}()
	holes := &sparse{file: file}
	buffer := bufio.NewWriterSize(holes, 1<<20)
	w := &writer{tar: tar.NewWriter(buffer), now: time.Now().UTC().Truncate(time.Second)}
	err = a.write(ctx, w, from)
	if err == nil {
		err = errors.Join(w.tar.Close(), buffer.Flush(), holes.finish(), file.Sync())
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	if err := os.Rename(partial, path); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	fmt.Fprintf(a.stdout, "%s holds templates: %d, versions: %d, requests: %d, images: %d, resource pools: %d.\n", path,
		w.count[templatesName], w.count[versionsName], w.count[requestsName], w.count[imagesName], w.count[poolsName])
	return nil
}

func (a *app) write(ctx context.Context, w *writer, from *end) error {
	if err := w.document(headerName, header{backupFormat, w.now, from.name}); err != nil {
		return err
	}
	templates, err := from.templates(ctx)
	if err != nil {
		return err
	}
	written := map[string]bool{}
	for _, t := range templates {
		if err := w.document(templatesName+t.ID.String()+".json", withoutMaker(t)); err != nil {
			return err
		}
		versions, err := from.versions(ctx, t.ID)
		if err != nil {
			return err
		}
		for _, v := range versions {
			if err := w.document(versionsName+v.ID.String()+".json", withoutMarks(v)); err != nil {
				return err
			}
			if err := a.images(ctx, w, from, v, written); err != nil {
				return err
			}
		}
	}
	rest, err := readOthers(ctx, from)
	if err == nil {
		err = documentsOf(w, requestsName, requestKey, rest.requests)
	}
	if err == nil {
		err = documentsOf(w, poolsName, poolKey, rest.pools)
	}
	if err != nil {
		return err
	}
	sums := w.sums.String()
	return w.member(sumsName, int64(len(sums)), func(to io.Writer) error {
		_, err := io.WriteString(to, sums)
		return err
	})
}

// images writes the parts of a version's image, unless they are written already.
func (a *app) images(ctx context.Context, w *writer, from *end, v catalog.Version, written map[string]bool) error {
	if written[v.Digest] {
		return nil
	}
	chain, err := from.stored.ChainOf(ctx, v)
	if err != nil {
		return err
	}
	for _, base := range chain {
		if written[base.Digest] {
			continue
		}
		written[base.Digest] = true
		a.progress("image of version %s, %d MiB", v.ID, base.StoredSize>>20)
		key, name := catalog.BaseKey(base.Digest), imagesName
		if base.Parent != "" {
			name = changesName
			blocks, err := from.stored.Blocks(ctx, base)
			if err != nil {
				return fmt.Errorf("the image of version %q: %w", v.ID, err)
			}
			err = w.member(mapsName+key, blocks.FileSize(), func(to io.Writer) error {
				_, err := blocks.WriteTo(to)
				return err
			})
			if err != nil {
				return err
			}
		}
		if err := w.document(basesName+key+".json", bare(base)); err != nil {
			return err
		}
		err := w.member(name+key, base.StoredSize, func(to io.Writer) error { return from.stored.Read(ctx, base, to) })
		if err != nil {
			return fmt.Errorf("the image of version %q: %w", v.ID, err)
		}
	}
	return nil
}

// bare returns a base without the fields that belong to one library.
func bare(b catalog.Base) catalog.Base {
	b.State, b.Volume, b.Versions, b.Children, b.Depth = "", "", nil, nil, 0
	return b
}

// writer writes the members of a backup.
type writer struct {
	tar   *tar.Writer
	now   time.Time
	sums  bytes.Buffer
	count map[string]int // by the first part of the name
}

func (w *writer) document(name string, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return w.member(name, int64(len(data)), func(to io.Writer) error {
		_, err := to.Write(data)
		return err
	})
}

func (w *writer) member(name string, size int64, write func(io.Writer) error) error {
	if err := w.tar.WriteHeader(&tar.Header{
		Name:    name,
		Size:    size,
		Mode:    0o600,
		ModTime: w.now,
		Format:  tar.FormatPAX,
	}); err != nil {
		return err
	}
	sum := sha256.New()
	if err := write(io.MultiWriter(w.tar, sum)); err != nil {
		return err
	}
	if err := w.tar.Flush(); err != nil { // it has received fewer than size bytes
		return fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintf(&w.sums, "%s  %s\n", hex.EncodeToString(sum.Sum(nil)), name)
	if w.count == nil {
		w.count = map[string]int{}
	}
	if kind, _, found := strings.Cut(name, "/"); found {
		w.count[kind+"/"]++
	}
	return nil
}

// block is the minimum size of a hole in a file, in bytes.
const block = 4096

// sparse writes a file and leaves holes for blocks of zeros.
type sparse struct {
	file *os.File
	end  int64
}

// Write implements io.Writer.
func (s *sparse) Write(p []byte) (int, error) {
	for written := 0; written < len(p); {
		part := p[written:min(len(p), written+block)]
		if !bytes.Equal(part, zeros[:len(part)]) {
			if _, err := s.file.WriteAt(part, s.end); err != nil {
				return written, err
			}
		}
		written += len(part)
		s.end += int64(len(part))
	}
	return len(p), nil
}

var zeros [block]byte

// finish sets the file's length, because the file may end in a hole.
func (s *sparse) finish() error { return s.file.Truncate(s.end) }
