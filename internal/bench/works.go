package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// clones creates linked clones and starts them, without waiting for the guests.
func (b *bench) clones() (row, error) {
	r := row{work: fmt.Sprintf("define and start %d linked clones", started), subtract: true, against: "virsh", aim: 1.2}
	base := provider + template("tiny") + version(b.tinyImage)
	w := b.workspace("clones", base)
	if _, err := b.timed(w, "apply", "-auto-approve"); err != nil {
		return r, err
	}
	var err error
	r.ours, err = median(func(int) (time.Duration, error) {
		b.configure(w, base+instances(started, "running"))
		d, err := b.timed(w, "apply", "-auto-approve")
		if err != nil {
			return d, err
		}
		if err := b.powerOff(); err != nil { // shutting guests down does not count
			return d, err
		}
		b.configure(w, base)
		_, err = b.timed(w, "apply", "-auto-approve")
		return d, err
	})
	if err != nil {
		return r, err
	}
	if r.floor, err = b.emptyApply(started); err != nil {
		return r, err
	}
	if err := b.plainBase(); err != nil {
		return r, err
	}
	r.plain, err = median(func(int) (time.Duration, error) {
		start := time.Now()
		err := b.plainClones(started, true)
		d := time.Since(start)
		if err != nil {
			return d, err
		}
		return d, b.plainRemove(started)
	})
	if err != nil {
		return r, err
	}
	_, err = b.timed(w, "destroy", "-auto-approve")
	return r, err
}

// noopPlan plans n instances that need no change. It compares the time with an empty provider,
// whose resources have few values, and with an idle provider, which has as many values and never
// looks at them. The three take turns.
func (b *bench) noopPlan(n int, aim float64) ([]row, error) {
	b.many = b.workspace(fmt.Sprintf("many%d", n), provider+template("tiny")+version(b.tinyImage)+instances(n, "stopped"))
	empty := b.workspace(fmt.Sprintf("emptyplan%d", n), emptyThings(n))
	for _, w := range []string{b.many, empty} {
		if _, err := b.timed(w, "apply", "-auto-approve"); err != nil {
			return nil, err
		}
	}
	times, err := medians(
		func() (time.Duration, error) { return b.timed(b.many, "plan", "-detailed-exitcode") },
		func() (time.Duration, error) { return b.timed(empty, "plan", "-detailed-exitcode") },
		func() (time.Duration, error) { return b.timedWith(b.idleRC, b.many, "plan", "-detailed-exitcode") })
	if err != nil {
		return nil, err
	}
	work := fmt.Sprintf("plan %d instances, nothing to do", n)
	return []row{
		{work: work, ours: times[0], floor: times[1], against: "empty provider", aim: aim},
		{work: work, ours: times[0], floor: times[2], against: "idle provider"},
	}, nil
}

// noopPlanOfMany is noopPlan for a large estate. It destroys the instances afterwards.
func (b *bench) noopPlanOfMany() ([]row, error) {
	rows, err := b.noopPlan(plannedMany, 1.3)
	if err != nil {
		return nil, err
	}
	_, err = b.timed(b.many, "destroy", "-auto-approve")
	return rows, err
}

// destroy destroys the instances of noopPlan.
func (b *bench) destroy() (row, error) {
	r := row{work: fmt.Sprintf("destroy %d stopped instances", planned), subtract: true, against: "virsh"}
	var err error
	if r.ours, err = b.timed(b.many, "destroy", "-auto-approve"); err != nil {
		return r, err
	}
	w := b.workspace("emptydestroy", emptyThings(planned))
	if _, err = b.timed(w, "apply", "-auto-approve"); err != nil {
		return r, err
	}
	if r.floor, err = b.timed(w, "destroy", "-auto-approve"); err != nil {
		return r, err
	}
	if err := b.plainClones(planned, false); err != nil {
		return r, err
	}
	start := time.Now()
	err = b.plainRemove(planned)
	r.plain = time.Since(start)
	return r, err
}

// emptyApply returns how long Terraform takes to apply n resources that do nothing.
func (b *bench) emptyApply(n int) (time.Duration, error) {
	return median(func(round int) (time.Duration, error) {
		return b.timed(b.workspace(fmt.Sprintf("empty%d-%d", n, round), emptyThings(n)), "apply", "-auto-approve")
	})
}

var provider = providerOf("")

