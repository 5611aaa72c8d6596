# shellcheck shell=sh
# Connects a guest that was resumed, and has it become what the instance asks for. common.sh is
# before it, and the lane's script, where there is one, is what it starts.
# shellcheck source=common.sh

# netplan writes the network's configuration where cloud-init would, and what a boot makes of it.
netplan() {
  [ -e "$state/image" ] || return 0
  # shellcheck source=/dev/null
  . "$state/image"
  # shellcheck disable=SC2154 # image_netplan is in there
  [ -n "$image_netplan" ] || return 0
  (
    umask 077
    printf '%s' "$1" >/etc/netplan/50-cloud-init.yaml
  )
  $image_netplan || refuse "netplan does not understand the network's configuration"
  networkctl reload # udev looks for itself
}

# named NAME MAC gives the name to the interface with that address, unless it has it.
named() {
  for interface in /sys/class/net/*; do
    read -r address <"$interface/address" || continue
    if [ "$address" = "$2" ] && [ "${interface##*/}" != "$1" ] && [ -e "$interface/device" ]; then
      ! has udevadm || udevadm settle
      [ -e "$interface" ] || return 0 # udev has done it
      ip link set "${interface##*/}" down
      ip link set "${interface##*/}" name "$1"
      return
    fi
  done 2>/dev/null
}

# begun has cloud-init's notes say that it runs: the guest is not done before they say so.
begun() {
  {
    printf '{\n "v1": {\n  "datasource": null,\n  "init-local": {\n   "errors": [],\n   "finished": null,\n'
    printf '   "start": %s\n  },\n  "stage": "init-local"\n }\n}\n' "$(now)"
  } >/var/lib/cloud/data/status.json
}

# resume LANE SCRIPT ENDED has the process that waits since the guest was sealed run the script, or for
# the lane cloud-init cloud-init's stages, which need the script besides. Without such a process, which
# has cloud-init's lane only, the script runs the stages. Nothing of it is the agent's, which is to be
# free, and may be restarted. Whatever runs the lane, systemd runs ENDED after it.
resume() {
  (
    umask 077
    printf '%s' "$2" >"$state/lane"
    printf '%s' "$3" >"$state/ended"
  )
  waiting=none
  [ ! -e "$state/waiting" ] || read -r waiting <"$state/waiting"
  if [ -d "/proc/$waiting" ]; then
    printf '%s\n' "$1" >"$state/go"
  elif [ "$1" = cloud-init ]; then
    systemd-run --quiet --collect --unit=novacron-lane --property=KillMode=process \
      --property=ExecStopPost="-/bin/sh $state/ended" --property=StandardOutput=journal+console \
      sh "$state/lane" </dev/null ||
      refuse "systemd did not start what personalises the guest"
  else
    refuse "the process that would personalise the guest has ended"
  fi
}

# restore starts what the seal has stopped, where no cloud-init does: that is not before a guest has
# keys of its own.
restore() {
  systemd || return 0
  # shellcheck disable=SC2046 # names without spaces
  [ ! -s "$state/networks" ] || systemctl start $(cat "$state/networks") || refuse "the network does not start"
  if [ -s "$state/sshd" ]; then
    ssh-keygen -A >/dev/null || refuse "the guest cannot make SSH host keys"
  fi
  # shellcheck disable=SC2046 # names without spaces
  [ -z "$(cat "$state/clocks" "$state/sshd")" ] || systemctl start --no-block $(cat "$state/clocks" "$state/sshd")
  settle
}

# once runs a function, unless it runs already, or did: the agent's answer may have been lost. Then it
# waits for that, and ends in the same way.
once() {
  # shellcheck disable=SC2034 # for refuse
  noted=$state/failed
  if mkdir "$state/personalising" 2>/dev/null; then
    "$1"
    : >"$state/done"
    return
  fi
  until [ -e "$state/done" ] || [ -e "$state/failed" ]; do
    sleep 1
  done
  if [ -e "$state/failed" ]; then
    cat "$state/failed" >&2
    exit 1
  fi
}

personalise() {
  @CALLS@
}

main() {
  umask 022
  cd /
  once personalise
}
