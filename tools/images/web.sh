# The web image: busybox and its web server, as an OCI layout of two layers
# (https://github.com/opencontainers/image-spec/blob/main/image-layout.md).
# shellcheck shell=bash disable=SC2154 # here is set by build.sh

# archive ROOT prints ROOT as a tar that has the same bytes each time.
archive() {
  tar --create --directory="$1" --sort=name --mtime=@0 --owner=0:0 --numeric-owner --format=pax \
    --pax-option=delete=atime,delete=ctime .
}

# blob LAYOUT FILE moves a file to the blobs of a layout, and prints its digest and size.
blob() {
  local digest size
  digest=$(sha256sum <"$2" | cut -d' ' -f1)
  size=$(stat --format=%s "$2")
  mv "$2" "$1/blobs/sha256/$digest"
  echo "sha256:$digest $size"
}

build_image() {
  local work=$1 out=$2 packages=$1/packages layout=$1/layout root applet
  local diff_ids=() layers=() digest size
  mkdir -p "$layout/blobs/sha256" "$work"/{tools,site}
  bootstrap extract "$packages" busybox-static
  root=$work/tools
  mkdir -p "$root"/{bin,dev,proc,sys,etc,root,tmp,var/tmp}
  chmod 1777 "$root/tmp" "$root/var/tmp"
  install "$packages/bin/busybox" "$root/bin/busybox"
  for applet in $("$root/bin/busybox" --list); do
    [[ $applet == busybox ]] || ln -s busybox "$root/bin/$applet"
  done
  cp -r "$here/web/root/." "$work/site/"
  for root in "$work/tools" "$work/site"; do
    archive "$root" >"$work/layer"
    diff_ids+=("\"sha256:$(sha256sum <"$work/layer" | cut -d' ' -f1)\"")
    gzip --no-name "$work/layer"
    read -r digest size < <(blob "$layout" "$work/layer.gz")
    layers+=("{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"$digest\",\"size\":$size}")
  done
  cat >"$work/config" <<JSON
{
  "architecture": "amd64",
  "os": "linux",
  "config": {
    "Entrypoint": ["/bin/httpd", "-f", "-h", "/srv/www"],
    "Cmd": ["-p", "8080"],
    "Env": ["PATH=/bin"],
    "User": "www",
    "WorkingDir": "/srv/www",
    "ExposedPorts": {"8080/tcp": {}},
    "Healthcheck": {
      "Test": ["CMD-SHELL", "wget -q -O /dev/null http://127.0.0.1:8080/"],
      "Interval": 1000000000,
      "Timeout": 3000000000,
      "Retries": 3
    }
  },
  "rootfs": {"type": "layers", "diff_ids": [$(IFS=,; echo "${diff_ids[*]}")]}
}
JSON
  read -r digest size < <(blob "$layout" "$work/config")
  cat >"$work/manifest" <<JSON
{
  "schemaVersion": 2,
  "mediaType": "application/vnd.oci.image.manifest.v1+json",
  "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "$digest", "size": $size},
  "layers": [$(IFS=,; echo "${layers[*]}")]
}
JSON
  read -r digest size < <(blob "$layout" "$work/manifest")
  echo '{"imageLayoutVersion": "1.0.0"}' >"$layout/oci-layout"
  cat >"$layout/index.json" <<JSON
{
  "schemaVersion": 2,
  "mediaType": "application/vnd.oci.image.index.v1+json",
  "manifests": [
    {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "$digest", "size": $size}
  ]
}
JSON
  archive "$layout" >"$out"
}
