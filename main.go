// Command terraform-provider-novacron serves the novacron Terraform provider. With the argument
// "catalog", it runs commands for administrators of catalogs instead.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"github.com/novacron/terraform-provider-novacron/internal/catalogcmd"
	"github.com/novacron/terraform-provider-novacron/internal/parent"
	"github.com/novacron/terraform-provider-novacron/internal/provider"
)

// The release build sets version.
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
	provider.BeFrugal()
	server, end, err := provider.NewServer(version)
	if err != nil {
		log.Fatal(err)
	}
	var options []tf6server.ServeOpt
	if *attach {
		options = append(options, tf6server.WithManagedDebug())
	} else {
		// If Terraform is killed, it has received no response about objects that are still being
		// created. Its state cannot have them, so the provider must not confirm them. The process
		// ends here, and the next apply takes over or clears away what it left.
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

// patience is how long the provider may still work after Terraform has shut it down. Terraform
// waits two seconds before it kills the process (Kill in client.go of hashicorp/go-plugin), and
// ending takes some of that.
const patience = 1500 * time.Millisecond
