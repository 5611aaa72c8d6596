#!/usr/bin/env bash
# Makes a test host's libvirtd ask a polkit of the host's own, and gives the host its own users. Run
# it on the host with testhost.sh exec, and then run testhost.sh restart, after which libvirtd asks
# polkit:
#
#   polkit.sh RULES NAME:UID[:GROUP:GID]...
#
# RULES is a directory with rules for polkit. The script binds it to /etc/polkit-1/rules.d. When the
# host is taken down, all of this is gone.
set -euo pipefail

rules=$1
shift
dir=/run/libvirt/polkit
mkdir -p "$dir/dbus"
cp /etc/passwd /etc/group "$dir/"
for user in "$@"; do
  IFS=: read -r name uid group gid <<<"$user"
  echo "$name:x:$uid:$uid::/nonexistent:/usr/sbin/nologin" >>"$dir/passwd"
  echo "$name:x:$uid:" >>"$dir/group"
  [[ -z $group ]] || echo "$group:x:$gid:$name" >>"$dir/group"
done
mount --bind "$dir/passwd" /etc/passwd
mount --bind "$dir/group" /etc/group
mkdir -p /run/dbus /etc/polkit-1/rules.d
mount --bind "$dir/dbus" /run/dbus
chmod 0755 "$rules"
mount --bind "$rules" /etc/polkit-1/rules.d

# The machine's name service must not be asked for these users, because it does not know them.
[[ ! -d /run/nscd ]] || mount -t tmpfs tmpfs /run/nscd

dbus-daemon --system --fork
polkitd=/usr/lib/polkit-1/polkitd
[[ -x $polkitd ]] || polkitd=/usr/libexec/polkitd
setsid "$polkitd" --no-debug </dev/null >"$dir/polkitd.log" 2>&1 &
deadline=$((SECONDS + 120))
until dbus-send --system --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetNameOwner \
  string:org.freedesktop.PolicyKit1 >/dev/null 2>&1; do
  if ((SECONDS > deadline)); then
    echo "polkitd is not on the bus after 120 s:" >&2
    cat "$dir/polkitd.log" >&2
    exit 1
  fi
  sleep 0.05
done

cat >>/etc/libvirt/libvirtd.conf <<CONF
access_drivers = [ "polkit" ]
CONF
sed -i 's/^auth_unix_rw = .*/auth_unix_rw = "polkit"/; s/^unix_sock_rw_perms = .*/unix_sock_rw_perms = "0777"/' \
  /etc/libvirt/libvirtd.conf
