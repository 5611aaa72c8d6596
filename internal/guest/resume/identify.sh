# shellcheck shell=sh
# Gives a guest that was resumed its identity. It may run twice. common.sh is before it.
# shellcheck source=common.sh

main() {
  umask 022
  # Nothing may be before this: other copies of the same memory have the same random numbers.
  printf '@ENTROPY@' | reseed '@PROGRAM@' || refuse "the guest's random numbers could not be reseeded"
  if ! [ -e "$state/clock" ]; then # else it is the second time, and the clock would go back
    date -u -s '@@TIME@' >/dev/null || refuse "the guest's clock cannot be set"
    read -r ticks _ </proc/uptime
    printf '%s %s\n' '@TIME@' "${ticks%.*}" >"$state/clock" || refuse "the guest's /run cannot be written to"
  fi
  printf '%s\n' '@MACHINE@' >/etc/machine-id || refuse "the guest's /etc/machine-id cannot be written to"
  if [ -d /var/lib/dbus ] && ! [ -L /var/lib/dbus/machine-id ]; then
    printf '%s\n' '@MACHINE@' >/var/lib/dbus/machine-id || refuse "the guest's machine id of D-Bus cannot be written to"
  fi
  printf '%s\n' '@HOSTNAME@' >/etc/hostname || refuse "the guest's /etc/hostname cannot be written to"
  printf '%s' '@HOSTNAME@' >/proc/sys/kernel/hostname || refuse "the guest does not take its host name"
}
