package oci

import (
	"fmt"
	"maps"
	"math"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
)

// Config says how to run an image, and what it is.
type Config struct {
	Architecture string    // "amd64" or "arm64"
	Created      time.Time // zero if the image does not say

	Entrypoint   []string          // the program and its first arguments
	Command      []string          // what follows them, or the program itself if there is no entrypoint
	Env          map[string]string // environment
	WorkingDir   string            // an absolute path; "" for /
	User         string            // "app", "1000:1000"; "" for root
	StopSignal   string            // a name or a number: "SIGTERM", "15"; "" for SIGTERM
	ExposedPorts []Port            // in order
	Volumes      []string          // absolute paths of directories with data, in order
	Labels       map[string]string
	HealthCheck  *HealthCheck // nil for none
}

// Port is a port that an application listens on.
type Port struct {
	Number   int    // 1 to 65535
	Protocol string // "tcp", "udp" or "sctp"
}

// String returns "80/tcp".
func (p Port) String() string { return fmt.Sprintf("%d/%s", p.Number, p.Protocol) }

// HealthCheck is a command that shows whether the application is healthy.
type HealthCheck struct {
	// Command begins with "CMD", for a program and its arguments, or "CMD-SHELL", for a line for the
	// shell.
	Command                        []string
	Interval, Timeout, StartPeriod time.Duration // 0 for the default
	Retries                        int           // 0 for the default
}

// configFile is a configuration as it is stored. The OCI specification and Docker name its fields
// alike; Docker alone has the health check.
type configFile struct{ v1.ConfigFile }

// platform is what the image was made for. Images without an operating system are for Linux.
func (f *configFile) platform() *v1.Platform {
	p := v1.Platform{OS: f.OS, Architecture: f.Architecture, Variant: f.Variant}
	if p.OS == "" && p.Architecture != "" {
		p.OS = "linux"
	}
	return &p
}

// countLayers checks how many layers the manifest has.
func (f *configFile) countLayers(o image.Origin, layers int) error {
	if layers > maxLayers {
		return archive.Refuse(o, "", "Squash its layers.", "it has %d layers, and may have %d", layers, maxLayers)
	}
	if listed := len(f.RootFS.DiffIDs); listed != layers {
		return archive.Refuse(o, "configuration", adviceWhole, "it lists %d layers, and the manifest has %d", listed,
			layers)
	}
	return nil
}

// read checks the configuration.
func (f *configFile) read(o image.Origin) (Config, error) {
	c := Config{
		Architecture: f.Architecture,
		Created:      f.Created.Time,
		Entrypoint:   f.Config.Entrypoint,
		Command:      f.Config.Cmd,
		WorkingDir:   f.Config.WorkingDir,
		User:         f.Config.User,
		StopSignal:   f.Config.StopSignal,
		Volumes:      slices.Sorted(maps.Keys(f.Config.Volumes)),
		Labels:       f.Config.Labels,
	}
	err := c.readEnv(f.Config.Env)
	if err == nil {
		err = c.readPorts(f.Config.ExposedPorts)
	}
	if err == nil {
		err = c.readHealthCheck(f.Config.Healthcheck)
	}
	if err == nil {
		err = c.check()
	}
	if err != nil {
		return Config{}, archive.Refuse(o, "configuration", "Build the image again.", "%v", err)
	}
	return c, nil
}

func (c *Config) readEnv(list []string) error {
	for _, entry := range list {
		name, value, found := strings.Cut(entry, "=")
		if !found || name == "" || strings.Contains(entry, "\x00") {
			return fmt.Errorf("its environment has %s, which is not NAME=VALUE", image.Quote(entry))
		}
		if c.Env == nil {
			c.Env = map[string]string{}
		}
		c.Env[name] = value
	}
	return nil
}

func (c *Config) readPorts(set map[string]struct{}) error {
	for text := range set {
		number, protocol, found := strings.Cut(text, "/")
		if !found {
			protocol = "tcp"
		}
		n, err := strconv.ParseUint(number, 10, 16)
		if protocol = strings.ToLower(protocol); err != nil || n == 0 ||
			!slices.Contains([]string{"tcp", "udp", "sctp"}, protocol) {
			return fmt.Errorf("it exposes %s, which is not a port such as 80/tcp", image.Quote(text))
		}
		c.ExposedPorts = append(c.ExposedPorts, Port{int(n), protocol})
	}
	slices.SortFunc(c.ExposedPorts, func(a, b Port) int {
		if a.Number != b.Number {
			return a.Number - b.Number
		}
		return strings.Compare(a.Protocol, b.Protocol)
	})
	c.ExposedPorts = slices.Compact(c.ExposedPorts)
	return nil
}

func (c *Config) readHealthCheck(h *v1.HealthConfig) error {
	if h == nil || len(h.Test) == 0 || h.Test[0] == "NONE" {
		return nil
	}
	switch {
	case h.Test[0] == "CMD" && len(h.Test) > 1, h.Test[0] == "CMD-SHELL" && len(h.Test) == 2:
	default:
		return fmt.Errorf("the command of its health check is %q, and not CMD with a program or CMD-SHELL with a line",
			h.Test)
	}
	if h.Interval < 0 || h.Timeout < 0 || h.StartPeriod < 0 || h.Retries < 0 || h.Retries > math.MaxInt32 {
		return fmt.Errorf("its health check has a time or a number of retries below zero")
	}
	c.HealthCheck = &HealthCheck{
		Command:     h.Test,
		Interval:    h.Interval,
		Timeout:     h.Timeout,
		StartPeriod: h.StartPeriod,
		Retries:     h.Retries,
	}
	return nil
}

// signal is the form of a signal's name or number, as kill(1) and Docker take it.
var signal = regexp.MustCompile(`^(SIG)?[A-Z][A-Z0-9]*([+-][0-9]+)?$|^[0-9]{1,2}$`)

// check refuses what no process could be started with.
func (c *Config) check() error {
	if c.StopSignal != "" && !signal.MatchString(strings.ToUpper(c.StopSignal)) {
		return fmt.Errorf("its stop signal is %s", image.Quote(c.StopSignal))
	}
	for _, directory := range append([]string{c.WorkingDir}, c.Volumes...) {
		if directory != "" && !path.IsAbs(directory) {
			return fmt.Errorf("its directory %s is not an absolute path", image.Quote(directory))
		}
	}
	texts := slices.Concat(c.Entrypoint, c.Command, c.Volumes, []string{c.WorkingDir, c.User})
	if c.HealthCheck != nil {
		texts = append(texts, c.HealthCheck.Command...)
	}
	for _, text := range texts {
		if strings.Contains(text, "\x00") {
			return fmt.Errorf("it has the text %s, which has a NUL", image.Quote(text))
		}
	}
	return nil
}
