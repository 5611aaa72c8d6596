package main

import (
	"fmt"
	"path/filepath"
	"strings"
)

// lxc is the URI of the host's driver for containers.
func (p *plainTools) lxc() string { return strings.Replace(p.uri, "qemu", "lxc", 1) }

// containerBase unpacks the layers of a container image into a file system in the pool.
func (p *plainTools) containerBase(image string) error {
	return p.sh(`
root=$2/container-root; layout=$2/container-layout
mkdir -p "$root" "$layout"
tar -C "$layout" -xf "$1"
manifest=$layout/blobs/sha256/$(sed -n 's/.*"digest": "sha256:\([0-9a-f]*\)".*/\1/p' "$layout/index.json")
for layer in $(grep -o 'tar+gzip","digest":"sha256:[0-9a-f]*' "$manifest" | sed 's/.*://'); do
  tar -C "$root" -xzf "$layout/blobs/sha256/$layer"
done
truncate -s 64M "$2/container.raw"
mkfs.ext4 -q -F -d "$root" "$2/container.raw"
virsh -q vol-create-as novacron plain-container.raw 64M --format raw --allocation 0 >/dev/null
virsh -q vol-upload --sparse --pool novacron plain-container.raw "$2/container.raw"
rm -rf "$root" "$layout" "$2/container.raw"
`, image, p.dir)
}

func (p *plainTools) removeContainerBase() error {
	return p.sh(`virsh -q vol-delete --pool novacron plain-container.raw >/dev/null`)
}

// containers copies the file system and starts a container in it, n times, by one virsh process.
func (p *plainTools) containers(n int) (sample, error) {
	return p.timedShell(virsh+`
dir=$1; pool=$(virsh pool-dumpxml novacron | sed -n 's:.*<path>\(.*\)</path>.*:\1:p')
mkdir -p "$dir"
export LIBVIRT_DEFAULT_URI=$3
for i in $(seq 1 "$2"); do
  name=plain-$i
  cat > "$dir/$name.xml" <<XML
<domain type='lxc'><name>$name</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
<os><type arch='x86_64'>exe</type><init>/bin/httpd</init>
<initarg>-f</initarg><initarg>-h</initarg><initarg>/srv/www</initarg></os>
<features><privnet/></features><devices>
<filesystem type='file'><driver type='loop' format='raw'/><source file='$pool/$name.raw'/><target dir='/'/></filesystem>
<interface type='network'><source network='default'/></interface><console type='pty'/>
</devices></domain>
XML
  echo "vol-clone --pool novacron plain-container.raw $name.raw"
  echo "define $dir/$name.xml"
  echo "start $name"
done | virsh_all "$dir"
`, filepath.Join(p.dir, "plain"), fmt.Sprint(n), p.lxc())
}

// removeContainers removes what containers created.
func (p *plainTools) removeContainers(n int) (sample, error) {
	return p.timedShell(virsh+`
export LIBVIRT_DEFAULT_URI=$3
for i in $(seq 1 "$2"); do
  echo "destroy plain-$i"
  echo "undefine plain-$i"
  echo "vol-delete --pool novacron plain-$i.raw"
done | virsh_all "$1"
`, filepath.Join(p.dir, "plain"), fmt.Sprint(n), p.lxc())
}
