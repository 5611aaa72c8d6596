package imagestore

import (
	"archive/tar"
	"io"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/image/ext4"
	"github.com/novacron/terraform-provider-novacron/internal/oci"
	"github.com/novacron/terraform-provider-novacron/internal/oci/flatten"
)

// describe is what the catalog keeps of an image.
func describe(im *oci.Image, users flatten.Users) *catalog.RootImage {
	c := im.Config
	root := &catalog.RootImage{
		Identity:     im.Identity().String(),
		Manifest:     im.Manifest(),
		Format:       ext4.Format,
		Architecture: c.Architecture,
		Entrypoint:   c.Entrypoint,
		Command:      c.Command,
		Env:          c.Env,
		WorkingDir:   c.WorkingDir,
		User:         c.User,
		StopSignal:   c.StopSignal,
		Volumes:      c.Volumes,
		Labels:       c.Labels,
		HealthCheck:  healthCheck(c.HealthCheck),
	}
	for _, port := range c.ExposedPorts {
		root.ExposedPorts = append(root.ExposedPorts, port.String())
	}
	listed, groups := users.List()
	for _, u := range listed {
		root.Users = append(root.Users, catalog.RootUser{Name: u.Name, UID: u.UID, GID: u.GID, Home: u.Home})
	}
	for _, g := range groups {
		root.Groups = append(root.Groups, catalog.RootGroup{Name: g.Name, GID: g.GID, Members: g.Members})
	}
	return root
}

// healthCheck is a check as templates have it. Images count in nanoseconds; less than a second is
// one.
func healthCheck(h *oci.HealthCheck) *container.HealthCheck {
	if h == nil {
		return nil
	}
	check := &container.HealthCheck{
		Command:            h.Command,
		IntervalSeconds:    seconds(h.Interval),
		TimeoutSeconds:     seconds(h.Timeout),
		StartPeriodSeconds: seconds(h.StartPeriod),
	}
	if h.Retries > 0 {
		retries := int64(h.Retries)
		check.Retries = &retries
	}
	return check
}

// seconds rounds up; nil stands for the default.
func seconds(d time.Duration) *int64 {
	if d == 0 {
		return nil
	}
	n := int64((d + time.Second - 1) / time.Second)
	return &n
}

// from passes on what a reader has.
func from(r *flatten.Reader) ext4.Entries {
	return func() (*tar.Header, io.Reader, error) {
		header, err := r.Next()
		return header, r, err
	}
}
