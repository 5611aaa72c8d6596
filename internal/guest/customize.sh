# The instance's customization, made by novacron: cloud-init runs it once, at first boot. It reports on the serial console.
failures=

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

# ended tells whether cloud-init's notes have an end for each stage that has begun, and no error.
ended() {
  finished=$(grep -c '"finished": [0-9]' /run/cloud-init/status.json)
  [ "$finished" -ge 4 ] && [ "$finished" = "$(grep -c '"start": [0-9]' /run/cloud-init/status.json)" ] &&
    grep -q '"errors": \[\]' /run/cloud-init/result.json
}

# report waits for the end of cloud-init, which is waiting for this script, and has cloud-init's own program say how it was
# where its notes do not: that takes a slow guest seconds. More than once: a message of the kernel may fall into a line.
report() {
  status=0 patience=60
  until [ -e /run/cloud-init/result.json ] || [ "$patience" = 0 ]; do
    sleep 1
    patience=$((patience - 1))
  done
  ended || said=$(LC_ALL=C cloud-init status --wait --long 2>&1) || status=$?
  if [ "$status" -ne 0 ] && [ "$status" -ne 2 ]; then # 2 is for warnings
    fail "cloud-init: $(printf '%s' "$said" | LC_ALL=C tr -c '[:print:]' ' ' | sed 's/^[. ]*//; s/  */ /g' | cut -c 1-800)"
  fi
  for _ in 1 2 3; do
    printf '\n%s: %s.\n' '@REPORT@' "${failures:+failed: }${failures:-ok}"
  done >/dev/ttyS0
}

@CALLS@

report </dev/null >/dev/null 2>&1 &
[ -z "$failures" ]
