// Command bench measures the provider side by side with plain tools (virsh, genisoimage) that do
// the same work on the same host, and with an empty provider that does nothing, and prints the
// ratios. It also measures catalogs, next to their goals. It needs a test host's environment.
//
//	bench                    # everything
//	bench provider
//	bench images             # registering images
//	bench resume             # guests that are resumed, beside the same that boot
//	bench containers         # containers, beside virsh doing the same by hand
//	bench catalog [SIZE...]  # libraries with these numbers of templates
//	bench hosts [HOSTS [INSTANCES]]  # many hosts
package main

import (
	"errors"
	"fmt"
	"log"
	"os"
)

const (
	rounds    = 5 // the medians of which count
	imageSize = 500 << 20
)

func main() {
	log.SetFlags(0)
	part := ""
	if len(os.Args) > 1 {
		part = os.Args[1]
	}
	var err error
	switch part {
	case "":
		err = errors.Join(measureProvider(), images(), resumes(), containers(), catalogs(nil))
	case "provider":
		err = measureProvider()
	case "images":
		err = images()
	case "resume":
		err = resumes()
	case "containers":
		err = containers()
	case "catalog", "catalog-writer":
		err = catalogs(os.Args[1:])
	case "hosts":
		err = hosts(os.Args[2:])
	default:
		err = fmt.Errorf("there is no part %q: use provider, images, resume, containers, catalog or hosts", part)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func measureProvider() error {
	b, err := newBench()
	if err != nil {
		return err
	}
	defer b.close()
	return b.measure()
}

func resumes() error {
	b, err := newBench()
	if err != nil {
		return err
	}
	defer b.close()
	return b.resumed()
}

func containers() error {
	b, err := newBench()
	if err != nil {
		return err
	}
	defer b.close()
	return b.containers()
}

func (b *bench) measure() error {
	fmt.Printf(`Medians of %d rounds on this machine, in which novacron, the plain tools and the floor take turns.
"novacron" is Terraform with this provider. "floor" is Terraform with a provider that does nothing
(empty), or with one that has novacron's schemas and state and does nothing (idle). The floor is
subtracted from novacron before it is compared with plain tools, unless the line says "all". The
plain tools are genisoimage on all processors, and one virsh process for all commands. CPU and
memory are of Terraform and its provider (memory of novacron alone), or of the plain tools, and
after the + of libvirtd and the programs that it runs. Where there are no plain tools, "theirs" is
the floor's.

`, rounds)
	heading("plain")
	for _, work := range []func() ([]row, error){
		func() ([]row, error) { return b.clones(defined, false) },
		func() ([]row, error) { return b.clones(started, true) },
	} {
		if err := printed(work()); err != nil {
			return err
		}
	}
	fmt.Printf("\nOne more instance in a pool that has some: milliseconds for each of %d that are created "+
		"and removed, without Terraform's own time.\n\n", more)
	fmt.Printf("| %9s | %12s | %12s | %12s | %12s |\n|---|---|---|---|---|\n",
		"instances", "create", "by one virsh", "remove", "by one virsh")
	plans, err := b.growth()
	if err != nil {
		return err
	}
	fmt.Println()
	heading("plain")
	return printed(plans, nil)
}

func printed(rows []row, err error) error {
	for _, r := range rows {
		r.print()
	}
	return err
}

func env(name string) (string, error) {
	if v := os.Getenv(name); v != "" {
		return v, nil
	}
	return "", fmt.Errorf("%s is not set: run `make bench`", name)
}
