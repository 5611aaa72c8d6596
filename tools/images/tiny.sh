# The tiny image: everything is in an initramfs, and the disk only boots it.
# shellcheck shell=bash disable=SC2154 # here is set by build.sh

# There is no balloon driver, because an idle guest must keep its memory as it is. The kernel has no
# ata_* modules, so a CD-ROM has to be on virtio-scsi.
tiny_modules="virtio_pci virtio_blk virtio_scsi sd_mod sr_mod isofs virtio_net virtio_console button evdev"

# copy_program PACKAGES ROOT PROGRAM copies a program with its shared libraries.
copy_program() {
  local packages=$1 root=$2 program=$3 file
  for file in "$program" $(chroot "$packages" /lib64/ld-linux-x86-64.so.2 --list "$program" |
    grep -oE '/[^ ]+' | sort -u); do
    install -D "$packages$file" "$root$file"
  done
}

# copy_modules PACKAGES ROOT copies the modules. It writes the order to load them in to
# /lib/modules/order.
copy_modules() {
  local packages=$1 root=$2 version module file
  version=$(ls "$packages/lib/modules")
  chroot "$packages" depmod "$version"
  mkdir -p "$root/lib/modules"
  for module in $tiny_modules; do
    chroot "$packages" modprobe --set-version "$version" --show-depends "$module"
  done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
    cp "$packages$file" "$root/lib/modules/"
    basename "$file"
  done >"$root/lib/modules/order"
}

build_image() {
  local work=$1 out=$2 packages=$1/packages root=$1/root disk=$1/disk applet
  bootstrap extract "$packages" linux-image-cloud-amd64,qemu-guest-agent,busybox-static
  say "making the initramfs"
  mkdir -p "$root"/{bin,sbin,usr,dev,proc,sys,run,tmp,var/run} "$disk"
  cp -r "$here/tiny/root/." "$root/"
  install "$packages/bin/busybox" "$root/bin/busybox"
  # Scripts and the agent look for some programs in /usr/bin and /usr/sbin.
  ln -s ../bin ../sbin "$root/usr/"
  for applet in $("$root/bin/busybox" --list); do
    [[ -e $root/bin/$applet || -e $root/sbin/$applet ]] || ln -s busybox "$root/bin/$applet"
  done
  ln -s bin/busybox "$root/init"
  copy_program "$packages" "$root" /usr/sbin/qemu-ga
  copy_modules "$packages" "$root"
  cp "$packages"/boot/vmlinuz-* "$disk/vmlinuz"
  # The initramfs is not compressed: under software emulation, decompressing takes longer than
  # reading.
  (cd "$root" && find . -print0 | LC_ALL=C sort -z | cpio --null --create --quiet --format=newc --owner=0:0) \
    >"$disk/initrd.img"
  make_disk "$disk" 64M "$work/disk.raw" "console=tty0 console=ttyS0 quiet nokaslr panic=1"
  qemu-img convert -O qcow2 "$work/disk.raw" "$out"
}
