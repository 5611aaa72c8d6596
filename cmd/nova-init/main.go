//go:build linux

// Command nova-init is process 1 of containers; see package initd. It is built for the containers'
// architectures, and embedded in the provider.
package main

import (
	"os"

	"github.com/novacron/terraform-provider-novacron/internal/initd/confine"
	"github.com/novacron/terraform-provider-novacron/internal/initd/container"
	"github.com/novacron/terraform-provider-novacron/internal/initd/logfile"
)

func main() {
	confine.Stage(os.Args)
	os.Exit(container.Run(logfile.Patience))
}
