#!/usr/bin/env bash
# make demo: registers a real Debian image as a template and creates two instances of it, with the
# configuration in examples/quickstart, and a container beside them. It uses a libvirt of this
# machine or brings up a private one. Running it again continues where it stopped.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

timings=()
phase_name='' phase_started=0

# phase ends the current phase, records how long it took, and starts the next.
phase() {
  [[ -z $phase_name ]] || timings+=("$(printf '%6d s  %s' $((SECONDS - phase_started)) "$phase_name")")
  phase_name=$1 phase_started=$SECONDS
  [[ -z $phase_name ]] || say "$phase_name"
}

require_programs() {
  local program where
  declare -A where=(
    [go]="https://go.dev/doc/install"
    [terraform]="https://developer.hashicorp.com/terraform/install"
    [make]="apt-get install make"
  )
  for program in "${!where[@]}"; do
    command -v "$program" >/dev/null || die "$program is not on the PATH. Get it from: ${where[$program]}"
  done
  ((EUID == 0)) || command -v sudo >/dev/null || die "neither root nor sudo: packages cannot be installed. Run it as root"
}

# usable reports whether that libvirt can create guests and connect them. setsid keeps virsh from
# asking for a password on the terminal.
usable() {
  command -v virsh >/dev/null || return 1
  LC_ALL=C setsid --wait timeout 10 virsh --connect "$1" net-info default 2>/dev/null </dev/null |
    grep '^Active: *yes' >/dev/null
}

# choose_host sets host to the URI of an existing libvirt, or to "private". A demo that was started
# before keeps its host.
choose_host() {
  if [[ -e $work/host ]]; then
    host=$(<"$work/host")
  elif [[ -n ${NOVACRON_URI:-${LIBVIRT_DEFAULT_URI:-}} ]]; then
    host=${NOVACRON_URI:-$LIBVIRT_DEFAULT_URI}
  elif usable qemu:///system; then
    host=qemu:///system
  else
    host=private
  fi
  mkdir -p "$work"
  echo "$host" >"$work/host"
  if [[ $host == private ]]; then
    echo "The demo brings up a libvirt of its own, in namespaces, and leaves this machine's alone."
  else
    echo "The demo uses the libvirt at $host. To have it bring up one of its own: make demo-down, unset NOVACRON_URI and" \
      "LIBVIRT_DEFAULT_URI, and stop the network \"default\" there."
  fi
}

install_packages() {
  local groups=(images)
  [[ $host != private ]] || groups+=(testhost)
  local missing
  missing=$("$repository/tools/install-deps.sh" --missing "${groups[@]}")
  if [[ -z $missing ]]; then
    echo "All that is needed is installed."
    return
  fi
  echo "To be installed with apt-get: ${missing//$'\n'/ }"
  "$repository/tools/install-deps.sh" "${groups[@]}"
}

# start_host writes the host's environment to host.env, which the user's own terraform commands can
# use, too.
start_host() {
  if [[ $host == private ]]; then
    as_root "$testhost" up "$private_host" >"$work/host.env"
    # shellcheck source=/dev/null
    . "$work/host.env"
    # The provider runs as the current user.
    ((EUID == 0)) || as_root chown "$(id -u)" "${NOVACRON_URI##*socket=}"
  else
    echo "export NOVACRON_URI='$host'" >"$work/host.env"
    # shellcheck source=/dev/null
    . "$work/host.env"
  fi
  echo "$NOVACRON_URI"
}

build_image() {
  mkdir -p "$NOVACRON_CACHE/images"
  local image
  image=$(as_root "$repository/tools/images/build.sh" debian)
  ln -sfn "$image" "$work/debian.qcow2"
  echo "$image"
  image=$(as_root "$repository/tools/images/build.sh" web)
  ln -sfn "$image" "$work/web.tar"
  echo "$image"
}

# has_containers reports whether the host has libvirt's driver of containers.
has_containers() {
  [[ $host == private ]] ||
    LC_ALL=C setsid --wait timeout 10 virsh --connect "${host/#qemu/lxc}" uri >/dev/null 2>&1 </dev/null
}

# prepare_work copies the example again. The state and the key stay, so a second run changes what
# the first one created.
prepare_work() {
  cp "$repository"/examples/quickstart/*.tf "$repository/tools/demo/report.tf" "$work/"
  rm -f "$work/container.tf"
  if has_containers; then
    cp "$repository/tools/demo/container.tf" "$work/"
  else
    echo "There is no container in this demo: the host does not have libvirt-daemon-driver-lxc."
  fi
  [[ -e $work/id_ed25519 ]] || ssh-keygen -q -t ed25519 -N '' -C novacron-demo -f "$work/id_ed25519"
  local login="ssh -i ${work#"$PWD/"}/id_ed25519 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
  if [[ $host == private ]]; then
    login="${testhost#"$PWD/"} exec $private_host $login"
    ((EUID == 0)) || login="sudo $login"
  fi
  cat >"$work/demo.auto.tfvars" <<TFVARS
image          = "debian.qcow2"
ssh_public_key = "$(<"$work/id_ed25519.pub")"
login          = "$login"
TFVARS
  [[ ! -e $work/container.tf ]] || echo 'container_image = "web.tar"' >>"$work/demo.auto.tfvars"
  # The provider may have been rebuilt with the same version since the last run.
  rm -rf "$work/.terraform" "$work/.terraform.lock.hcl"
  in_work init -input=false
}

report() {
  say "Done"
  in_work output -raw report
  [[ ! -e $work/container.tf ]] || { in_work output -raw container; echo; }
  printf '\nWhat the demo took:\n'
  printf '%s\n' "${timings[@]}"
  cat <<TEXT

Look around:  cd $work && . ./host.env && terraform plan
Tear down:    make demo-down
TEXT
}

main() {
  require_programs
  phase "Choosing a libvirt host"
  choose_host
  phase "Installing packages"
  install_packages
  phase "Connecting to the host"
  start_host
  phase "Building the images (once; some minutes)"
  build_image
  phase "Building and installing the provider"
  make --no-print-directory -C "$repository" install
  phase "terraform init"
  prepare_work
  phase "terraform apply (first boots take some minutes where there is no KVM)"
  in_work apply -input=false -auto-approve
  phase ''
  report
}

main
