package catalog

import "github.com/novacron/terraform-provider-novacron/internal/catalog/container"

// RootImage is what is known of the root file system of a version of a container's template: what it
// was made from, and what its image says about how to run it.
type RootImage struct {
	// Identity is what the file system was made from, as package oci writes it: "config:sha256:HEX" of
	// the image's configuration, which covers its layers, or "root:sha256:HEX" of an archive; "" for a file
	// system that was given as it is.
	Identity string `json:"identity,omitempty"`
	// Manifest is the digest of the image's manifest, "sha256:HEX", as registries have it; "" for none. It
	// says how the layers are compressed, and so is no part of the identity.
	Manifest string `json:"manifest,omitempty"`
	// Format is the format number of the writer of the file system; 0 for one that was given.
	Format int `json:"format,omitempty"`
	// Architecture is "amd64" or "arm64"; "" if it is not known.
	Architecture string `json:"architecture,omitempty"`
	// ExposedPorts are the ports that the application listens on, such as "80/tcp", in order.
	ExposedPorts []string `json:"exposed_ports,omitempty"`

	Entrypoint  []string               `json:"entrypoint,omitempty"`   // the program and its first arguments
	Command     []string               `json:"command,omitempty"`      // what follows them
	Env         map[string]string      `json:"env,omitempty"`          // environment
	WorkingDir  string                 `json:"working_dir,omitempty"`  // an absolute path; "" for /
	User        string                 `json:"user,omitempty"`         // "app", "1000:1000"; "" for root
	StopSignal  string                 `json:"stop_signal,omitempty"`  // "SIGTERM", "15"; "" for SIGTERM
	Volumes     []string               `json:"volumes,omitempty"`      // paths of directories with data, in order
	Labels      map[string]string      `json:"labels,omitempty"`       // as the image has them
	HealthCheck *container.HealthCheck `json:"health_check,omitempty"` // nil for none

	// Users and Groups are those of the image's /etc/passwd and /etc/group, as far as they are of use.
	Users  []RootUser  `json:"users,omitempty"`
	Groups []RootGroup `json:"groups,omitempty"`
}

// RootUser is a user of an image.
type RootUser struct {
	Name string `json:"name"`
	UID  int    `json:"uid"`
	GID  int    `json:"gid"`            // of the user's own group
	Home string `json:"home,omitempty"` // an absolute path
}

// RootGroup is a group of an image.
type RootGroup struct {
	Name    string   `json:"name"`
	GID     int      `json:"gid"`
	Members []string `json:"members,omitempty"` // names of users
}
