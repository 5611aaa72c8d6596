package provision

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/hypervisor"
)

// thisRunner names this process, so that a later one on the same machine can tell whether it is still alive.
func thisRunner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return host + "/" + strconv.Itoa(os.Getpid())
}

// runnerDead tells whether a runner is certainly gone: it was a process of this machine, and there is none of its
// number any more. Of other machines nothing is known.
func runnerDead(runner string) bool {
	here, _, _ := strings.Cut(thisRunner(), "/")
	host, number, _ := strings.Cut(runner, "/")
	pid, err := strconv.Atoi(number)
	if err != nil || host != here || host == "unknown" {
		return false
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return true
	}
	err = process.Signal(syscall.Signal(0))
	return errors.Is(err, os.ErrProcessDone) || errors.Is(err, syscall.ESRCH) || defunct(pid)
}

// defunct tells whether a process has ended, but its parent has not taken note yet: in a container that may be never.
// See proc_pid_stat(5); where there is no such file, nothing is known.
func defunct(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	end := bytes.LastIndexByte(stat, ')') // of the program's name, which may hold anything
	return err == nil && end >= 0 && bytes.HasPrefix(stat[end+1:], []byte(" Z"))
}

// clearRemains makes way for a new instance: it removes the domain that a create that died has left of the same name,
// and refuses when the name belongs to something alive. Volumes stay until the new domain has claimed the name: before,
// they may be those of somebody who is about to claim it.
func (b *build) clearRemains(ctx context.Context) error {
	name := DomainName(b.tenant, b.request.Name)
	domain, err := b.host.DomainByName(ctx, name)
	if errors.Is(err, hypervisor.ErrNoDomain) {
		return nil
	}
	if err != nil {
		return err
	}
	facts, err := catalog.ParseInstanceFacts(domain.Metadata)
	if err != nil || facts.Tenant != b.tenant || facts.Name != b.request.Name || facts.Provision.Completed != nil {
		return b.nameTaken(name)
	}
	note := facts.Provision
	if !runnerDead(note.Runner) && now().Before(note.Deadline) {
		return catalog.Findings{{Path: catalog.At("name"), Summary: "Instance is being made", Detail: fmt.Sprintf(
			"%s (process %s) has been making instance %q since %s. If that process is dead, remove the domain with "+
				"`virsh undefine %s`, or wait until %s: then its remains are removed by themselves.",
			note.RequestedBy, note.Runner, b.request.Name, note.Started.Format("15:04:05"), name, note.Deadline.Format("15:04:05 MST"))}}
	}
	if b.remains, err = b.poolsOf(ctx, domain.Disks); err != nil {
		return err
	}
	return b.removeDomain(ctx, domain.UUID, 0)
}

func (b *build) nameTaken(domain string) error {
	return catalog.Findings{{Path: catalog.At("name"), Summary: "Name is taken", Detail: fmt.Sprintf(
		"The host %s has a domain %q already. Choose another name, or take the instance over with `terraform import`, id %q.",
		b.host.URI(), domain, b.tenant+"/"+b.request.Name)}}
}
