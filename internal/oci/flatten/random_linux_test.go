package flatten_test

import (
	"archive/tar"
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"

	. "github.com/novacron/terraform-provider-novacron/internal/oci/ocitest" //nolint:revive // entries read as a list
)

// random makes the layers of an image, as a tool does that compares directories: each directory has an
// entry, before what is in it. Removed names are returned apart. If across is set, hard links may lead
// to files that only the layers below have.
func random(r *rand.Rand, across bool) (layers []layer, removed [][]string) {
	const names = "abcde"
	type state map[string]byte // the type of each path
	below := state{}
	pick := func() string {
		parts := make([]string, 1+r.IntN(3))
		for n := range parts {
			parts[n] = string(names[r.IntN(len(names))])
		}
		return path.Join(parts...)
	}
	metadata := func(h *tar.Header) {
		h.Uid, h.Gid, h.ModTime = r.IntN(3)*1000, r.IntN(3)*1000, Time.AddDate(0, 0, r.IntN(1000))
		if h.Typeflag != tar.TypeSymlink && h.Typeflag != tar.TypeLink {
			h.Mode = int64([]int{0o600, 0o644, 0o4755, 0o1777}[r.IntN(4)])
			// tar removes no attributes from a directory that is there
			if r.IntN(3) == 0 && h.Typeflag != tar.TypeFifo && (!across || h.Typeflag != tar.TypeDir) {
				h.PAXRecords = map[string]string{"SCHILY.xattr.user.mark": fmt.Sprint(r.IntN(1000))}
			}
		}
	}
	for n := range 2 + r.IntN(3) {
		var l layer
		var gone []string
		own := state{}
		remove := func(at string) {
			for p := range below {
				if p == at || strings.HasPrefix(p, at+"/") {
					delete(below, p)
				}
			}
		}
		// parents adds entries for the directories above a path. It reports false if something else is there.
		parents := func(at string) bool {
			var missing []string
			for end, c := range at {
				if c != '/' {
					continue
				}
				p := at[:end]
				kind, is := own[p]
				lower, there := below[p]
				switch {
				case is && kind != tar.TypeDir, slices.Contains(gone, p):
					return false
				case !is && there && lower != tar.TypeDir && across: // tar would follow symlinks, and remove no files
					return false
				case !is:
					missing = append(missing, p)
				}
			}
			for _, p := range missing {
				if below[p] != tar.TypeDir {
					remove(p)
				}
				l, own[p] = append(l, Dir(p).With(metadata)), tar.TypeDir
			}
			return true
		}
		if n > 0 {
			for range r.IntN(6) {
				at := pick()
				if _, there := below[at]; !there || !parents(at) || own[at] != 0 {
					continue
				}
				gone = append(gone, at)
				l = append(l, File(path.Join(path.Dir(at), ".wh."+path.Base(at)), ""))
				remove(at)
			}
			if r.IntN(3) == 0 && !across {
				if at := pick(); below[at] == tar.TypeDir && own[at] == 0 && parents(at) {
					l, own[at] = append(l, Dir(at).With(metadata), File(at+"/.wh..wh..opq", "")), tar.TypeDir
					gone = append(gone, at+"/.wh..wh..opq")
					for p := range below {
						if strings.HasPrefix(p, at+"/") {
							delete(below, p)
						}
					}
				}
			}
		}
		for i := range 12 {
			at := pick()
			if own[at] != 0 || slices.Contains(gone, at) || across && below[at] == tar.TypeDir || !parents(at) {
				continue
			}
			e := File(at, fmt.Sprintf("%d of layer %d", i, n))
			switch r.IntN(6) {
			case 0:
				e = Symlink(at, []string{"a", "../b", "/c", "nowhere"}[r.IntN(4)])
			case 1:
				e = Device(tar.TypeFifo, at, 0, 0)
			case 2, 3:
				from := maps.Clone(own)
				if across {
					maps.Copy(from, below)
				}
				var targets []string
				for p, kind := range from {
					if kind != tar.TypeDir {
						targets = append(targets, p)
					}
				}
				if slices.Sort(targets); len(targets) > 0 {
					e = Link(at, targets[r.IntN(len(targets))])
				}
			}
			if e.Typeflag != tar.TypeDir {
				remove(at)
			}
			kind := e.Typeflag
			l, own[at] = append(l, e.With(metadata)), kind
		}
		l = append(l, Dir("./").With(metadata))
		maps.Copy(below, own)
		layers, removed = append(layers, l), append(removed, gone)
	}
	return layers, removed
}

// plain leaves the marks of removed files out.
func plain(l layer) layer {
	return slices.DeleteFunc(
		slices.Clone(l),
		func(e Entry) bool { return strings.HasPrefix(path.Base(e.Name), ".wh.") },
	)
}
