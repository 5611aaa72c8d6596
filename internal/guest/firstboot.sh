#!/bin/sh
# Made by novacron. cloud-init runs it at each boot, before the commands of its runcmd: it waits for the end of cloud-init in
# the background, reports on the serial console, and removes itself. In a guest that shuts down before, it reports at the next
# boot. With the argument customize, as a command of runcmd, it carries out what the instance's customization asks for.
said=/var/lib/cloud/instance/novacron.said # what failed of the customization, once it is over
begun=/var/lib/cloud/instance/novacron.begun # what failed in the boots before, where they ended before a report
failures=
console=/dev/ttyS0
[ ! -e /run/systemd/container ] || console=/dev/console # a container has no serial port

fail() {
  failures="${failures:+$failures; }$1"
}

# firewall makes sure of the rules in /etc/novacron, now and at every boot.
firewall() {
  if ! command -v nft >/dev/null; then
    fail "open_ports needs nft, which the guest does not have: put nftables into its image or into install_packages"
  elif ! [ -d /run/systemd/system ]; then
    fail "open_ports needs systemd, which the guest does not run, to load the rules at every boot"
  elif systemctl --quiet is-active firewalld.service; then
    fail "open_ports: firewalld is active in the guest and has rules of its own: disable it in the image, or open the ports there instead"
  elif ufw status 2>/dev/null | grep -q '^Status: active'; then
    fail "open_ports: ufw is active in the guest and has rules of its own: disable it in the image, or open the ports there instead"
  elif ! systemctl enable novacron-firewall.service || ! systemctl restart novacron-firewall.service; then
    fail "open_ports: the guest could not load the rules; its journal of novacron-firewall.service tells why"
  fi
}

# made NAME SHELL GROUP... makes sure that the user is as asked for: cloud-init leaves one that the image has as it is.
made() {
  name=$1 shell=$2
  shift 2
  if ! id "$name" >/dev/null 2>&1; then
    fail "users: $name was not made"
    return
  fi
  if [ -n "$shell" ] && ! { [ -x "$shell" ] && grep -q "^$name:.*:$shell\$" /etc/passwd; }; then
    fail "users: $name does not have the shell $shell, which the guest lacks, or the image has a user of that name"
  fi
  for group; do
    case " $(id -Gn "$name") " in
    *" $group "*) ;;
    *) fail "users: $name is not in the group $group: the image has a user of that name" ;;
    esac
  done
}

# run INDEX COMMAND runs a command, unless something before it failed.
run() {
  [ -z "$failures" ] || return
  sh -c -- "$2" || fail "run_commands[$1] ended with exit status $?"
}

# customize STATUS carries out the customization. STATUS is that of the command of runcmd before it, which cloud-init, who
# asks for the last one's alone, would not hear of.
customize() {
  [ "$1" = 0 ] || fail "runcmd: the command before run_commands ended with exit status $1"
  @CALLS@
  printf '%s' "$failures" >$said
  [ -z "$failures" ]
}

# ended tells whether cloud-init's notes have an end for each stage that has begun, and no error.
ended() {
  finished=$(grep -c '"finished": [0-9]' /run/cloud-init/status.json)
  [ "$finished" -ge 4 ] && [ "$finished" = "$(grep -c '"start": [0-9]' /run/cloud-init/status.json)" ] &&
    grep -q '"errors": \[\]' /run/cloud-init/result.json
}

# died tells whether cloud-init's last stage ended before its time, other than by a shutdown of the guest.
died() {
  systemctl --quiet is-failed cloud-final.service cloud-init-main.service && [ "$(systemctl is-system-running)" != stopping ]
}

# over waits for the end of cloud-init, or of the guest, and tells whether it came: the last stage may die. To look for that
# costs more.
over() {
  looks=0
  until [ -e /run/cloud-init/result.json ] || [ "$stopping" ]; do
    looks=$((looks + 1))
    if [ $((looks % 10)) -eq 0 ] && died; then
      [ -e /run/cloud-init/result.json ]
      return
    fi
    sleep 1
  done
  return 0
}

# asked has cloud-init's own program say how it was, where its notes do not: that takes a slow guest seconds.
asked() {
  ended || [ "$stopping" ] || heard=$(LC_ALL=C cloud-init status --wait --long 2>&1) || status=$?
}

# report waits for the end of cloud-init, and reports. When the guest shuts down, there is no time to ask, and programs that
# were started before are ended, too: then cloud-init's notes have to do. Without an end in them, the next boot goes on: its
# own notes tell nothing of this one.
report() {
  trap 'stopping=yes' TERM
  stopping= heard= status=0
  [ ! -s $begun ] || fail "$(cat $begun)"
  printf 'the guest was restarted in its first boot without a shutdown, by a crash or by force, so what failed until then is not known' >$begun
  if over; then
    asked
  else
    status=1 heard="its last stage died: $(systemctl list-units --failed --no-legend --plain 'cloud-*')"
  fi
  if [ "$stopping" ]; then
    heard=$(sed -n '/"errors": \[$/,/^ *\]/p' /run/cloud-init/status.json)
    status=${heard:+1}
  fi
  if [ "${status:-0}" -ne 0 ] && [ "$status" -ne 2 ]; then # 2 is for warnings
    heard="cloud-init: $(printf '%s' "$heard" | LC_ALL=C tr -c '[:print:]' ' ' | sed 's/^[. ]*//; s/  */ /g' | cut -c 1-800)"
  else
    heard=
  fi
  if [ "$stopping" ] && ! [ -e /run/cloud-init/result.json ]; then
    [ -z "$heard" ] || fail "$heard"
    printf '%s' "$failures" >$begun
    return
  fi
  if ! [ -e $said ]; then
    [ '@CUSTOMIZES@' != yes ] ||
      fail "the customization was not carried out: runcmd ended before it, by exit, exec or set -e, or the guest was restarted"
  elif [ -s $said ]; then
    fail "$(cat $said)"
  fi
  [ -z "$heard" ] || fail "$heard"
  for _ in 1 2 3; do # a message of the kernel may fall into a line
    printf '\n%s: %s.\n' '@REPORT@' "${failures:+failed: }${failures:-ok}"
  done >$console
  rm -f "$1" $begun
}

if [ "${1:-}" = customize ]; then
  customize "$2"
elif [ "$(cat /var/lib/cloud/data/instance-id)" = '@ID@' ]; then
  report "$0" </dev/null >/dev/null 2>&1 &
else # the disk is that of another instance now, which has been made of this one
  rm -f "$0"
fi
