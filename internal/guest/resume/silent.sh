# shellcheck shell=sh
# Finds out whether others could talk to a guest. common.sh is before it.
# shellcheck source=common.sh

# owner INODE is the name of a process that has that socket.
owner() {
  found=$(ls -l /proc/[0-9]*/fd 2>/dev/null | sed -n "/^\/.*:$/h;/socket:\[$1\]/{g;p;q;}")
  found=${found%/fd:}
  cat "$found/comm" 2>/dev/null || echo unknown
}

# silent refuses a guest that others could talk to: what waits for them may have keys, or random
# numbers, that all copies would share. resolved answers on port 5355, without either.
silent() {
  for table in tcp tcp6 udp udp6; do
    [ -e "/proc/net/$table" ] || continue
    waits=0A
    [ "${table%6}" = tcp ] || waits=07
    while read -r _ address _ is _ _ _ _ _ inode _; do
      [ "$is" = $waits ] || continue
      case $address in
        ??????7F:* | 00000000000000000000000001000000:* | 0000000000000000FFFF0000??????7F:*) continue ;;
      esac
      port=$((0x${address##*:}))
      { [ $port -eq 5355 ] && [ "$(owner "$inode")" = systemd-resolve ]; } || refuse "the guest listens on port $port ($table, $(owner "$inode")): stop that in\
 seal_commands, and start it again in resume_commands"
    done <"/proc/net/$table"
  done
}
