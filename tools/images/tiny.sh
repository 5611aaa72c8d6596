# The tiny image: everything is in an initramfs, and the disk only boots it.
# shellcheck shell=bash disable=SC2154 # here is set by build.sh

# There is no balloon driver, because an idle guest must keep its memory as it is. The kernel has no
# ata_* modules, so a CD-ROM has to be on virtio-scsi.
tiny_modules="virtio_pci virtio_blk virtio_scsi sd_mod sr_mod isofs virtio_net virtio_console button evdev"

# copy_program PACKAGES ROOT PROGRAM copies a program with its shared libraries.
copy_program() {
  local packages=$1 root=$2 program=$3 file
  for file in "$program" $(chroot "$packages" /lib64/ld-linux-x86-64.so.2 --list "$program" |
    grep -oE '/[^ ]+' | sort -u); do
    install -D "$packages$file" "$root$file"
  done
}

# copy_modules PACKAGES ROOT copies the modules. It writes the order to load them in to
# /lib/modules/order.
copy_modules() {
  local packages=$1 root=$2 version module file
  version=$(ls "$packages/lib/modules")
  chroot "$packages" depmod "$version"
  mkdir -p "$root/lib/modules"
  for module in $tiny_modules; do
    chroot "$packages" modprobe --set-version "$version" --show-depends "$module"
  done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
    cp "$packages$file" "$root/lib/modules/"
    basename "$file"
  done >"$root/lib/modules/order"
}

# reseed_program prints novacron-reseed, which gives the kernel 64 bytes of standard input to make its
# random numbers from, as busybox cannot make the calls (linux/random.h). It is a static ELF for
# x86-64, in one segment that is both written to and run; "man 5 elf" names the fields.
reseed_program() {
  local hex
  hex=$(
    sed 's/#.*//' <<'HEX' | tr -d ' \n'
7f454c46 02010100 00000000 00000000   # e_ident: 64 bits, little endian
0200 3e00 01000000 7810400000000000   # e_type, e_machine, e_version, e_entry
4000000000000000 0000000000000000     # e_phoff, e_shoff
00000000 4000 3800 0100 4000 0000 0000 # e_flags, e_ehsize, e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx
01000000 07000000 0000000000000000    # p_type, p_flags: rwx, p_offset
0010400000000000 0010400000000000     # p_vaddr, p_paddr
f500000000000000 4801000000000000     # p_filesz, p_memsz: what is read is behind the file
0010000000000000                      # p_align
31db            #       xor  %ebx, %ebx               bytes read so far
31c0            # next: xor  %eax, %eax               read(0, seed + %ebx, 64 - %ebx)
31ff            #       xor  %edi, %edi
488db308114000  #       lea  0x401108(%rbx), %rsi
6a40            #       push $64
5a              #       pop  %rdx
29da            #       sub  %ebx, %edx
0f05            #       syscall
85c0            #       test %eax, %eax
7e54            #       jle  fail
01c3            #       add  %eax, %ebx
83fb40          #       cmp  $64, %ebx
7ce3            #       jl   next
6a02            #       push $2                       open("/dev/random", O_RDONLY)
58              #       pop  %rax
bfe9104000      #       mov  $path, %edi
31f6            #       xor  %esi, %esi
0f05            #       syscall
85c0            #       test %eax, %eax
783d            #       js   fail
89c5            #       mov  %eax, %ebp
6a10            #       push $16                      ioctl(%ebp, RNDADDENTROPY, {512 bits, 64 bytes, seed})
58              #       pop  %rax
89ef            #       mov  %ebp, %edi
be03520840      #       mov  $0x40085203, %esi
ba00114000      #       mov  $0x401100, %edx
c70200020000    #       movl $512, (%rdx)
c7420440000000  #       movl $64, 4(%rdx)
0f05            #       syscall
85c0            #       test %eax, %eax
7519            #       jnz  fail
6a10            #       push $16                      ioctl(%ebp, RNDRESEEDCRNG, 0)
58              #       pop  %rax
89ef            #       mov  %ebp, %edi
be07520000      #       mov  $0x5207, %esi
31d2            #       xor  %edx, %edx
0f05            #       syscall
85c0            #       test %eax, %eax
7507            #       jnz  fail
31ff            #       xor  %edi, %edi
6a3c            # end:  push $60                      exit(%edi)
58              #       pop  %rax
0f05            #       syscall
6a01            # fail: push $1
5f              #       pop  %rdi
ebf6            #       jmp  end
2f6465762f72616e646f6d00 # path: "/dev/random"
HEX
  )
  # shellcheck disable=SC2059 # the format is what is printed
  printf "$(sed 's/../\\x&/g' <<<"$hex")"
}

build_image() {
  local work=$1 out=$2 packages=$1/packages root=$1/root disk=$1/disk applet
  bootstrap extract "$packages" linux-image-cloud-amd64,qemu-guest-agent,busybox-static
  say "making the initramfs"
  mkdir -p "$root"/{bin,sbin,usr,dev,proc,sys,run,tmp,var/run} "$disk"
  cp -r "$here/tiny/root/." "$root/"
  install "$packages/bin/busybox" "$root/bin/busybox"
  # Scripts and the agent look for some programs in /usr/bin and /usr/sbin.
  ln -s ../bin ../sbin "$root/usr/"
  for applet in $("$root/bin/busybox" --list); do
    [[ -e $root/bin/$applet || -e $root/sbin/$applet ]] || ln -s busybox "$root/bin/$applet"
  done
  ln -s bin/busybox "$root/init"
  copy_program "$packages" "$root" /usr/sbin/qemu-ga
  reseed_program >"$root/sbin/novacron-reseed"
  chmod 0755 "$root/sbin/novacron-reseed"
  copy_modules "$packages" "$root"
  cp "$packages"/boot/vmlinuz-* "$disk/vmlinuz"
  # The initramfs is not compressed: under software emulation, decompressing takes longer than
  # reading.
  (cd "$root" && find . -print0 | LC_ALL=C sort -z | cpio --null --create --quiet --format=newc --owner=0:0) \
    >"$disk/initrd.img"
  make_disk "$disk" 64M "$work/disk.raw" "console=tty0 console=ttyS0 quiet nokaslr panic=1"
  qemu-img convert -O qcow2 "$work/disk.raw" "$out"
}
