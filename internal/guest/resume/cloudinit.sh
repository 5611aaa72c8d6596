# shellcheck shell=sh
# Has cloud-init personalise a guest that was resumed, from the seed in its drive, with the stages
# of a boot. Without arguments it runs them itself. stages.py runs them, too, and has it do what a boot
# does after the first (connect) and the second one (serve), and
# what remains (settle). common.sh is before it.
# shellcheck source=common.sh

connect() {
  while read -r unit; do
    systemctl start "$unit"
  done <"$state/networks"
  image_netplan=
  # shellcheck source=/dev/null
  [ ! -e "$state/image" ] || . "$state/image"
  if [ -n "$image_netplan" ]; then
    return # the network is there, as cloud-init has just written it
  elif has networkctl && systemctl --quiet is-active systemd-networkd.service; then
    networkctl reload
  elif systemctl --quiet is-enabled networking.service 2>/dev/null; then
    systemctl restart networking.service
  fi
}

# stage runs a stage. The next ones do not run if it was killed: they would hide that.
stage() {
  cloud-init "$@" || {
    status=$?
    [ $status -gt 128 ] || return 0
    echo "cloud-init's stage $* was ended by the signal $((status - 128))" >"$state/killed"
    exit $status
  }
}

serve() {
  # shellcheck disable=SC2046 # names without spaces
  systemctl start --no-block $(cat "$state/clocks" "$state/sshd")
}

main() {
  umask 022
  cd /
  systemd || return
  case ${1:-} in
    connect | serve | settle) "$1" ;;
    *)
      stage init --local
      connect
      stage init
      serve
      stage modules --mode=config
      stage modules --mode=final
      settle
      ;;
  esac
}
