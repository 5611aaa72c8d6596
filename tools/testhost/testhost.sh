#!/usr/bin/env bash
# Private libvirt hosts for tests. Each has its own libvirtd, network and storage, and leaves
# nothing behind. See README.md next to this file.
set -euo pipefail
# The users of libvirt and QEMU read files that this script creates.
umask 022

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
base_dir=${NOVACRON_TESTHOST_DIR:-/var/tmp/novacron-testhost}

usage() {
  cat >&2 <<USAGE
usage: testhost.sh up NAME            start the host, or find it running; prints its environment for eval
       testhost.sh exec NAME CMD...   run a command on the host (in its network and its /var/lib/libvirt)
       testhost.sh join NAME OTHER    join the networks of two hosts by a bridge, "peers", that each of them has
       testhost.sh restart NAME [SIGNAL]
                                      end its libvirtd by a signal (TERM) and start it again; guests run on
       testhost.sh status NAME        say what runs and what crashed; exit status 1 when the host is not usable
       testhost.sh down NAME          destroy the host with everything in it
USAGE
  exit 2
}

die() {
  echo "testhost.sh: $*" >&2
  exit 1
}

require_root() {
  ((EUID == 0)) || die "needs root, for namespaces and libvirtd: run it with sudo"
}

require_packages() {
  local missing
  missing=$("$here/../install-deps.sh" --missing testhost)
  [[ -z $missing ]] ||
    die "packages are missing: ${missing//$'\n'/ }. Install them with tools/install-deps.sh testhost"
}

# cgroups prints the directories of the host's control groups, one for each hierarchy. It finds them
# by name, so it works even for a host that lost its directory.
cgroups() {
  find /sys/fs/cgroup -type d -name "novacron-testhost-$name" -prune 2>/dev/null || true
}

