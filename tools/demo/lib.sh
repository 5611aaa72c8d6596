# Shared by demo.sh and demo-down.sh; sourced, not run.
# shellcheck shell=bash

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=${DEMO_DIR:-$repository/.cache/demo}
testhost=$repository/tools/testhost/testhost.sh
private_host=demo

# Ours, and not root's, also where sudo builds the images.
export NOVACRON_CACHE=${NOVACRON_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/novacron}
# Terraform shall not ask its maker for news.
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
