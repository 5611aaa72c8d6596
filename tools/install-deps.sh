#!/usr/bin/env bash
# Installs the Debian or Ubuntu packages that the test host, the tests of nova-init and of images of
# containers, the test images, the tests of the catalog in PostgreSQL, the tests that read YAML as
# cloud-init does, and the checks of scripts need.
#
#   install-deps.sh [GROUP...]            install what the groups testhost, containers, images,
#                                         postgres, yaml and lint lack (default: all groups)
#   install-deps.sh --missing [GROUP...]  only print what is missing, one package a line
set -euo pipefail

# apt installs no recommended packages: they would bring desktops, firmware and a default network to
# the machine itself.
declare -A packages=(
  [testhost]="libvirt-daemon-system libvirt-daemon-driver-qemu libvirt-daemon-driver-lxc libvirt-clients
    qemu-system-x86 qemu-utils seabios ovmf ipxe-qemu dnsmasq-base iproute2 iptables openssh-client openssh-server tini genisoimage
    polkitd dbus xfsprogs fsverity gzip xz-utils zstd bzip2"
  [containers]="busybox-static e2fsprogs iproute2 dnsmasq-base mount tzdata util-linux"
  [images]="mmdebstrap debian-archive-keyring extlinux syslinux-common e2fsprogs fdisk qemu-utils cpio openssh-client"
  [postgres]="postgresql util-linux"
  [yaml]="python3-yaml"
  [lint]="shellcheck"
)

# keep_sshd_off masks the services of the package openssh-server, so that it does not open the
# machine to logins. Tests start a server of their own.
keep_sshd_off() {
  local unit
  for unit in ssh.service ssh.socket; do
    [[ -e /etc/systemd/system/$unit || -L /etc/systemd/system/$unit ]] && continue
    "$@" mkdir -p /etc/systemd/system
    "$@" ln -s /dev/null "/etc/systemd/system/$unit"
    echo "install-deps.sh: $unit is masked; to log in to this machine by SSH: systemctl unmask $unit" >&2
  done
}

missing_packages() {
  local group package
  for group in "$@"; do
    # shellcheck disable=SC2086 # a list of words
    for package in ${packages[$group]}; do
      dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
        echo "$package"
    done
  done | sort -u
}

main() {
  local only_list=false group
  if [[ ${1:-} == --missing ]]; then
    only_list=true
    shift
  fi
  (($#)) || set -- testhost containers images postgres yaml lint
  for group in "$@"; do
    if [[ -z ${packages[$group]:-} ]]; then
      echo "install-deps.sh: unknown group '$group'; the groups are: ${!packages[*]}" >&2
      exit 2
    fi
  done
  if ! command -v dpkg-query >/dev/null; then
    echo "install-deps.sh: dpkg-query is missing: only Debian and Ubuntu are supported" >&2
    exit 1
  fi

  local missing
  mapfile -t missing < <(missing_packages "$@")
  if $only_list; then
    ((${#missing[@]} == 0)) || printf '%s\n' "${missing[@]}"
    return
  fi
  if ((${#missing[@]} == 0)); then
    echo "install-deps.sh: everything for $* is installed" >&2
    return
  fi

  local as_root=()
  ((EUID == 0)) || as_root=(sudo)
  echo "install-deps.sh: installing ${missing[*]}" >&2
  [[ " ${missing[*]} " != *" openssh-server "* ]] || keep_sshd_off "${as_root[@]}"
  "${as_root[@]}" apt-get update
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
}

main "$@"
