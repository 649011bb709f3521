#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fetch_kernels.sh CACHE: brings further kernels of the distribution for tests/qemu, unpacked and not installed:
#   CACHE/vmlinuz-standard   the kernel that linux-image-amd64 stands for
#   CACHE/standard/MODULE.ko of the same package: the driver of an Intel 82574 network card, which the cloud kernel lacks
#   CACHE/vmlinuz-6.12       a cloud kernel 6.12, where the distribution or its backports have one
set -eu

if [ $# -ne 1 ]; then
    echo "usage: fetch_kernels.sh CACHE" >&2
    exit 64
fi
mkdir -p "$1"
cache=$(cd "$1" && pwd)
work=$(mktemp -d "$cache/unpack.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# bring NAME PACKAGE
bring() {
    echo "fetching $2" >&2
    rm -rf "$work/files" "$work/deb"
    mkdir -p "$work/deb"
    (cd "$work/deb" && apt-get download "$2" >"$work/log" 2>&1) || {
        sed 's/^/  /' "$work/log" >&2
        return 1
    }
    dpkg-deb -x "$work"/deb/*.deb "$work/files"
    cp "$work"/files/boot/vmlinuz-* "$cache/.$1.new"
    mv "$cache/.$1.new" "$cache/$1"
}

standard=$(apt-cache depends --no-recommends linux-image-amd64 2>/dev/null |
    sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1)
modules="e1000e"
complete=yes
for file in vmlinuz-standard $(for module in $modules; do echo "standard/$module.ko"; done); do
    [ -s "$cache/$file" ] || complete=no
done
if [ $complete = no ]; then
    bring vmlinuz-standard "$standard"
    mkdir -p "$cache/standard"
    for module in $modules; do
        found=$(find "$work/files" -name "$module.ko*" | head -n 1)
        case $found in
        *.ko) ;;
        *.ko.xz) xz -d "$found" && found=${found%.xz} ;;
        *)
            echo "the package $standard holds no $module.ko" >&2
            exit 1
            ;;
        esac
        cp "$found" "$cache/standard/.$module.ko.new"
        mv "$cache/standard/.$module.ko.new" "$cache/standard/$module.ko"
    done
fi

newer=$(apt-cache search --names-only '^linux-image-6\.12[^ ]*-cloud-amd64(-unsigned)?$' | sed 's/ .*//' | grep -v dbg | sort -V | tail -n 1)
if [ -n "$newer" ]; then
    [ -s "$cache/vmlinuz-6.12" ] || bring vmlinuz-6.12 "$newer"
else
    echo "no 6.12 here: neither the distribution nor its backports have one" >&2
fi
