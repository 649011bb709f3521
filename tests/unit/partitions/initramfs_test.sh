#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# initramfs_test.sh MAKE_INITRAMFS FILE: packs FILE and reads the archive again with the format's field widths.
set -eu
tool=$1
file=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "initramfs_test: $*" >&2
    exit 1
}

pack() {
    "$tool" "$1" dir:bin "file:0755:init=$file" link:bin/sh=busybox char:0600:5:1:dev
}
pack "$work/a"
pack "$work/b"
cmp -s "$work/a" "$work/b" || fail "two archives of the same input differ"

# field OFFSET NUMBER: eight hexadecimal digits of the header at OFFSET, as a number.
field() {
    echo $((0x$(dd if="$work/a" bs=1 skip=$(($1 + 6 + 8 * $2)) count=8 2>/dev/null)))
}

at=0
seen=""
while :; do
    [ "$(dd if="$work/a" bs=1 skip=$at count=6 2>/dev/null)" = 070701 ] || fail "no header at $at"
    size=$(field $at 6)
    name_size=$(field $at 11)
    name=$(dd if="$work/a" bs=1 skip=$((at + 110)) count=$((name_size - 1)) 2>/dev/null)
    [ "$name" = 'TRAILER!!!' ] && break
    [ "$(field $at 2)/$(field $at 3)/$(field $at 5)" = 0/0/0 ] || fail "$name: owner, group or time is not zero"
    data=$(((at + 110 + name_size + 3) / 4 * 4))
    seen="$seen $name:$(printf %o "$(field $at 1)"):$size"
    case $name in
    init) dd if="$work/a" bs=1 skip=$data count="$size" 2>/dev/null | cmp -s - "$file" || fail "init's bytes differ" ;;
    esac
    at=$(((data + size + 3) / 4 * 4))
done
expected=" bin:40755:0 init:100755:$(wc -c <"$file") bin/sh:120777:7 dev:20600:0"
[ "$seen" = "$expected" ] || fail "found$seen, expected$expected"

"$tool" "$work/c" "file:0755:x=$work/missing" 2>/dev/null && fail "a missing file was accepted"
"$tool" "$work/c" "file:9:x=$file" 2>/dev/null && fail "a wrong mode was accepted"
"$tool" "$work/c" "sock:x" 2>/dev/null && fail "an unknown kind was accepted"
[ ! -e "$work/c" ] || fail "a refused archive was written"
echo "initramfs_test: ok"
