# shellcheck shell=sh
# Prepares a guest that was booted without an identity for being saved: what runs on afterwards in
# all its copies must not have anything that has to be each guest's own. It prints what resume.Facts
# reads. common.sh and silent.sh are before it.
# shellcheck source=common.sh source=silent.sh disable=SC2034

# stop NAME UNIT... stops the services that run, and notes them under the name.
stop() {
  name=$1
  shift
  : >"$state/$name"
  systemd || return 0
  for unit; do
    if systemctl --quiet is-active "$unit"; then
      printf '%s\n' "$unit" >>"$state/$name"
    fi
  done
  # shellcheck disable=SC2046 # names without spaces
  [ ! -s "$state/$name" ] || systemctl stop $(cat "$state/$name") ||
    refuse "systemd could not stop the services for $name"
}

# clients ends the DHCP clients that no service manages.
clients() {
  for process in /proc/[0-9]*; do
    read -r name <"$process/comm" || continue
    case $name in
      dhclient | dhcpcd | udhcpc) kill "${process#/proc/}" ;;
    esac
  done 2>/dev/null
}

# forget deletes what belongs to one guest, and what it has noted so far.
forget() {
  rm -f /etc/ssh/ssh_host_*
  rm -f /var/lib/systemd/random-seed /var/lib/systemd/credential.secret /var/lib/random-seed \
    /var/lib/seedrng/* /var/lib/urandom/random-seed /boot/loader/random-seed /boot/efi/loader/random-seed /efi/loader/random-seed
  rm -f /etc/netplan/50-cloud-init.yaml /etc/network/interfaces.d/50-cloud-init* \
    /etc/systemd/network/10-cloud-init-* /etc/NetworkManager/system-connections/cloud-init-* \
    /etc/NetworkManager/conf.d/99-cloud-init.conf /etc/udev/rules.d/70-persistent-net.rules
  rm -rf /run/systemd/network/*netplan* /run/netplan /run/systemd/netif/leases/* /run/systemd/netif/links/*
  for file in /etc/sysconfig/network-scripts/ifcfg-*; do
    if grep -qs 'Created by cloud-init' "$file"; then
      rm -f "$file"
    fi
  done
  rm -rf /var/lib/dhcp/* /var/lib/dhclient/* /var/lib/dhcpcd/* /var/lib/NetworkManager/*.lease \
    /var/lib/NetworkManager/secret_key /var/lib/NetworkManager/timestamps /var/lib/systemd/network/*
  for home in /root /home/*; do
    rm -f "$home/.ssh/authorized_keys" "$home/.bash_history" "$home/.ash_history" "$home/.python_history" \
      "$home/.lesshst" "$home/.viminfo" "$home/.wget-hsts"
  done
  [ ! -e /etc/machine-id ] || : >/etc/machine-id
  [ -L /var/lib/dbus/machine-id ] || rm -f /var/lib/dbus/machine-id
  for file in /var/log/wtmp /var/log/btmp /var/log/lastlog; do
    [ ! -s "$file" ] || : >"$file"
  done
  if systemd && has journalctl; then
    journalctl --quiet --rotate --vacuum-time=1s >/dev/null 2>&1
  fi
}

# restart has cloud-init begin as in a guest that has not run it yet. ds-identify, which looks for
# the seed while a guest boots, has left what the first two files say.
restart() {
  clouded || return 0
  ls /var/lib/cloud/sem >"$state/once" 2>/dev/null
  mv /var/lib/cloud/scripts "$state/scripts" # the image's own
  cloud-init clean --logs >/dev/null 2>&1 || refuse "cloud-init could not forget what it has done"
  mkdir -p /var/lib/cloud
  mv "$state/scripts" /var/lib/cloud/scripts
  for file in /run/cloud-init/* /run/cloud-init/.[!.]*; do
    [ "$file" = /run/cloud-init/share ] || rm -rf "$file"
  done
  (
    umask 022
    mkdir -p /run/cloud-init /var/lib/cloud/data
    ln -s ../../var/lib/cloud/data/status.json ../../var/lib/cloud/data/result.json /run/cloud-init/
    : >/run/cloud-init/enabled
    echo 'datasource_list: [ NoCloud, None ]' >/run/cloud-init/cloud.cfg
  )
}

# preload starts the process that will run cloud-init's stages, and waits until it has loaded them.
# Without it, they are run as while booting. personalise.sh writes what is to run after it.
preload() {
  clouded || return 0
  read -r line <"$(command -v cloud-init)"
  python=${line#\#!}
  case $python in
    /*python*) ;;
    *) return 0 ;;
  esac
  printf '%s' '@STAGES@' >"$state/stages.py"
  if systemd && has systemd-run; then
    # shellcheck disable=SC2086 # a program and its options
    systemd-run --quiet --collect --unit=novacron-resume --property=KillMode=process \
      --property=ExecStopPost="-/bin/sh $state/ended" --property=StandardOutput=journal+console \
      $python "$state/stages.py" </dev/null >/dev/null 2>&1
  fi || return 0
  waited=0
  until [ -e "$state/waiting" ] || [ $waited -ge 600 ] || ! systemctl --quiet is-active novacron-resume.service; do
    waited=$((waited + 1))
    sleep 0.2
  done
  [ -e "$state/waiting" ] || systemctl stop novacron-resume.service 2>/dev/null
}

# warm has the guest read the programs that its copies will run first.
warm() {
  for one in useradd groupadd usermod passwd ssh-keygen base64 chown chmod mkdir ln mv date id grep stat tee; do
    $one --help
  done </dev/null >/dev/null 2>&1
  if [ -n "$image_netplan" ]; then
    "$image_netplan" --help
    networkctl --version
  fi >/dev/null 2>&1
}

# facts prints what the guest can do, as JSON.
facts() {
  image_version='' image_fqdn='' image_plain='' image_netplan='' image_user_name='' preloaded=false
  if clouded; then
    image_version=unknown image_plain='its cloud-init could not be loaded'
  fi
  if [ -e "$state/waiting" ]; then
    preloaded=true
    # shellcheck source=/dev/null
    . "$state/image"
    warm
  fi
  printf '{"version":1,"reseed":"%s","cloud_init":"%s","preloaded":%s,"fqdn":%s,"user":"%s","not_plain":"%s"}\n' "$program" \
    "$(printf %s "$image_version" | tr -cd 'A-Za-z0-9.+~-')" $preloaded "${image_fqdn:-false}" \
    "$(printf %s "$image_user_name" | tr -cd 'A-Za-z0-9._-')" "$(printf %s "$image_plain" | tr -cd 'A-Za-z0-9 ,./_-')"
}

# network starts what will connect the copies. In a guest without a network, netplan has not had
# networkd started.
network() {
  if ! [ -s "$state/networks" ] && [ -x /lib/systemd/systemd-networkd ] && has netplan; then
    echo systemd-networkd.service >>"$state/networkd"
  fi
  # shellcheck disable=SC2046 # names without spaces
  [ ! -s "$state/networkd" ] || systemctl start $(cat "$state/networkd")
}

# unplug takes the cards from their drivers. A card gets its MAC address, which is another one in
# each copy, when its PCI driver finds it; the driver of virtio's network cards, which is above
# that, would keep the old one.
unplug() {
  for interface in /sys/class/net/*; do
    [ -e "$interface/device" ] || continue # one that is not a card
    path=$(readlink -f "$interface/device")
    slot=
    while [ -n "$path" ] && [ -z "$slot" ]; do
      case ${path##*/} in
        ????:??:??.?) slot=${path##*/} ;;
      esac
      path=${path%/*}
    done
    driver=$(readlink "/sys/bus/pci/devices/${slot:-none}/driver")
    if [ -z "$slot" ] || [ -z "$driver" ]; then
      refuse "the network interface ${interface##*/} is not a PCI card"
    fi
    printf '%s %s %s\n' "$(cat "$interface/ifindex")" "$slot" "${driver##*/}" >>"$state/unsorted"
    ip link set "${interface##*/}" down 2>/dev/null
  done
  [ ! -e "$state/unsorted" ] || sort -n "$state/unsorted" >"$state/cards"
  rm -f "$state/unsorted"
  while read -r _ slot driver; do
    [ -e "/sys/bus/pci/drivers/$driver/$slot" ] || continue # another interface of the same card
    echo "$slot" >"/sys/bus/pci/drivers/$driver/unbind" || refuse "the driver $driver does not let go of card $slot"
  done <"$state/cards"
  ! has udevadm || udevadm settle
}