// providerOf returns the configuration of the provider for a pool, or for the default pool if the
// name is "".
func providerOf(pool string) string {
	if pool != "" {
		pool = fmt.Sprintf("pool = %q", pool)
	}
	return `
terraform {
  required_providers {
    novacron = { source = "novacron/novacron" }
  }
}
provider "novacron" { ` + pool + ` }
`
}

func template(name string) string {
	return fmt.Sprintf(`
resource "novacron_template" "t" {
  name             = %q
  hardware_profile = { memory_mb = 128 }
}
`, name)
}

func version(image string) string {
	return fmt.Sprintf(`
resource "novacron_template_version" "v" {
  template_id = novacron_template.t.id
  version     = "1.0.0"
  source      = { path = %q }
}
`, image)
}

func instances(n int, power string) string {
	return fmt.Sprintf(`
resource "novacron_instance" "i" {
  count       = %d
  name        = "bench-${count.index}"
  template_id = novacron_template.t.id
  version     = novacron_template_version.v.version
  power_state = %q
  wait_for    = []
}
`, n, power)
}

func emptyThings(n int) string {
	return fmt.Sprintf(`
terraform {
  required_providers {
    empty = { source = "novacron/empty" }
  }
}
resource "empty_thing" "t" {
  count = %d
  name  = "thing-${count.index}"
}
`, n)
}

// plainBase uploads the base image of the plain clones.
func (b *bench) plainBase() error {
	return b.sh(`
virsh -q vol-create-as novacron plain-base.qcow2 1 --format raw >/dev/null
virsh -q vol-upload --pool novacron plain-base.qcow2 "$1"
virsh -q pool-refresh novacron >/dev/null
`, b.tinyImage)
}

// plainClones is the script that people write without the provider. It creates an overlay, a seed
// and a domain for each clone.
func (b *bench) plainClones(n int, start bool) error {
	return b.sh(`
dir=$1; pool=$(virsh pool-dumpxml novacron | sed -n 's:.*<path>\(.*\)</path>.*:\1:p')
for i in $(seq 1 "$2"); do
  name=plain-$i
  virsh -q vol-create-as novacron $name.qcow2 64M --format qcow2 --backing-vol plain-base.qcow2 --backing-vol-format qcow2 >/dev/null
  mkdir -p "$dir/$name"
  printf '#cloud-config\nhostname: %s\n' $name > "$dir/$name/user-data"
  printf 'instance-id: %s\nlocal-hostname: %s\n' $name $name > "$dir/$name/meta-data"
  genisoimage -quiet -output "$dir/$name.iso" -volid cidata -joliet -rock "$dir/$name/user-data" "$dir/$name/meta-data"
  virsh -q vol-create-as novacron $name.iso "$(stat -c %s "$dir/$name.iso")" --format raw >/dev/null
  virsh -q vol-upload --pool novacron $name.iso "$dir/$name.iso"
  cat > "$dir/$name.xml" <<XML
<domain type='qemu'><name>$name</name><memory unit='MiB'>128</memory><vcpu>1</vcpu><cpu mode='maximum'/>
<os><type arch='x86_64'>hvm</type></os><features><acpi/><apic/></features><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2' discard='unmap'/><source file='$pool/$name.qcow2'/><target dev='vda' bus='virtio'/><boot order='1'/></disk>
<controller type='usb' model='none'/><controller type='scsi' model='virtio-scsi'/>
<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='$pool/$name.iso'/><target dev='sda' bus='scsi'/><readonly/></disk>
<interface type='network'><source network='default'/><model type='virtio'/></interface>
<serial type='pty'/><channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel><rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
</devices></domain>
XML
  virsh -q define "$dir/$name.xml" >/dev/null
  if [ "$3" = true ]; then virsh -q start $name >/dev/null; fi
done
`, filepath.Join(b.dir, "plain"), fmt.Sprint(n), fmt.Sprint(start))
}

// plainRemove removes what plainClones created.
func (b *bench) plainRemove(n int) error {
	return b.sh(`
for i in $(seq 1 "$1"); do
  virsh -q destroy plain-$i >/dev/null 2>&1 || true
  virsh -q undefine plain-$i >/dev/null
  virsh -q vol-delete --pool novacron plain-$i.qcow2 >/dev/null
  virsh -q vol-delete --pool novacron plain-$i.iso >/dev/null
done
`, fmt.Sprint(n))
}

// powerOff switches all guests off.
func (b *bench) powerOff() error {
	return b.sh(strings.TrimSpace(`for d in $(virsh -q list --name); do virsh -q destroy "$d" >/dev/null; done`))
}