# pids prints the processes of the host: those in its network namespace, and those in its control
# groups, since a container has a network namespace of its own. The file of the host's namespace
# pins the namespace. So its inode number is not reused, and a host is found even if some of its
# processes have crashed.
pids() {
  local group inode ns pid
  {
    while read -r group; do
      find "$group" -name cgroup.procs -exec cat {} + 2>/dev/null || true
    done < <(cgroups)
    if inode=$(stat --dereference --format=%i "/run/netns/$netns" 2>/dev/null); then
      for ns in /proc/[0-9]*/ns/net; do
        if [[ $(readlink "$ns" 2>/dev/null) == "net:[$inode]" ]]; then
          pid=${ns#/proc/}
          echo "${pid%%/*}"
        fi
      done
    fi
  } | sed '/^0$/d' | sort -u # 0 is a process that this PID namespace does not see
}

# enter runs a command in the host's namespaces. It fails if the process that holds them is gone.
enter() {
  local holder
  holder=$(cat "$dir/holder.pid" 2>/dev/null) || return 1
  # Another process may have the number by now, so compare the network namespaces.
  [[ /proc/$holder/ns/net -ef /run/netns/$netns ]] || return 1
  nsenter --target "$holder" --net --mount --cgroup --wdns="$PWD" -- "$@"
}

healthy() {
  enter timeout 60 virsh --connect qemu:///system net-info default 2>/dev/null | grep '^Active: *yes' >/dev/null
}

# usable waits for libvirtd to answer, since it may be starting again after a crash. If the host
# does not run, usable fails at once.
usable() {
  local deadline=$((SECONDS + 120))
  until healthy; do
    enter true 2>/dev/null && ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}

print_env() {
  cat "$dir/env"
}

# locked takes the host's lock for the rest of the script. start keeps the daemons from inheriting
# it.
locked() {
  local lock=$base_dir/.$name.lock
  mkdir -p "$base_dir"
  while true; do
    exec 9>"$lock"
    flock --wait 600 9 || die "another testhost.sh has held $lock for 600 s"
    # down removes the file, and a lock on a removed file excludes no other process.
    [[ /proc/$$/fd/9 -ef $lock ]] && return
  done
}

start() {
  mkdir -p "$dir"/{run,lib/images,cache,log,etc}
  chmod 0755 "$base_dir" "$dir"
  # As /run of a machine, it is in memory: libvirtd syncs the state of a guest at each step, and misses
  # the heartbeats of its peers while a busy disk keeps it waiting.
  mount -t tmpfs -o mode=0755 tmpfs "$dir/run"
  ip netns add "$netns"
  nsenter --net="/run/netns/$netns" \
    setsid "$here/inside.sh" "$name" "$dir" </dev/null >"$dir/log/inside.log" 2>&1 9>&- &

  local deadline=$((SECONDS + 300))
  until [[ -e $dir/ready ]]; do
    if ((SECONDS > deadline)) || [[ -e $dir/failed ]]; then
      cat "$dir/log/inside.log" >&2
      die "host '$name' did not start; its logs are in $dir/log. Clean up with: testhost.sh down $name"
    fi
    sleep 0.05
  done

  cat >"$dir/env" <<ENV
export NOVACRON_URI='qemu+unix:///system?socket=$dir/run/libvirt-sock'
export NOVACRON_DOMAIN_TYPE='qemu'
export NOVACRON_TESTHOST='$name'
export NOVACRON_TESTHOST_ROOT='$dir'
ENV
}

up() {
  require_packages
  locked
  if [[ -e $dir/env ]] && usable; then
    print_env
    return
  fi
  if [[ -e $dir || -e /run/netns/$netns ]]; then
    echo "testhost.sh: host '$name' is there but does not answer: starting it anew" >&2
    clean
  fi
  start
  print_env
}

# clean removes the host, whatever state it is in. It does not need the host's daemons.
clean() {
  # A process that writes to a busy disk takes long to die.
  local left deadline=$((SECONDS + 300)) group
  while left=$(pids) && [[ -n $left ]]; do
    ((SECONDS < deadline)) || die "these processes of host '$name' cannot be killed: ${left//$'\n'/ }"
    # shellcheck disable=SC2086 # a list of words
    kill -KILL $left 2>/dev/null || true
    sleep 0.05
  done
  [[ ! -e /run/netns/$netns ]] || ip netns del "$netns"

  while read -r group; do
    [[ -d $group ]] || continue
    # A killed process leaves its group a moment later.
    until find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || [[ ! -d $group ]]; do
      ((SECONDS < deadline)) || die "the control group $group of host '$name' is still in use"
      sleep 0.05
    done
  done < <(cgroups)

  while mountpoint --quiet "$dir/run"; do umount --lazy "$dir/run"; done
  rm -rf --one-file-system "$dir"
}

down() {
  locked
  clean
  rm -f "$base_dir/.$name.lock"
}

restart() {
  local signal=${1:-TERM}
  locked
  usable || die "host '$name' does not answer. Start it with: testhost.sh up $name"
  rm -f "$dir/restarted"
  touch "$dir/restarting"
  local deadline=$((SECONDS + 300)) pid='' ended=''
  until [[ -e $dir/restarted && ! -e $dir/restarting ]]; do
    ((SECONDS < deadline)) || die "libvirtd of host '$name' did not come back; its logs are in $dir/log"
    # End each libvirtd once. There are two if the first one crashed meanwhile and was started
    # again. The number was read while "restarting" still existed, so it is not the number of the
    # libvirtd that the restart has started.
    if pid=$(cat "$dir/run/libvirtd.pid" 2>/dev/null) && [[ -e $dir/restarting && $pid != "$ended" ]]; then
      kill -s "$signal" "$pid" 2>/dev/null || true
      ended=$pid
    fi
    sleep 0.02
  done
}

# join gives both hosts a bridge with the name "peers", and joins the two bridges by a cable. The first
# host is 10.213.0.1 there, and leases addresses to guests. The second one is 10.213.0.2. A host can be
# joined to one other host.
join() {
  local other=$1 end
  [[ -e /run/netns/novacron-$other ]] || die "host '$other' does not run. Start it with: testhost.sh up $other"
  locked
  ip netns exec "$netns" ip link add peer0 type veth peer name peer0 netns "novacron-$other"
  for end in "$netns 1" "novacron-$other 2"; do
    ip -netns "${end% *}" link add peers type bridge stp_state 0 forward_delay 0
    ip -netns "${end% *}" link set peer0 master peers up
    ip -netns "${end% *}" address add "10.213.0.${end#* }/24" dev peers
    ip -netns "${end% *}" link set peers up
  done
  enter dnsmasq --interface=peers --bind-interfaces --except-interface=lo --port=0 --no-ping --conf-file=/dev/null \
    --dhcp-range=10.213.0.10,10.213.0.250 --dhcp-leasefile="$dir/run/peers.leases" --pid-file="$dir/run/peers.pid" 9>&-
}

status() {
  if [[ ! -e $dir && ! -e /run/netns/$netns ]]; then
    echo "host '$name' does not exist"
    return 1
  fi
  local health=usable
  healthy || health="not usable; start it anew with: testhost.sh up $name"
  echo "host '$name' is $health"
  echo "directory: $dir"
  echo "processes: $(pids | wc -l)"
  [[ ! -e $dir/log/libvirtd-crashes ]] || sed 's/^/crash: /' "$dir/log/libvirtd-crashes"
  [[ $health == usable ]] || return 1
  enter virsh --connect qemu:///system list --all
  enter virsh --connect lxc:///system list --all
}

(($# >= 2)) || usage
command=$1 name=$2
shift 2
[[ $name =~ ^[a-z0-9][a-z0-9-]{0,30}$ ]] || die "'$name' is not a host name: use up to 31 of a-z, 0-9 and '-'"
dir=$base_dir/$name
netns=novacron-$name
require_root

case $command in
  restart)
    (($# <= 1)) || usage
    restart "$@"
    ;;
  up | down | status)
    (($# == 0)) || usage
    "$command"
    ;;
  join)
    (($# == 1)) || usage
    join "$1"
    ;;
  exec)
    (($#)) || usage
    [[ /proc/$(cat "$dir/holder.pid" 2>/dev/null || echo none)/ns/net -ef /run/netns/$netns ]] ||
      die "host '$name' does not run. Start it with: testhost.sh up $name"
    enter "$@"
    ;;
  *) usage ;;
esac
