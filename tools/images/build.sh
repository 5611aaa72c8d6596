#!/usr/bin/env bash
# Builds an image for acceptance tests from Debian packages, and prints the path of the finished
# file. If the cache has an image of the same recipe, the script uses that.
#
#   build.sh tiny|debian|web|system [OUT]    also copies the image to OUT
#
# tiny:   a disk with kernel, busybox and guest agent in an initramfs; for most tests
# debian: a disk with Debian 12, cloud-init and sshd, less what only takes time
# web:    a container image with a web server, an OCI layout in a tar
# system: a root file system with systemd and cloud-init, a tar
set -euo pipefail
# Files that this script creates become the guest's files.
umask 022

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

kind=${1:-}
if [[ ! $kind =~ ^(tiny|debian|web|system)$ ]] || (($# > 2)); then
  echo "usage: build.sh tiny|debian|web|system [OUT]" >&2
  exit 2
fi
suffix=qcow2
[[ ! $kind =~ ^(web|system)$ ]] || suffix=tar

cache=${NOVACRON_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/novacron}/images
hash=$(cd "$here" && find build.sh lib.sh "$kind.sh" "$kind" -type f -print0 | LC_ALL=C sort -z |
  xargs -0 sha256sum | sha256sum | cut -c1-16)
image=$cache/$kind-$hash.$suffix

# build creates the image under a temporary name, so an image in the cache is always complete.
build() {
  require_build_machine
  work=$(mktemp -d "${TMPDIR:-/var/tmp}/novacron-image.XXXXXX")
  chmod 0755 "$work" # apt downloads as a user of its own
  trap clean_work EXIT
  # shellcheck source=/dev/null
  . "$here/$kind.sh"
  say "building $image"
  build_image "$work" "$work/image.$suffix"
  mv "$work/image.$suffix" "$image.partial"
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
