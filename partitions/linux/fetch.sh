#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fetch.sh CACHE: gets what the Linux partition is made of from the distribution's packages, by name, unpacked and not
# installed:
#   CACHE/vmlinuz-cloud   the kernel that linux-image-cloud-amd64 stands for
#   CACHE/MODULE.ko       of the same package: the drivers of a virtio network card and KVM, which are no part of the kernel itself
#   CACHE/busybox         busybox-static's program
# Does nothing when all are there. Remove CACHE to get newer ones.
set -eu

if [ $# -ne 1 ]; then
    echo "usage: fetch.sh CACHE" >&2
    exit 64
fi
mkdir -p "$1"
cache=$(cd "$1" && pwd)

fail() {
    echo "fetch.sh: $*" >&2
    exit 1
}

for tool in apt-get apt-cache dpkg-deb; do
    command -v $tool >/dev/null || fail "needs \`$tool\`: the Linux payloads come from Debian packages"
done

work=$(mktemp -d "$cache/unpack.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# unpack PACKAGE: its files, in $work/files.
unpack() {
    rm -rf "$work/files" "$work/deb"
    mkdir -p "$work/deb"
    echo "fetching $1" >&2
    if ! (cd "$work/deb" && apt-get download "$1" >"$work/log" 2>&1); then
        sed 's/^/  /' "$work/log" >&2
        fail "cannot download \`$1\`: is there a network, and has \`apt-get update\` been run?"
    fi
    dpkg-deb -x "$work"/deb/*.deb "$work/files"
}

# keep SOURCE NAME: whole or not at all.
keep() {
    [ -s "$1" ] || fail "the package holds no $2"
    cp "$1" "$cache/.$2.new"
    chmod 0644 "$cache/.$2.new"
    mv "$cache/.$2.new" "$cache/$2"
}

modules="failover net_failover virtio virtio_net virtio_pci virtio_pci_legacy_dev virtio_pci_modern_dev virtio_ring"
modules="$modules irqbypass kvm kvm-amd"
complete=yes
for file in vmlinuz-cloud $(for module in $modules; do echo "$module.ko"; done); do
    [ -s "$cache/$file" ] || complete=no
done

if [ $complete = no ]; then
    # The signed image's own name carries its version: it is what the metapackage depends on.
    kernel=$(apt-cache depends --no-recommends linux-image-cloud-amd64 2>/dev/null |
        sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1)
    [ -n "$kernel" ] || fail "\`linux-image-cloud-amd64\` is not known here: run \`apt-get update\`"
    unpack "$kernel"
    set -- "$work"/files/boot/vmlinuz-*
    keep "$1" vmlinuz-cloud
    for module in $modules; do
        found=$(find "$work/files" -name "$module.ko*" | head -n 1)
        case $found in
        *.ko) ;;
        *.ko.xz) xz -d "$found" && found=${found%.xz} ;;
        *) fail "the package holds no $module.ko" ;;
        esac
        keep "$found" "$module.ko"
    done
    echo "$kernel" >"$cache/vmlinuz-cloud.package"
fi

if [ ! -s "$cache/busybox" ]; then
    unpack busybox-static
    if [ -s "$work/files/bin/busybox" ]; then
        keep "$work/files/bin/busybox" busybox
    else
        keep "$work/files/usr/bin/busybox" busybox
    fi
fi
