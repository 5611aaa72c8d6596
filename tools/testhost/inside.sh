#!/usr/bin/env bash
# The inner half of testhost.sh. It becomes the process that holds the mount and control group
# namespaces of a host, and starts the daemons in them. testhost.sh starts it in the host's network
# namespace.
#
#   inside.sh NAME DIR            joins its own control groups, then unshares
#   inside.sh NAME DIR unshared   the rest, in the new namespaces
set -euo pipefail

name=$1 dir=$2 stage=${3:-}
# Only a failure gets here: a success ends in exec, or runs forever.
trap 'touch "$dir/failed"' EXIT

# join_cgroups moves this process to control groups of its own, and lists their directories in
# DIR/cgroups. libvirt names a guest's group only by the guest's number and name. Two hosts without
# groups of their own would therefore share groups, and remove each other's.
join_cgroups() {
  local memberships membership path controllers mount group
  # Read the file at once, because joining a group changes it.
  mapfile -t memberships </proc/self/cgroup
  for membership in "${memberships[@]}"; do
    IFS=: read -r _ controllers path <<<"$membership"
    mount=/sys/fs/cgroup/${controllers#name=}
    if [[ -z $controllers ]]; then
      # The unified hierarchy. A group that has processes cannot give controllers to groups below
      # it, so use the top of the hierarchy.
      mount=/sys/fs/cgroup path=
      [[ -e $mount/cgroup.controllers ]] || continue
    fi
    group=${mount}${path%/}/novacron-testhost-$name
    # If the machine is a container that hides the hierarchy, libvirt does not use it either.
    [[ -d $group ]] || mkdir "$group" 2>/dev/null || continue
    echo "$group" >>"$dir/cgroups"
    if [[ -e $group/cpuset.cpus && $controllers == *cpuset* ]]; then
      # A new cpuset of version 1 is empty and accepts no process.
      cat "${group%/*}/cpuset.cpus" >"$group/cpuset.cpus"
      cat "${group%/*}/cpuset.mems" >"$group/cpuset.mems"
      echo 1 >"$group/cgroup.clone_children"
    fi
    echo $$ >"$group/cgroup.procs"
  done
}

# mount_sys mounts a /sys that shows this network namespace. With the machine's /sys, libvirt would
# set up the machine's virbr0 instead of the host's.
mount_sys() {
  local sys=$dir/run/sys
  mkdir -p "$sys"
  mount -t sysfs sysfs "$sys"
  mount --rbind /sys/fs/cgroup "$sys/fs/cgroup"
  mount --move "$sys" /sys
  rmdir "$sys"
}

# bind_cgroups makes the host's groups the tops of the hierarchies that the host sees.
bind_cgroups() {
  local group mount process processes controller controllers
  [[ -e $dir/cgroups ]] || return 0
  while read -r group; do
    mount=$(findmnt --noheadings --output TARGET --target "$group" | tail -n 1)
    if [[ -e $group/cgroup.subtree_control ]]; then
      # The unified hierarchy allows processes only in its leaves, so this process and tini leave
      # the top.
      mkdir -p "$group/daemons"
      mapfile -t processes <"$group/cgroup.procs"
      for process in "${processes[@]}"; do
        echo "$process" >"$group/daemons/cgroup.procs"
      done
      read -ra controllers <"$group/cgroup.controllers" || true
      for controller in "${controllers[@]}"; do
        echo "+$controller" >"$group/cgroup.subtree_control" || true
      done
    fi
    mount --bind "$group" "$mount"
  done <"$dir/cgroups"
  # In the hybrid layout, libvirt's LXC driver would mistake the empty unified hierarchy for the
  # real one.
  if mountpoint --quiet /sys/fs/cgroup/unified; then
    umount /sys/fs/cgroup/unified
  fi
}

bind_directories() {
  # A copy of another host's namespace file would keep that namespace alive after that host is gone.
  umount --lazy /run/netns/* 2>/dev/null || true
  # The machine's systemd, firewalld and machined must not notice these guests.
  local empty=$dir/run/no-dbus
  mkdir -p "$empty"
  [[ ! -d /run/dbus ]] || mount --bind "$empty" /run/dbus
  # Guests are emulated. If root may open /dev/kvm but QEMU's user may not, libvirt considers what
  # it knows about QEMU outdated, and probes QEMU again several times for every define.
  if [[ -e /dev/kvm ]]; then
    install -m 0000 /dev/null "$dir/run/no-kvm"
    mount --bind "$dir/run/no-kvm" /dev/kvm
  fi
  mkdir -p /run/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt /etc/libvirt
  # Copy only this part of the machine's /etc/libvirt: the machine's guests and networks would start
  # here.
  [[ ! -d /etc/libvirt/nwfilter ]] || cp -r /etc/libvirt/nwfilter "$dir/etc/"
  mount --bind "$dir/run" /run/libvirt
  mount --bind "$dir/lib" /var/lib/libvirt
  mount --bind "$dir/cache" /var/cache/libvirt
  mount --bind "$dir/log" /var/log/libvirt
  mount --bind "$dir/etc" /etc/libvirt
}

write_configuration() {
  # Two hosts on one machine would have the same UUID, and migration refuses that.
  cat >/etc/libvirt/libvirtd.conf <<CONF
host_uuid = "$(cat /proc/sys/kernel/random/uuid)"
auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_ro_perms = "0777"
unix_sock_rw_perms = "0770"
# For other test hosts that testhost.sh has joined to this one. Only the host's own network reaches it.
listen_tls = 0
listen_tcp = 1
auth_tcp = "none"
$(getent group libvirt >/dev/null && echo 'unix_sock_group = "libvirt"')
CONF
  # The machine's AppArmor profiles do not allow the private directories. A mount namespace for each
  # guest would fail because of the mount that hides /dev/kvm.
  cat >/etc/libvirt/qemu.conf <<CONF
security_driver = "none"
namespaces = []
CONF
  : >/etc/libvirt/virtlogd.conf
}

# start_libvirtd starts libvirtd as a child of this process, which can then wait for its end, and
# waits until libvirtd answers.
start_libvirtd() {
  (cd / && exec libvirtd --listen --pid-file /run/libvirt/libvirtd.pid) >>"$dir/log/libvirtd.log" 2>&1 &
  libvirtd=$!
  local deadline=$((SECONDS + 120))
  until virsh --connect qemu:///system uri >/dev/null 2>&1; do
    if ! kill -0 "$libvirtd" 2>/dev/null; then
      echo "libvirtd ended before it answered"
      return 1
    fi
    if ((SECONDS > deadline)); then
      echo "libvirtd does not answer after 120 s"
      kill -KILL "$libvirtd" || true
      return 1
    fi
    sleep 0.05
  done
}

# supervise_libvirtd starts libvirtd again whenever it ends, as systemd does on a real host. The
# file DIR/restarting means that testhost.sh has ended it for a restart. Any other end is a crash,
# and adds a line to DIR/log/libvirtd-crashes.
supervise_libvirtd() {
  local status attempt
  while true; do
    status=0
    wait "$libvirtd" || status=$?
    if [[ -e $dir/restarting ]]; then
      # Remove the files before libvirtd starts: testhost.sh must mistake neither the new libvirtd
      # for the old one, nor an earlier start for this one.
      rm -f "$dir/restarted"
      rm "$dir/restarting"
    else
      echo "$(date --utc +%FT%TZ) libvirtd ended by itself: $(reason "$status")" | tee -a "$dir/log/libvirtd-crashes"
    fi
    for ((attempt = 1; ; attempt++)); do
      ! start_libvirtd || break
      if ((attempt == 5)); then
        echo "libvirtd cannot be started: no further attempt after $attempt; its log is $dir/log/libvirtd.log" |
          tee -a "$dir/log/libvirtd-crashes"
        exec sleep infinity # holds the namespaces, so that you can look into the host
      fi
      sleep 1
    done
    touch "$dir/restarted"
  done
}

# reason prints what an exit status means.
reason() {
  if (($1 > 128)); then
    echo "signal $(($1 - 128)) ($(kill -l "$1"))"
  else
    echo "exit status $1"
  fi
}

start_daemons() {
  ip link set lo up
  virtlogd --daemon --pid-file /run/libvirt/virtlogd.pid
  start_libvirtd
  # This is libvirt's own default network without two delays for each guest: four seconds for the
  # spanning tree, and three until dnsmasq has waited for a reply to its ping of the address that it
  # is about to lease.
  cat >"$dir/run/default-network.xml" <<XML
<network xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'>
  <name>default</name>
  <forward mode='nat'/>
  <bridge name='virbr0' stp='off' delay='0'/>
  <ip address='192.168.122.1' netmask='255.255.255.0'>
    <dhcp><range start='192.168.122.2' end='192.168.122.254'/></dhcp>
  </ip>
  <dnsmasq:options><dnsmasq:option value='no-ping'/></dnsmasq:options>
</network>
XML
  virsh --quiet --connect qemu:///system net-define "$dir/run/default-network.xml"
  virsh --quiet --connect qemu:///system net-autostart default
  virsh --quiet --connect qemu:///system net-start default
}

if [[ -z $stage ]]; then
  join_cgroups
  # libvirt waits until an ended QEMU is reaped. The first process of a container may never reap it,
  # so tini does.
  exec unshare --mount --cgroup tini -s -- "$0" "$name" "$dir" unshared
fi
echo $$ >"$dir/holder.pid"
mount_sys
bind_cgroups
bind_directories
write_configuration
start_daemons
trap - EXIT
touch "$dir/ready"
supervise_libvirtd
