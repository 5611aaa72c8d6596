package oci_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/oci"
	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
	. "github.com/novacron/terraform-provider-novacron/internal/oci/ocitest" //nolint:revive // entries read as a list
)

func TestConfigurations(t *testing.T) {
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	im := Shop(t, "amd64", func(f *v1.ConfigFile) {
		f.Created = v1.Time{Time: created}
		f.Config = v1.Config{
			Entrypoint: []string{"/shop"}, Cmd: []string{"--port", "80"}, Env: []string{
				"PATH=/bin",
				"EMPTY=",
				"A=1=2",
				"PATH=/usr/bin",
			},
			WorkingDir: "/srv", User: "app:staff", StopSignal: "SIGRTMIN+3",
			ExposedPorts: map[string]struct{}{"80/tcp": {}, "53/UDP": {}, "80": {}, "8080/tcp": {}},
			Volumes:      map[string]struct{}{"/var/lib/shop": {}, "/data": {}},
			Labels:       map[string]string{"a": "b"},
			Healthcheck: &v1.HealthConfig{Test: []string{"CMD-SHELL", "true"}, Interval: time.Second,
				Timeout:     2 * time.Second,
				StartPeriod: 3 * time.Second, Retries: 4},
		}
	})
	opened, err := fromFile(t, request, DockerArchive(t, map[string]v1.Image{"shop:1": im}))
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	want := oci.Config{
		Architecture: "amd64", Created: created, Entrypoint: []string{"/shop"}, Command: []string{"--port", "80"},
		Env:        map[string]string{"PATH": "/usr/bin", "EMPTY": "", "A": "1=2"},
		WorkingDir: "/srv", User: "app:staff", StopSignal: "SIGRTMIN+3",
		ExposedPorts: []oci.Port{
			{Number: 53, Protocol: "udp"},
			{Number: 80, Protocol: "tcp"},
			{Number: 8080, Protocol: "tcp"},
		},
		Volumes: []string{"/data", "/var/lib/shop"}, Labels: map[string]string{"a": "b"},
		HealthCheck: &oci.HealthCheck{Command: []string{"CMD-SHELL", "true"}, Interval: time.Second,
			Timeout:     2 * time.Second,
			StartPeriod: 3 * time.Second, Retries: 4},
	}
	got, wanted := must.Get[[]byte](t)(json.Marshal(opened.Config)), must.Get[[]byte](t)(json.Marshal(want))
	if !bytes.Equal(got, wanted) {
		t.Errorf("got  %s\nwant %s", got, wanted)
	}

	for says, change := range map[string]func(c *v1.Config){
		"not NAME=VALUE":               func(c *v1.Config) { c.Env = []string{"PATH"} },
		"which is not a port":          func(c *v1.Config) { c.ExposedPorts = map[string]struct{}{"70000/tcp": {}} },
		`is not a port such as 80/tcp`: func(c *v1.Config) { c.ExposedPorts = map[string]struct{}{"80/icmp": {}} },
		"the command of its health check": func(c *v1.Config) {
			c.Healthcheck = &v1.HealthConfig{Test: []string{"true"}}
		},
		"below zero": func(c *v1.Config) {
			c.Healthcheck = &v1.HealthConfig{Test: []string{"CMD", "x"}, Retries: -1}
		},
		"stop signal":                   func(c *v1.Config) { c.StopSignal = "kill it" },
		`"srv" is not an absolute path`: func(c *v1.Config) { c.WorkingDir = "srv" },
		"which has a NUL":               func(c *v1.Config) { c.Cmd = []string{"a\x00b"} },
	} {
		_, err := oci.FromDirectory(
			t.Context(),
			request,
			Layout(t, Shop(t, "amd64", func(f *v1.ConfigFile) { change(&f.Config) })),
		)
		if refused := imagetest.WantError[*archive.RefusedError](t, err); !strings.Contains(refused.Reason, says) {
			t.Errorf("it does not say %q: %v", says, err)
		}
	}
}
