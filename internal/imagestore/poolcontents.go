package imagestore

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// PoolContents is what a library's pool holds of images, including images that others registered.
type PoolContents struct {
	Capacity, Available uint64 // of the pool, bytes

	Volumes     int // of any kind, as far as the host shows them
	Images      int // complete or being sent
	ImageBytes  int64
	Unused      int // of those, the ones that no version uses and on which no disk stands
	UnusedBytes int64
	// Strays are volumes of images and of warm snapshots that no document leads to, and that have not
	// been written to for a while. They are left alone, because the document of the process that sends one may be
	// hidden, as other tenants' documents are in a database.
	Strays []string
	// Undescribed are volumes of images that the host lists and cannot describe, with the reason:
	// they are not in the numbers.
	Undescribed []string
}

// PoolContents looks at the pool as it is now. Bytes are what volumes take up: holes take up nothing.
func (st *Store) PoolContents(ctx context.Context) (PoolContents, error) {
	var s PoolContents
	if err := st.host.RefreshPool(ctx, st.poolName); err != nil {
		return s, err
	}
	pool, err := st.host.Pool(ctx, st.poolName)
	if err != nil {
		return s, err
	}
	s.Capacity, s.Available = pool.Capacity, pool.Available
	names, err := st.host.VolumeNames(ctx, st.poolName)
	if err != nil {
		return s, err
	}
	s.Volumes = len(names)
	volumes, undescribed, err := st.host.Volumes(ctx, st.poolName, func(name string) bool {
		return naming.IsBase(name) || naming.IsWarm(name)
	})
	if err != nil {
		return s, err
	}
	for _, u := range undescribed {
		s.Undescribed = append(s.Undescribed, st.usage.NameOf(u)+st.usage.Reason(u))
	}
	c := collector{st}
	held, err := c.holdings(ctx)
	if err != nil {
		return s, err
	}
	unused := map[string]bool{} // by their volumes
	err = c.eachUnlisted(ctx, held, func(rec catalog.Record[catalog.Base], hung bool) {
		unused[rec.Value.Volume] = !hung
	})
	if err != nil {
		return s, err
	}
	// Looked up after the volumes: a document has the stem of an image before the first of its volumes.
	coming, err := catalog.Coming(ctx, st.catalog.Versions(), st.tenant+"/")
	if err != nil {
		return s, err
	}
	// The same holds for snapshots.
	snapshots, err := st.catalog.Snapshots().List(ctx, "")
	if err != nil {
		return s, err
	}
	var stems []string
	for _, rec := range snapshots {
		stems = append(stems, rec.Value.Stems()...)
	}
	s.count(volumes, held, coming, unused, stems)
	if len(s.Strays) > 0 { // by this machine's clock; a user who may not create a volume has no other
		if now, err := st.poolTime(ctx); err == nil {
			s.Strays = slices.DeleteFunc(s.Strays, func(name string) bool {
				return slices.ContainsFunc(volumes, func(v host.Volume) bool {
					return v.Name == name && now.Sub(v.Modified) <= unusedFor
				})
			})
		}
	}
	return s, nil
}

// count counts images; coming are the versions that are being registered, and stems those of the warm snapshots
// that documents lead to.
func (s *PoolContents) count(
	volumes []host.Volume, held holdings, coming []catalog.Record[catalog.Version], unused map[string]bool,
	stems []string,
) {
	bases := make(map[string]bool, len(held.bases))
	for _, rec := range held.bases {
		bases[rec.Value.Volume] = true
	}
	sent := make([]string, len(coming)) // how the names of the volumes begin that images are being sent to
	for i, rec := range coming {
		sent[i] = rec.Value.Claim.Volume + "."
	}
	for _, v := range volumes {
		if naming.IsWarm(v.Name) {
			if !slices.Contains(stems, naming.WarmStem(v.Name)) && time.Since(v.Modified) > unusedFor {
				s.Strays = append(s.Strays, strings.ToValidUTF8(v.Name, "\uFFFD"))
			}
			continue
		}
		image := naming.BaseOf(v.Name) // the image that the volume is, or is the map of
		begins := func(stem string) bool { return strings.HasPrefix(image, stem) }
		if !bases[image] && !slices.ContainsFunc(sent, begins) {
			if time.Since(v.Modified) > unusedFor {
				s.Strays = append(s.Strays, strings.ToValidUTF8(v.Name, "\uFFFD"))
			}
			continue
		}
		one, bytes := 0, int64(v.Allocation)
		if image == v.Name {
			one = 1
		}
		s.Images, s.ImageBytes = s.Images+one, s.ImageBytes+bytes
		if unused[image] {
			s.Unused, s.UnusedBytes = s.Unused+one, s.UnusedBytes+bytes
		}
	}
	slices.Sort(s.Strays)
}
