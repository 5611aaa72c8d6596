#!/usr/bin/env bash
# Builds a guest image for acceptance tests from Debian packages, and prints the path of the
# finished qcow2. If the cache has an image of the same recipe, the script uses that.
#
#   build.sh tiny|debian [OUT]    also copies the image to OUT
#
# tiny:   kernel, busybox and guest agent in an initramfs; for most tests
# debian: Debian 12 with cloud-init and sshd, less what only takes time
set -euo pipefail
# Files that this script creates become the guest's files.
umask 022

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

kind=${1:-}
if [[ ! $kind =~ ^(tiny|debian)$ ]] || (($# > 2)); then
  echo "usage: build.sh tiny|debian [OUT]" >&2
  exit 2
fi

cache=${NOVACRON_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/novacron}/images
hash=$(cd "$here" && find build.sh lib.sh "$kind.sh" "$kind" -type f -print0 | LC_ALL=C sort -z |
  xargs -0 sha256sum | sha256sum | cut -c1-16)
image=$cache/$kind-$hash.qcow2

# build creates the image under a temporary name, so an image in the cache is always complete.
build() {
  require_build_machine
  work=$(mktemp -d "${TMPDIR:-/var/tmp}/novacron-image.XXXXXX")
  chmod 0755 "$work" # apt downloads as a user of its own
  trap clean_work EXIT
  # shellcheck source=/dev/null
  . "$here/$kind.sh"
  say "building $image"
  build_image "$work" "$work/image.qcow2"
  mv "$work/image.qcow2" "$image.partial"
  mv "$image.partial" "$image"
  say "built $image, $(du -h "$image" | cut -f1), in $SECONDS s"
}

mkdir -p "$cache"
exec 9>"$cache/.$kind-$hash.lock"
flock --nonblock 9 || {
  say "waiting for another build of $image"
  flock 9
}
[[ -e $image ]] || build >&2
flock --unlock 9

if (($# == 2)); then
  cp --sparse=always "$image" "$2.partial"
  mv "$2.partial" "$2"
  image=$(realpath "$2")
fi
echo "$image"
