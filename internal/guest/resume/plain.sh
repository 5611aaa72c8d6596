# shellcheck shell=sh
# Makes of a guest that was resumed what cloud-init would make of its seed, as long as that asks for
# no more than what is here, and leaves cloud-init as if it had done so: it does nothing of it again
# at the next boot. common.sh is before it.
# shellcheck source=common.sh disable=SC2154 # image_* are what stages.py has written down

cloud=/var/lib/cloud
notes=/run/cloud-init
early= # errors, as a list in JSON, of the stage init
late=  # and of the stage modules-final

# json TEXT is a text in JSON, without what it would have to escape.
json() {
  printf '"%s"' "$(printf %s "$1" | tr -c '[:print:]' ' ' | tr '"\\' "''")"
}

# failed MODULE TEXT notes an error as cloud-init does, in the stage that has the module.
failed() {
  case $1 in
    timezone | write_files_deferred | scripts_user) late="${late:+$late, }$(json "('$1', RuntimeError('$2'))")" ;;
    *) early="${early:+$early, }$(json "('$1', RuntimeError('$2'))")" ;;
  esac
}

# known FILE NAME tells whether a file like /etc/passwd has the name. Programs that look it up take
# an emulated guest a while.
known() {
  while IFS=: read -r name _; do
    [ "$name" != "$2" ] || return 0
  done <"$1"
  return 1
}

# grow has the file system of the system disk take all of it.
grow() {
  while read -r _ _ number _ where _; do
    [ "$where" != / ] || break
  done </proc/self/mountinfo
  part=/sys/dev/block/$number
  [ -e "$part/partition" ] || return 0
  read -r index <"$part/partition"
  read -r start <"$part/start"
  read -r size <"$part/size"
  read -r all <"$part/../size"
  [ $((all - start - size)) -gt 4096 ] || return 0 # less than 2 MiB, of which GPT takes some
  part=$(readlink -f "$part")
  disk=${part%/*}
  has growpart || return 0 # cloud-init leaves the partition then, too
  said=$(growpart "/dev/${disk##*/}" "$index" 2>&1) || {
    case $said in
      NOCHANGE*) ;;
      *) failed growpart "the partition did not grow" ;;
    esac
    return 0
  }
  while read -r _ where kind _; do
    [ "$where" != / ] || break
  done </proc/mounts
  case $kind in
    ext*) resize2fs "/dev/${part##*/}" ;;
    xfs) xfs_growfs / ;;
    btrfs) btrfs filesystem resize max / ;;
  esac || failed resizefs "the file system did not grow"
}

