# The debian image: Debian 12 as in its cloud images, ready for cloud-init, without the parts that
# no test or demo looks at.
# shellcheck shell=bash disable=SC2154 # here is set by build.sh

# tiny-initramfs loads listed drivers and mounts the root. The usual initramfs starts udev and
# dozens of programs to find the drivers, which takes eight seconds of an emulated guest's boot.
debian_packages="linux-image-cloud-amd64 tiny-initramfs systemd-sysv systemd-resolved udev dbus libpam-systemd netbase
  netplan.io iproute2 iputils-ping nftables openssh-server sudo cloud-init cloud-guest-utils fdisk qemu-guest-agent"

# No test needs these units. A slow guest would spend seconds on them, some in the middle of a test.
debian_masked="apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service
  fstrim.timer user@.service getty@tty1.service getty-static.service systemd-binfmt.service
  proc-sys-fs-binfmt_misc.automount systemd-update-utmp.service systemd-update-utmp-runlevel.service
  systemd-pstore.service systemd-firstboot.service systemd-repart.service dev-hugepages.mount dev-mqueue.mount
  sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount sys-fs-fuse-connections.mount
  modprobe@.service kmod-static-nodes.service systemd-modules-load.service systemd-random-seed.service
  systemd-sysusers.service"
debian_masked_generators="cryptsetup gpt-auto hibernate-resume integritysetup rc-local sysv veritysetup"

build_image() {
  local work=$1 out=$2 root=$1/root unit
  # The configuration goes in before the kernel, because installing the kernel creates the
  # initramfs.
  bootstrap apt "$root" "${debian_packages//$'\n'/ }" \
    --essential-hook="copy-in $here/debian/root/etc /" \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright'
  for unit in $debian_masked; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
  done
  mkdir -p "$root/etc/systemd/system-generators"
  for unit in $debian_masked_generators; do
    ln -s /dev/null "$root/etc/systemd/system-generators/systemd-$unit-generator"
  done
  echo debian >"$root/etc/hostname"
  # Every guest creates its own. The machine-id is empty and not "uninitialized", which would make
  # systemd preset all units again.
  : >"$root/etc/machine-id"
  rm -f "$root"/etc/ssh/ssh_host_*
  say "making the disk"
  make_disk "$root" 2G "$work/disk.raw" "root=/dev/vda1 ro console=tty0 console=ttyS0 net.ifnames=0"
  # The image is not compressed: compressing takes longer than all reads of the larger image in the
  # tests.
  qemu-img convert -O qcow2 "$work/disk.raw" "$out"
}
