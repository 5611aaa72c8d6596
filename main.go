// Command terraform-provider-novacron serves the novacron Terraform provider. "terraform-provider-novacron catalog" is for
// whoever looks after catalogs.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"github.com/novacron/terraform-provider-novacron/internal/catalogcmd"
	"github.com/novacron/terraform-provider-novacron/internal/parent"
	"github.com/novacron/terraform-provider-novacron/internal/provider"
)

// version is set by the release build.
var version = "dev"

func main() {
	if len(os.Args) > 1 && os.Args[1] == "catalog" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := catalogcmd.Run(ctx, os.Args[2:], os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	}
	attach := flag.Bool("debug", false, "serve for a debugger, and print how to attach Terraform to it")
	flag.Parse()
	beFrugal()
	server, end, err := provider.NewServer(version)
	if err != nil {
		log.Fatal(err)
	}
	var options []tf6server.ServeOpt
	if *attach {
		options = append(options, tf6server.WithManagedDebug())
	} else {
		// A Terraform that was killed has heard nothing of what is being made. Its state cannot have it, so it must not be
		// confirmed; what a process leaves that ends here, the next apply takes over or clears away.
		parent.OnEnd(func() { os.Exit(1) })
	}
	if err := tf6server.Serve("registry.terraform.io/novacron/novacron", server, options...); err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := end(ctx); err != nil {
		log.Print(err)
	}
}

// patience is how long Terraform waits for a provider to end that it has taken leave of, less some time for the end itself
// (Kill in hashicorp/go-plugin's client.go waits two seconds).
const patience = 1500 * time.Millisecond

// beFrugal drops work that nobody sees. Where no log is asked for, the framework still writes trace messages, some
// dozens for each resource, and Terraform reads and discards them: together that is a third of what a plan with nothing
// to do costs. And a process that lives for seconds gains nothing by collecting garbage early.
func beFrugal() {
	asked := false
	for _, name := range []string{"TF_LOG", "TF_LOG_PROVIDER", "TF_LOG_SDK"} {
		asked = asked || os.Getenv(name) != ""
	}
	if !asked {
		os.Setenv("TF_LOG_SDK", "off")
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}