# file PATH MODE OWNER ENCODING CONTENT MODULE writes a file.
file() {
  [ -z "$broken" ] || return
  directory=${1%/*}
  directory=${directory:-/}
  old=
  [ ! -e "$1" ] || old=yes
  [ -d "$directory" ] || mkdir -p "$directory"
  umask 077
  case $4 in
    base64) printf %s "$5" | base64 -d >"$1" ;;
    *) printf %s "$5" >"$1" ;;
  esac || broken=yes
  umask 022
  if [ "$3" != root:root ] || [ "$old" ] || [ -g "$directory" ]; then
    chown "$3" "$1" || broken=yes
  fi
  if [ "$2" != 0600 ] || [ "$old" ]; then
    chmod "$2" "$1" || broken=yes
  fi
  [ -z "$broken" ] || failed "$6" "$1 could not be written" # where cloud-init would end its module, too
}

# user NAME COMMENT GROUPS SHELL SUDO creates a login, unless there is one of that name. GROUPS have
# commas between them, and SUDO has a rule in each line.
user() {
  if known /etc/passwd "$1"; then
    passwd -l "$1"
  else
    groups=$3,
    while [ -n "$groups" ] && [ "$groups" != , ]; do
      known /etc/group "${groups%%,*}" || groupadd "${groups%%,*}"
      groups=${groups#*,}
    done
    # without a password it is locked
    useradd "$1" ${2:+--comment "$2"} ${3:+--groups "$3"} ${4:+--shell "$4"} -m ||
      failed users_groups "the user $1 was not made"
  fi
  [ -n "$5" ] || return 0
  (
    sudoers=/etc/sudoers.d/90-cloud-init-users
    umask 027
    [ -d /etc/sudoers.d ] || mkdir /etc/sudoers.d
    umask 0227
    [ -e $sudoers ] || printf '# Created by novacron, as by cloud-init v. %s\n' "$image_version" >$sudoers
    printf '\n# User rules for %s\n' "$1" >>$sudoers
    printf '%s\n' "$5" | while read -r rule; do
      printf '%s %s\n' "$1" "$rule" >>$sudoers
    done
  )
}

# authorize NAME KEYS lets the keys, one in each line, log in.
authorize() {
  while IFS=: read -r name _ _ _ _ home _; do
    [ "$name" != "$1" ] || break
  done </etc/passwd
  if [ "$name" != "$1" ]; then
    failed ssh "the user $1 is not there"
    return
  fi
  keys=$home/.ssh/authorized_keys
  umask 077
  [ -d "$home/.ssh" ] || mkdir -p "$home/.ssh"
  printf %s "$2" >>"$keys"
  umask 022
  [ "$1" = root ] || chown "$1:" "$home/.ssh" "$keys"
}

# zone NAME sets the time zone.
zone() {
  if ! [ -f "/usr/share/zoneinfo/$1" ]; then
    failed timezone "Invalid timezone $1, no file found at /usr/share/zoneinfo/$1"
    return
  fi
  printf '%s\n' "$1" >/etc/timezone
  if [ -L /etc/localtime ] || ! [ -e /etc/localtime ]; then
    ln -sf "/usr/share/zoneinfo/$1" /etc/localtime
  else
    cp "/usr/share/zoneinfo/$1" /etc/localtime
  fi
}

# hostkeys makes the keys that cloud-init would.
hostkeys() {
  for type in $image_keytypes; do
    key=/etc/ssh/ssh_host_${type}_key
    [ ! -e "$key" ] || continue
    if ! LANG=C ssh-keygen -q -t "$type" -N '' -f "$key" </dev/null; then
      failed ssh "no host key of type $type was made"
      continue
    fi
    if known /etc/group ssh_keys; then
      chgrp ssh_keys "$key"
      chmod 0640 "$key"
      chmod 0644 "$key.pub"
    fi
  done
}

# hosts HOSTNAME FQDN writes /etc/hosts, in an image whose cloud-init does.
hosts() {
  [ ! -e "$state/hosts" ] || sed "s/@HOSTNAME@/$1/g; s/@FQDN@/$2/g" "$state/hosts" >/etc/hosts
}

# instance ID HOSTNAME FQDN has cloud-init know the instance, all of whose modules have run.
instance() {
  directory=$cloud/instances/$1
  mkdir -p $cloud/data $cloud/sem $cloud/handlers $cloud/seed $cloud/scripts/per-boot $cloud/scripts/per-instance \
    $cloud/scripts/per-once $cloud/scripts/vendor "$directory/handlers" "$directory/scripts" "$directory/sem"
  ln -sfn "$directory" $cloud/instance
  source="DataSourceNoCloud [seed=/dev/sr0][dsmode=net]"
  for file in "$directory/datasource" $cloud/data/previous-datasource; do
    printf '%s\n' "DataSourceNoCloud: $source" >"$file"
  done
  for file in $cloud/data/instance-id $cloud/data/previous-instance-id $notes/.instance-id; do
    printf '%s\n' "$1" >"$file"
  done
  printf '%s\n' "$2" >$cloud/data/previous-hostname
  printf '{\n "fqdn": "%s",\n "hostname": "%s"\n}\n' "$3" "$2" >$cloud/data/set-hostname
  printf %s "$image_python" >$cloud/data/python-version
  for semaphore in $image_semaphores; do
    printf '%s: %s\n' $$ "$began" >"$directory/sem/$semaphore"
  done
  while read -r semaphore; do
    printf '%s: %s\n' $$ "$began" >"$cloud/sem/$semaphore"
  done <"$state/once"
}

# stage NAME ERRORS START END writes down how a stage went.
stage() {
  printf '  "%s": {\n   "errors": [%s],\n   "finished": %s,\n   "start": %s\n  },\n' "$1" "$2" "$4" "$3"
}

# over has cloud-init's notes say how it went.
over() {
  ended=$(now)
  read -r uptime _ </proc/uptime
  printf '%s - %s - v. %s\n' "$uptime" "$ended" "$image_version" >$cloud/instance/boot-finished
  {
    printf '{\n "v1": {\n  "datasource": "%s",\n' "$source"
    stage init "$early" "$began" "$ended"
    stage init-local '' "$began" "$began"
    stage modules-config '' "$ended" "$ended"
    stage modules-final "$late" "$ended" "$ended"
    stage modules-init '' null null
    printf '  "stage": null\n }\n}\n'
  } >$cloud/data/status.json.new
  mv $cloud/data/status.json.new $cloud/data/status.json
  printf '{\n "v1": {\n  "datasource": "%s",\n  "errors": [%s]\n }\n}\n' "$source" \
    "$early${early:+${late:+, }}$late" >$cloud/data/result.json
}

# report SCRIPT has the script report once cloud-init's notes say that all is over.
report() {
  "$1"
}

# customize SCRIPT has the script carry out the rest.
customize() {
  sh "$1" customize 0 || failed scripts_user 'Runparts: 1 failures (runcmd) in 1 attempted commands'
}

personalise() {
  # shellcheck source=/dev/null
  . "$state/image"
  began=$(now)
  broken=
  grow
  @EARLY@
  hostkeys
  # shellcheck disable=SC2046 # names without spaces
  systemctl start $(cat "$state/clocks" "$state/sshd") &
  broken=
  @LATE@
  wait
  over
  @REPORT@
  settle
}

main() {
  umask 022
  cd /
  personalise 2>&1 | tee -a "$(log)"
}
