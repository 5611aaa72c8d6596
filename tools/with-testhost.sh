#!/usr/bin/env bash
# Runs a command with all that acceptance tests need: the guest images and a private libvirt host.
# The host is taken down after the command.
#
#   with-testhost.sh COMMAND [ARG...]
#
# If there is enough memory, temporary files are kept in it. TMPDIR, if set, overrides that.
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
NOVACRON_TEST_IMAGE_WEB=$("$here/images/build.sh" web)
NOVACRON_TEST_IMAGE_SYSTEM=$("$here/images/build.sh" system)
export NOVACRON_TEST_IMAGE_TINY NOVACRON_TEST_IMAGE_DEBIAN NOVACRON_TEST_IMAGE_WEB NOVACRON_TEST_IMAGE_SYSTEM

# One host for each checkout, so that runs in several checkouts do not disturb each other.
checkout=$(cksum <<<"$here" | cut -d' ' -f1)
host=acceptance-$checkout
scratch=
# finish takes the host down. It shows crashes of libvirtd, which do not fail the command by
# themselves.
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
# Take down what a killed run left: its host, and the hosts that single tests had for themselves.
"$here/testhost/testhost.sh" down "$host"
for own in "${NOVACRON_TESTHOST_DIR:-/var/tmp/novacron-testhost}/$host"-*/; do
  [[ ! -d $own ]] || "$here/testhost/testhost.sh" down "$(basename "$own")"
done
# Guests' writes keep the machine's disk busy for seconds at times, and go-plugin waits at most two
# seconds for a socket to appear. Therefore keep temporary files in memory. Not in /dev/shm, because
# libvirt takes everything below /dev for a device. The directory has a short name, because the path
# of a socket has at most 107 bytes.
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
