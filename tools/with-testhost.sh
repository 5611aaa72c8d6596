#!/usr/bin/env bash
# Runs a command with all that acceptance tests need: a private libvirt host, which is taken down afterwards, and the
# guest images.
#
#   with-testhost.sh COMMAND [ARG...]
#
# Temporary files go to memory, where there is enough, unless TMPDIR is set.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if ((!$#)); then
  echo "usage: with-testhost.sh COMMAND [ARG...]" >&2
  exit 2
fi
if ((EUID != 0)); then
  # shellcheck disable=SC2016 # for the user's shell
  echo 'with-testhost.sh: needs root, for namespaces and libvirtd. Run it with: sudo -E env "PATH=$PATH" make …' >&2
  exit 1
fi

NOVACRON_TEST_IMAGE_TINY=$("$here/images/build.sh" tiny)
NOVACRON_TEST_IMAGE_DEBIAN=$("$here/images/build.sh" debian)
export NOVACRON_TEST_IMAGE_TINY NOVACRON_TEST_IMAGE_DEBIAN

# One host a checkout, so that runs in several do not meet.
checkout=$(cksum <<<"$here" | cut -d' ' -f1)
host=acceptance-$checkout
scratch=
# finish takes the host down. A libvirtd that crashed fails nothing by itself, but has to be seen.
finish() {
  local crashes=${NOVACRON_TESTHOST_ROOT:-}/log/libvirtd-crashes
  if [[ -s $crashes ]]; then
    echo "with-testhost.sh: libvirtd crashed $(wc -l <"$crashes") times and was started again:" >&2
    sed 's/^/  /' "$crashes" >&2
  fi
  "$here/testhost/testhost.sh" down "$host"
  [[ -z $scratch ]] || { umount --lazy "$scratch"; rmdir "$scratch"; }
}
trap finish EXIT
# What a killed run has left, with the hosts that single tests had for themselves.
"$here/testhost/testhost.sh" down "$host"
for own in "${NOVACRON_TESTHOST_DIR:-/var/tmp/novacron-testhost}/$host"-*/; do
  [[ ! -d $own ]] || "$here/testhost/testhost.sh" down "$(basename "$own")"
done
# Guests' disks keep the machine's disk busy for seconds at times, and go-plugin gives a socket no more than two to appear.
# Not /dev/shm: what is below /dev is a device to libvirt. A short name, since a socket's path has no more than 107 bytes.
memory=/tmp/nova-$checkout
if [[ -z ${TMPDIR:-} ]] && (($(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo) >= 6 << 20)); then
  while mountpoint --quiet "$memory"; do umount --lazy "$memory"; done
  mkdir -p "$memory"
  mount -t tmpfs -o mode=1777 tmpfs "$memory"
  scratch=$memory
  export TMPDIR=$scratch
fi
environment=$("$here/testhost/testhost.sh" up "$host")
eval "$environment"
"$@"
