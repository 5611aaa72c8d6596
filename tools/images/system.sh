# The system image: the root file system of a Debian 12 that runs systemd and cloud-init in a
# container.
# shellcheck shell=bash disable=SC2154 # here is set by build.sh

system_packages="systemd-sysv systemd-resolved dbus netbase iproute2 cloud-init sudo"

# A container has no devices to wait for, and no terminal.
system_masked="apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service
  fstrim.timer getty.target console-getty.service systemd-firstboot.service systemd-update-utmp.service
  systemd-update-utmp-runlevel.service systemd-udevd.service"

build_image() {
  local root=$1/root out=$2 unit
  bootstrap apt "$root" "${system_packages//$'\n'/ }" \
    --essential-hook="copy-in $here/system/root/etc /" \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright'
  for unit in $system_masked; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
  done
  chroot "$root" systemctl --quiet enable systemd-networkd
  : >"$root/etc/machine-id"
  rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*
  tar --create --directory="$root" --sort=name --numeric-owner --exclude='./dev/*' --file="$out" .
}
