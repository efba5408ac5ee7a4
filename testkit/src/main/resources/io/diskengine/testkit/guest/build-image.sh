#!/bin/bash
# build-image.sh KERNEL_TREE INIT OUT: an initramfs (newc cpio, uncompressed: unpacking is what costs boot time) of what
# guest tests use, copied from this machine, and the modules of the unpacked kernel package. No root needed.
set -euo pipefail
tree=$1 init=$2 out=$3
version=$(ls "$tree/lib/modules")
root=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
mkdir -p "$root"/{bin,lib/x86_64-linux-gnu,proc,sys,dev,tmp,run,root,mnt,etc/nvme,"lib/modules/$version"}
ln -s bin "$root/sbin"; ln -s . "$root/usr"; ln -s lib "$root/lib64"

for applet in $(busybox --list); do ln -s busybox "$root/bin/$applet"; done
rm "$root/bin/busybox"
copy() { # a binary with the libraries that it is linked to
  local path library
  path=$(PATH=$PATH:/usr/sbin:/sbin command -v "$1") || { echo "build-image.sh: no $1 on this machine" >&2; exit 1; }
  rm -f "$root/bin/$1"; cp -L "$path" "$root/bin/$1"
  # A static binary has none, and ldd then says so with an exit code.
  for library in $(ldd "$path" 2>/dev/null | grep -o '/[^ ]*' || true); do
    cp -Lu "$library" "$root/lib/$([[ $library = */ld-linux* ]] || echo x86_64-linux-gnu/)"
  done
}
for binary in busybox bash kmod ip nvme fio mkfs.ext4 e2fsck resize2fs blkdiscard lsblk flock; do copy "$binary"; done
for name in modprobe insmod rmmod lsmod; do ln -sf kmod "$root/bin/$name"; done

depmod -b "$tree" "$version"
# What the kernel does not have built in. Named ones may be missing (built in, or renamed in another kernel).
for module in virtio_pci virtio_blk virtio_net virtio_console nvme-fabrics nvme-tcp nvmet nvmet-tcp null_blk brd loop \
    ext4 configfs crc32c_generic crc32c_intel crc32_generic; do
  modprobe -d "$tree" -S "$version" --show-depends -q "$module" 2>/dev/null | sed -n "s|^insmod $tree/||p" || true
done | sort -u | (cd "$tree" && xargs cp --parents -t "$root")
cp "$tree/lib/modules/$version"/modules.{order,builtin,builtin.modinfo} "$root/lib/modules/$version/"
depmod -b "$root" "$version"

printf 'root:x:0:0:root:/root:/bin/bash\n' > "$root/etc/passwd"
printf 'root:x:0:\n' > "$root/etc/group"
printf '127.0.0.1 localhost\n10.0.2.2 host\n' > "$root/etc/hosts"
install -m 755 "$init" "$root/init"
(cd "$root" && find . -print0 | LC_ALL=C sort -z | cpio --quiet -0 -R 0:0 -H newc -o) > "$out"