main() {
  umask 077
  rm -rf "$state"
  mkdir "$state" || refuse "the guest has no directory /run that can be written to"
  : >"$state/cards"

  program=
  for one in perl python3 novacron-reseed; do
    if has $one && head -c 64 /dev/urandom | reseed $one; then
      program=$one
      break
    fi
  done
  [ -n "$program" ] || refuse "the guest's random numbers cannot be reseeded: it needs perl, python3 or novacron-reseed"

  # What every copy will do: a guest that cannot is better not saved.
  date -u -s "@$(date -u +%s)" >/dev/null || refuse "the guest's clock cannot be set"
  name=$(cat /proc/sys/kernel/hostname)
  { printf '%s' "$name" >/proc/sys/kernel/hostname && touch /etc/hostname /etc/machine-id; } 2>/dev/null ||
    refuse "the guest's host name and machine id cannot be changed"
  if clouded && ! { systemd && has systemd-run; }; then
    refuse "the guest has cloud-init without systemd, which would have to start it again"
  fi

  stop sshd ssh.socket sshd.socket ssh.service sshd.service
  stop clocks systemd-timesyncd.service chrony.service chronyd.service ntp.service ntpd.service ntpsec.service
  stop networks NetworkManager.socket NetworkManager.service
  stop networkd systemd-networkd.socket systemd-networkd.service systemd-resolved.service
  clients
  unplug
  restart
  forget
  if clouded; then
    (
      umask 027
      : >"$(log)"
    )
    chgrp adm "$(log)" 2>/dev/null
  fi
  preload
  network
  @COMMANDS@
  sync
  silent
  facts
}
