package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// plainTools do on the host of uri what novacron does.
type plainTools struct {
	dir       string // for temporary files
	uri       string
	daemon    libvirtd
	tinyImage string
}

// sh runs a script of plain tools.
func (p *plainTools) sh(script string, args ...string) error {
	_, err := p.timedShell(script, args...)
	return err
}

// timedShell is sh with what it took.
func (p *plainTools) timedShell(script string, args ...string) (s sample, err error) {
	cmd := exec.Command("bash", append([]string{"-euo", "pipefail", "-c", script, "bench"}, args...)...)
	cmd.Env = environment(p.uri)
	s.daemon, err = p.daemon.during(func() error {
		start := time.Now()
		out, err := cmd.CombinedOutput()
		s.took = time.Since(start)
		if err != nil {
			return errors.Join(err, errors.New(string(out)))
		}
		return nil
	})
	s.client = clientCost(cmd)
	return s, err
}

// clientCost is what a command that has ended and its children have taken.
func clientCost(cmd *exec.Cmd) cost {
	if cmd.ProcessState == nil {
		return cost{}
	}
	return cost{
		cpu:  cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		peak: peakOf(cmd.ProcessState),
	}
}

func environment(uri string) []string {
	return append(os.Environ(), "LIBVIRT_DEFAULT_URI="+uri, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1")
}

// virsh is the start of scripts that collect commands for one virsh process: a process for each
// command would spend most of its time on connecting. It fails if one of the
// commands does.
const virsh = `
virsh_all() {
  failed=0
  virsh -q >/dev/null 2>"$1/errors" || failed=1
  if [ $failed = 1 ] || [ -s "$1/errors" ]; then cat "$1/errors" >&2; exit 1; fi
}
`

// base uploads the base of the plain clones.
func (p *plainTools) base() error {
	return p.sh(`
virsh -q vol-create-as novacron plain-base.qcow2 1 --format raw >/dev/null
virsh -q vol-upload --pool novacron plain-base.qcow2 "$1"
virsh -q pool-refresh novacron >/dev/null
`, p.tinyImage)
}

func (p *plainTools) removeBase() error {
	return p.sh(`virsh -q vol-delete --pool novacron plain-base.qcow2 >/dev/null`)
}

// clones creates an overlay, a seed and a domain each, as well as plain tools can: genisoimage
// on all processors, and one virsh process for everything.
func (p *plainTools) clones(n int, start bool) (sample, error) {
	return p.timedShell(virsh+`
dir=$1; pool=$(virsh pool-dumpxml novacron | sed -n 's:.*<path>\(.*\)</path>.*:\1:p')
mkdir -p "$dir"
seed() {
  mkdir -p "$1/$2"
  printf '#cloud-config\nhostname: %s\n' "$2" > "$1/$2/user-data"
  printf 'instance-id: %s\nlocal-hostname: %s\n' "$2" "$2" > "$1/$2/meta-data"
  genisoimage -quiet -output "$1/$2.iso" -volid cidata -joliet -rock "$1/$2/user-data" "$1/$2/meta-data"
}
export -f seed
seq -f 'plain-%g' 1 "$2" | xargs -P "$(nproc)" -I{} bash -c 'seed "$0" {}' "$dir"
for i in $(seq 1 "$2"); do
  name=plain-$i
  cat > "$dir/$name.xml" <<XML
<domain type='qemu'><name>$name</name><memory unit='MiB'>128</memory><vcpu>1</vcpu><cpu mode='maximum'/>
<os><type arch='x86_64'>hvm</type></os><features><acpi/><apic/></features><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2' discard='unmap'/>
<source file='$pool/$name.qcow2'/><target dev='vda' bus='virtio'/><boot order='1'/></disk>
<controller type='usb' model='none'/><controller type='scsi' model='virtio-scsi'/>
<disk type='file' device='cdrom'><driver name='qemu' type='raw'/>
<source file='$pool/$name.iso'/><target dev='sda' bus='scsi'/><readonly/></disk>
<interface type='network'><source network='default'/><model type='virtio'/></interface>
<serial type='pty'/><channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
</devices></domain>
XML
  echo "vol-create-as novacron $name.qcow2 64M --format qcow2 --backing-vol plain-base.qcow2 --backing-vol-format qcow2"
  echo "vol-create-as novacron $name.iso $(stat -c %s "$dir/$name.iso") --format raw"
  echo "vol-upload --pool novacron $name.iso $dir/$name.iso"
  echo "define $dir/$name.xml"
  if [ "$3" = true ]; then echo "start $name"; fi
done | virsh_all "$dir"
`, filepath.Join(p.dir, "plain"), fmt.Sprint(n), fmt.Sprint(start))
}

// remove removes what clones created. Guests are off.
func (p *plainTools) remove(n int) (sample, error) {
	return p.timedShell(virsh+`
for i in $(seq 1 "$2"); do
  echo "undefine plain-$i"
  echo "vol-delete --pool novacron plain-$i.qcow2"
  echo "vol-delete --pool novacron plain-$i.iso"
done | virsh_all "$1"
`, filepath.Join(p.dir, "plain"), fmt.Sprint(n))
}

// powerOff switches all guests off.
func (p *plainTools) powerOff() error {
	return p.sh(strings.TrimSpace(`for d in $(virsh -q list --name); do virsh -q destroy "$d" >/dev/null; done`))
}
