# shellcheck shell=sh
# What the scripts of this package share. They come in on the standard input of a shell of the
# guest's, so everything is in functions, and main reads something else.
state=/run/novacron # for root alone; it is in the memory that is saved, and gone after a boot

# refuse ends the script with a sentence that says why. It also writes it down where noted says.
refuse() {
  printf '%s.\n' "$1" >&2
  [ -z "${noted:-}" ] || printf '%s.\n' "$1" >"$noted"
  exit 1
}

has() {
  command -v "$1" >/dev/null 2>&1
}

systemd() {
  [ -d /run/systemd/system ] && has systemctl
}

# clouded tells whether cloud-init runs in the guest.
clouded() {
  has cloud-init && ! [ -e /etc/cloud/cloud-init.disabled ] && ! [ -e /run/cloud-init/disabled ]
}

# log is where the output of an author's commands goes: where cloud-init writes that of its own.
log() {
  if clouded; then
    echo /var/log/cloud-init-output.log
  else
    echo /dev/console
  fi
}

# now prints the time, in seconds since 1970, without another program: that takes an emulated guest
# a while. identify.sh has noted the time, and what the guest's uptime was then.
now() {
  read -r epoch uptime <"$state/clock"
  read -r ticks _ </proc/uptime
  echo $((epoch + ${ticks%.*} - uptime))
}

# run NAME INDEX COMMAND runs a command in a shell of its own. A file keeps it from the arguments
# of processes, which every user sees.
run() {
  (
    umask 077
    printf '%s\n' "$3" >"$state/command"
  )
  (
    umask 022
    exec sh "$state/command"
  ) </dev/null >>"$(log)" 2>&1 || refuse "$1[$2] ended with exit status $?"
  rm -f "$state/command"
}

# plug gives the cards back to their drivers, in their order.
plug() {
  while read -r _ slot driver; do
    [ ! -e "/sys/bus/pci/drivers/$driver/$slot" ] || continue
    echo "$slot" >"/sys/bus/pci/drivers/$driver/bind" || [ -e "/sys/bus/pci/drivers/$driver/$slot" ] ||
      refuse "the driver $driver does not take card $slot"
  done <"$state/cards"
}

# reseed PROGRAM gives the kernel's random numbers 64 bytes of standard input to begin with. To
# write them to /dev/urandom would not be enough: the kernel would go on as it was for minutes. The
# program has to make RNDADDENTROPY (0x40085203), and RNDRESEEDCRNG (0x5207), of linux/random.h.
reseed() {
  case $1 in
    perl)
      perl -e 'read(STDIN, my $seed, 64) == 64 or die;
        open(my $random, "<", "/dev/random") or die;
        ioctl($random, 0x40085203, pack("iia64", 512, 64, $seed)) or die;
        ioctl($random, 0x5207, 0) or die;'
      ;;
    python3)
      python3 -I -S -c 'import fcntl, struct, sys
seed = sys.stdin.buffer.read(64)
assert len(seed) == 64
with open("/dev/random", "rb", 0) as random:
    fcntl.ioctl(random, 0x40085203, struct.pack("ii64s", 512, 64, seed))
    fcntl.ioctl(random, 0x5207, 0)'
      ;;
    novacron-reseed) novacron-reseed ;;
    *) return 1 ;;
  esac >/dev/null 2>&1
}

# settle has the journal go on under the guest's own machine id, as journald keeps to the one that it
# began with, and removes what is not needed again. The script that reports, which ends by removing
# itself, is to have the console for itself.
settle() {
  waited=0
  while [ -e /var/lib/cloud/scripts/per-boot/novacron.sh ] && [ $waited -lt 60 ]; do
    waited=$((waited + 1))
    sleep 1
  done
  rm -f "$state/lane" "$state/stages.py"
  read -r machine </etc/machine-id
  for directory in /var/log/journal /run/log/journal; do
    for journal in "$directory"/*; do
      if [ -d "$journal" ] && [ "$journal" != "$directory/$machine" ]; then
        mv "$journal" "$directory/$machine"
        moved=yes
      fi
    done
  done
  [ -z "${moved:-}" ] || systemctl restart systemd-journald.service
}
