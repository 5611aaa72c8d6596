# shellcheck shell=sh
# systemd runs this once the unit that runs the lane has ended, however it has. A lane that was killed
# cannot report that itself, and cloud-init's notes would say for ever that it runs. common.sh is
# before it.
# shellcheck source=common.sh

data=/var/lib/cloud/data

# why says what ended the lane. stages.py and cloudinit.sh note which stage was killed.
why() {
  case ${SERVICE_RESULT:-}:${EXIT_CODE:-} in
    oom-kill:*) echo 'the guest ran out of memory' ;;
    *:killed | *:dumped) echo "it was ended by the signal ${EXIT_STATUS:-}" ;;
    *)
      if [ -e "$state/killed" ]; then
        cat "$state/killed"
      elif [ "${EXIT_STATUS:-0}" = 0 ]; then
        echo 'one of its processes was killed'
      else
        echo "it ended with exit status $EXIT_STATUS"
      fi
      ;;
  esac
}

# note TEXT has cloud-init's notes say that all is over, and that the stage in them has failed.
note() {
  failed=$(sed -n 's/.*"stage": "\([a-z-]*\)".*/\1/p' $data/status.json)
  at=$(now)
  {
    printf '{\n "v1": {\n  "datasource": null,\n'
    for stage in init init-local modules-config modules-final modules-init; do
      errors=
      [ "$stage" != "${failed:-modules-final}" ] || errors="\"$1\""
      printf '  "%s": {\n   "errors": [%s],\n   "finished": %s,\n   "start": %s\n  },\n' "$stage" "$errors" "$at" "$at"
    done
    printf '  "stage": null\n }\n}\n'
  } >$data/status.json.ended # the lane's remains may be writing, too
  mv $data/status.json.ended $data/status.json
  printf '{\n "v1": {\n  "datasource": null,\n  "errors": ["%s"]\n }\n}\n' "$1" >$data/result.json
}

main() {
  umask 022
  cd /
  # A guest that shuts down goes on at its next boot.
  if [ -e $data/result.json ] || [ "$(systemctl is-system-running)" = stopping ]; then
    return
  fi
  text="what personalises the guest ended before it was done: $(why)"
  note "$text"
  for _ in 1 2 3; do # a message of the kernel may fall into a line
    printf '\n%s: failed: %s.\n' '@REPORT@' "$text"
  done >/dev/ttyS0
}
