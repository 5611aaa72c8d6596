# demo.sh and demo-down.sh source this file.
# shellcheck shell=bash

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=${DEMO_DIR:-$repository/.cache/demo}
testhost=$repository/tools/testhost/testhost.sh
private_host=demo

# The current user's cache rather than root's, even if sudo builds the images.
export NOVACRON_CACHE=${NOVACRON_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/novacron}
# Keep Terraform from asking HashiCorp for new versions.
export CHECKPOINT_DISABLE=1
[[ -t 1 ]] || export TF_CLI_ARGS=-no-color

say() {
  printf '\n==> %s\n' "$*"
}

die() {
  echo "demo: $*" >&2
  exit 1
}

as_root() {
  if ((EUID == 0)); then
    "$@"
  else
    sudo --preserve-env=NOVACRON_CACHE,NOVACRON_APT_SOURCES,NOVACRON_TESTHOST_DIR,http_proxy,https_proxy,no_proxy "$@"
  fi
}

# in_work runs terraform in the demo's directory.
in_work() {
  local command=$1
  shift
  terraform -chdir="$work" "$command" "$@"
}
