# The image recipes share this file. build.sh sources it, and sets kind (of image), here (its own
# directory) and work (the directory of this build).
# shellcheck shell=bash disable=SC2154

suite=bookworm

say() {
  echo "$kind: $*" >&2
}

die() {
  say "$*"
  exit 1
}

require_build_machine() {
  local missing
  ((EUID == 0)) || die "building needs root, for a loop mount and a chroot: run it with sudo"
  missing=$("$here/../install-deps.sh" --missing images)
  [[ -z $missing ]] ||
    die "packages are missing: ${missing//$'\n'/ }. Install them with tools/install-deps.sh images"
}

clean_work() {
  if mountpoint --quiet "$work/mnt"; then
    umount "$work/mnt"
  fi
  rm -rf --one-file-system "$work"
}

# debian_sources prints the machine's own apt sources for the suite, so that images come from the
# same mirror. It prints nothing if the machine does not run Debian 12. NOVACRON_APT_SOURCES names a
# file to use instead.
debian_sources() {
  if [[ -n ${NOVACRON_APT_SOURCES:-} ]]; then
    cat "$NOVACRON_APT_SOURCES"
    return
  fi
  # shellcheck disable=SC2016 # apt's variables
  apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' |
    grep -E " $suite(-security|-updates)? " | sort -u
}

# bootstrap VARIANT ROOT PACKAGES [OPTION...] unpacks packages with all their dependencies, with a
# variant of mmdebstrap. If the machine has no sources for the suite, mmdebstrap uses its own, and
# checks them with Debian's keyring.
bootstrap() {
  local variant=$1 root=$2 packages=$3 sources
  shift 3
  local options=(--variant="$variant" --include="$packages" --format=directory
    --keyring=/usr/share/keyrings/debian-archive-keyring.gpg "$@" "$suite" "$root")
  sources=$(debian_sources || true)
  if [[ -n $sources ]]; then
    mmdebstrap "${options[@]}" - <<<"$sources"
  else
    mmdebstrap "${options[@]}"
  fi
}

# make_disk ROOT SIZE RAW CMDLINE creates a disk with one ext4 partition that holds ROOT. The disk
# boots ROOT/vmlinuz and ROOT/initrd.img through extlinux without a pause.
#
# The kernel skips work that takes a good part of a boot on an emulated processor: mitigations
# against speculative execution, which this processor does not have; tests of ciphers; and rewriting
# its locks for a single processor. It does not check the timer either, because it panics if the
# machine does not run its emulator for a while during that check.
make_disk() {
  local root=$1 size=$2 raw=$3 cmdline="$4 mitigations=off cryptomgr.notests noreplace-smp no_timer_check" start=2048 mnt=$work/mnt
  mkdir -p "$root/boot/extlinux" "$mnt"
  cat >"$root/boot/extlinux/extlinux.conf" <<CONF
DEFAULT linux
PROMPT 0
TIMEOUT 0
LABEL linux
  KERNEL /vmlinuz
  INITRD /initrd.img
  APPEND $cmdline
CONF
  truncate --size "$size" "$raw"
  sfdisk --quiet --label dos "$raw" <<<"start=$start, type=83, bootable"
  local bytes=$(($(stat --format=%s "$raw") - start * 512))
  # extlinux cannot read the newer features of ext4.
  mkfs.ext4 -q -F -L root -O '^64bit,^metadata_csum_seed,^orphan_file' -E "offset=$((start * 512))" "$raw" \
    "$((bytes / 1024))k"
  mount -o "loop,offset=$((start * 512)),sizelimit=$bytes" "$raw" "$mnt"
  # mkfs.ext4 -d would turn runs of zeros into holes, and extlinux stops at holes with an I/O error.
  cp --archive --sparse=never "$root/." "$mnt/"
  extlinux --install "$mnt/boot/extlinux"
  umount "$mnt"
  # The first 440 bytes of the disk are the boot code of the MBR.
  dd if=/usr/lib/EXTLINUX/mbr.bin of="$raw" bs=440 count=1 conv=notrunc status=none
}
