#!/bin/sh
# Runs libvirt hosts in a directory until its standard input ends, from which it reads their names.
# The process that started it holds the other end. As root, it runs them in namespaces of their own,
# so that everything that they start ends with this script, however that ends. libvirt waits until a
# QEMU that has ended is reaped, which tini does.
set -eu
directory=$1 stage=${2:-outer}
data=$directory/data run=$directory/run

if [ "$stage" = outer ]; then
  mkdir "$data" "$run"
  if [ "$(id -u)" = 0 ]; then
    chmod 755 "$directory"
    unshare --mount --pid --fork --kill-child --mount-proc -- tini -s -- sh "$0" "$directory" inner || true
  else
    tini -s -- sh "$0" "$directory" inner || true
  fi
  rm -rf "$directory"
  exit
fi

as=
if [ "$(id -u)" = 0 ]; then
  # libvirt waits for the disk when it defines a domain. In memory, that takes no time.
  mount -t tmpfs -o mode=755 tmpfs "$data"
  as='--reuid=nobody --regid=nogroup --clear-groups'
fi

start() {
  host=$data/$1
  mkdir -p "$run/$1" "$data/cache" "$host/config/libvirt" "$host/pool"
  # All hosts would have the machine's UUID otherwise. Few threads keep many hosts small.
  cat >"$host/config/libvirt/libvirtd.conf" <<CONF
host_uuid = "$(cat /proc/sys/kernel/random/uuid)"
min_workers = 2
prio_workers = 1
admin_min_workers = 1
CONF
  [ -z "$as" ] || chown -R nobody:nogroup "$run/$1" "$data/cache" "$host"
  # The cache has what libvirt has found out about QEMU.
  # shellcheck disable=SC2086 # several options
  setpriv $as --pdeathsig KILL -- env -i PATH="$PATH" HOME="$host" XDG_RUNTIME_DIR="$run/$1" \
    XDG_CONFIG_HOME="$host/config" XDG_DATA_HOME="$host/data" XDG_CACHE_HOME="$data/cache" \
    libvirtd >"$host/log" 2>&1 </dev/null &
}

while read -r name; do
  start "$name"
done
# shellcheck disable=SC2046 # several numbers
kill -KILL $(jobs -p) 2>/dev/null || true
