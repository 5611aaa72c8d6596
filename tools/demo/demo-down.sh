#!/usr/bin/env bash
# make demo-down: destroys what make demo created, in whatever state it is. It keeps the packages,
# the guest image and the installed provider.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if [[ ! -e $work/host ]]; then
  echo "There is no demo in $work."
  exit
fi
host=$(<"$work/host")

# destroy removes everything that Terraform's state has.
destroy() {
  # shellcheck source=/dev/null
  . "$work/host.env"
  in_work destroy -input=false -auto-approve
}

if [[ -e $work/terraform.tfstate && -e $work/.terraform ]]; then
  say "terraform destroy"
  # Taking a private host down removes everything in it, so a failed destroy does not matter there.
  if [[ $host == private ]]; then
    as_root "$testhost" status "$private_host" >/dev/null && destroy ||
      echo "terraform destroy was not possible: the host is taken down with all that is left on it."
  else
    destroy
  fi
fi
if [[ $host == private ]]; then
  say "Taking the private libvirt down"
  as_root "$testhost" down "$private_host"
else
  echo "The storage pool \"novacron\" at $host stays; if nobody else uses it: virsh pool-destroy and pool-undefine it."
fi
rm -rf "$work"
say "Done"
