#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Other ways into an ISO: whatever else a firmware or GRUB might find in it is refused.

An ISO is read by several programs, and each has rules of its own: GRUB takes the last primary descriptor and the first
record of a name, goes by Rock Ridge's type before the flags, and by plain names where Rock Ridge does not announce
itself; firmware takes the boot record in sector 17, any entry of the boot catalogue, EFI system partitions of a GPT or
an MBR. Each case hides another program or another grub.cfg behind one of these rules, in an image that is otherwise as it was
built; the last one another kernel, which the image itself measures. `septum verify`, with the appliance file and without it, must refuse all of them.
"""

import argparse
import binascii
import hashlib
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

S = 2048
EVIL = b"set timeout=0\nmultiboot2 /boot/septum.elf\nboot\n"  # another grub.cfg: a kernel without its appliance
FAT = b"\xeb\x3c\x90another EFI system partition"
ROOT, CATALOGUE = 16 * S + 158, 17 * S + 0x47
CASES = []
SECONDS = 400  # what takes so long has no end
BOUNDED = ("prlimit", "--cpu=40", "--")  # seconds of processor time; ten without sanitizers


def case(expected: str):
    def add(function):
        CASES.append((function.__name__.replace("_", " "), function, expected))
        return function
    return add


def p32(value: int) -> bytes:
    return struct.pack("<I", value)


def both(value: int) -> bytes:
    return struct.pack("<I", value) + struct.pack(">I", value)


def record(extent: int, size: int, flags: int, identifier: bytes, use: bytes = b"") -> bytes:
    """A directory record (ECMA-119 §9.1) with its system-use area."""
    head = bytearray(33) + identifier + (b"\0" if len(identifier) % 2 == 0 else b"")
    head[2:10], head[10:18], head[25], head[32] = both(extent), both(size), flags, len(identifier)
    out = bytearray(head + use)
    out += bytes(len(out) % 2)
    out[0] = len(out)
    return bytes(out)


def nm(name: bytes) -> bytes:
    return b"NM" + bytes([5 + len(name), 1, 0]) + name


def px(mode: int) -> bytes:
    return b"PX\x24\x01" + both(mode) + both(1) + both(0) * 2


class Iso(bytearray):
    def number(self, at: int) -> int:
        return struct.unpack_from("<I", self, at)[0]

    def records(self, extent: int) -> dict[bytes, tuple[int, int, int, int]]:
        """Of a directory of one sector: place, length, extent and size, by identifier."""
        out, at = {}, extent * S
        while self[at]:
            name = bytes(self[at + 33:at + 33 + self[at + 32]])
            out[name] = at, self[at], self.number(at + 2), self.number(at + 10)
            at += self[at]
        return out

    def tree(self):
        root = self.records(self.number(ROOT))
        boot = self.records(root[b"BOOT"][2])
        return root[b"BOOT"][2], boot[b"GRUB"][2], {**boot, **self.records(boot[b"GRUB"][2])}

    def hide(self, contents: bytes) -> int:
        """Puts something into sectors that nobody uses: the first of them."""
        need = -(-len(contents) // S)
        files = self.tree()[2].values()
        for sector in range(25, len(self) // S - need):
            free = not any(self[sector * S:(sector + need) * S])
            if free and not any(first < sector + need and sector < first + -(-size // S) for _, _, first, size in files):
                self[sector * S:sector * S + len(contents)] = contents
                return sector
        raise RuntimeError("no room")

    def before_all(self, directory: int, new: bytes) -> None:
        """One more record, behind the directory's own two."""
        places = sorted(self.records(directory).values())
        at, end = places[2][0], places[-1][0] + places[-1][1]
        self[at + len(new):end + len(new)] = self[at:end]
        self[at:at + len(new)] = new

    def in_grub(self, contents: bytes, flags: int, identifier: bytes, use: bytes) -> None:
        self.before_all(self.tree()[1], record(self.hide(contents), len(contents), flags, identifier, use))

    def free_sector_19(self) -> None:
        """Moves the root directory, so that there is room for one more descriptor."""
        root = self.number(ROOT)
        there = self.hide(bytes(self[root * S:(root + 1) * S]))
        self[there * S + 2:there * S + 10] = both(there)
        self[ROOT:ROOT + 8] = both(there)
        self[19 * S:20 * S] = self[18 * S:19 * S]

    def seal_backup(self) -> None:
        last = len(self) // 512 - 1
        at = struct.unpack_from("<Q", self, last * 512 + 72)[0] * 512
        count = self.number(last * 512 + 80)
        self[last * 512 + 88:last * 512 + 92] = p32(binascii.crc32(bytes(self[at:at + count * 128])))
        self[last * 512 + 16:last * 512 + 20] = bytes(4)
        self[last * 512 + 16:last * 512 + 20] = p32(binascii.crc32(bytes(self[last * 512:last * 512 + 92])))


@case("a second primary volume descriptor")
def a_second_primary_descriptor(iso):
    kernel = iso.tree()[2][b"SEPTUM.ELF;1"]
    config = iso.hide(EVIL)
    root = iso.hide(b"\1" * 3 * S)
    boot, grub = root + 1, root + 2
    for own, parent, entries in ((root, root, record(boot, S, 2, b"BOOT")),
                                 (boot, root, record(grub, S, 2, b"GRUB") + record(kernel[2], kernel[3], 0, b"SEPTUM.ELF;1")),
                                 (grub, boot, record(config, len(EVIL), 0, b"GRUB.CFG;1"))):
        iso[own * S:(own + 1) * S] = (record(own, S, 2, b"\0") + record(parent, S, 2, b"\1") + entries).ljust(S, b"\0")
    iso.free_sector_19()
    iso[18 * S:19 * S] = iso[16 * S:17 * S]
    iso[18 * S + 158:18 * S + 166] = both(root)


@case("for itself or its parent is none")
def a_directory_itself_called_grub_cfg(iso):
    iso.in_grub(EVIL, 0, b"\0", px(0x8124) + nm(b"grub.cfg"))


@case("for itself or its parent is none")
def a_parent_called_grub_cfg(iso):
    iso.in_grub(EVIL, 0, b"\1", px(0x8124) + nm(b"grub.cfg"))


@case("is of two kinds")
def a_file_that_its_flags_call_a_directory(iso):
    iso.in_grub(b"\0\n" + EVIL, 2, b"X", px(0x8124) + nm(b"grub.cfg"))


@case("is of two kinds")
def a_hidden_directory_that_is_read_as_a_file(iso):
    iso.in_grub(b"\0\n" + EVIL, 3, b"X", nm(b"grub.cfg"))


@case("is there twice")
def grub_cfg_twice(iso):
    iso.in_grub(EVIL, 0, b"X", px(0x8124) + nm(b"grub.cfg"))


@case("is there twice")
def another_directory_of_the_same_name(iso):
    boot = iso.tree()[0]
    new = iso.hide(b"\1" * S)
    iso[new * S:(new + 1) * S] = (record(new, S, 2, b"\0") + record(boot, S, 2, b"\1")).ljust(S, b"\0")
    iso.before_all(boot, record(new, S, 2, b"G", px(0x416D) + nm(b"grub")))


@case("is of two kinds")
def a_directory_that_is_a_link(iso):
    at = iso.find(px(0x416D)[:12], iso.records(iso.tree()[0])[b"GRUB"][0])
    iso[at + 4:at + 12] = both(0xA1FF)


@case("which is none of an appliance's")
def the_kernel_also_as_a_module_of_grub(iso):
    kernel = iso.tree()[2][b"SEPTUM.ELF;1"]
    iso.before_all(iso.tree()[1], record(kernel[2], kernel[3], 0, b"X", px(0x8124) + nm(b"normal.mod")))


@case("behind the system-use entries")
def a_name_behind_an_entry_that_is_too_short(iso):
    iso.in_grub(EVIL, 0, b"X", px(0x8124) + b"ZZ\3" + nm(b"grub.cfg"))


@case("of another kind than rock ridge")
def plain_names_where_rock_ridge_is_not_announced(iso):
    at = iso.find(b"ER\xed\x01")
    iso[at:at + 2] = b"XX"


@case("second directory tree (Joliet)")
def a_tree_of_joliet(iso):
    iso[17 * S] = 2
    iso[17 * S + 88:17 * S + 91] = b"%/E"


@case("a boot record where none is expected")
def another_boot_record_in_sector_17(iso):
    catalogue = iso.hide(bytes(iso[iso.number(CATALOGUE) * S:][:128]))
    iso[catalogue * S + 40:catalogue * S + 44] = p32(iso.hide(b"\xeb\xfeanother program"))
    good = bytes(iso[17 * S:18 * S])
    iso.free_sector_19()
    iso[18 * S:19 * S] = good
    iso[CATALOGUE:CATALOGUE + 4] = p32(catalogue)


@case("behind the entries of the boot catalogue")
def a_boot_entry_behind_the_last_section(iso):
    at = iso.number(CATALOGUE) * S + 6 * 32
    iso[at:at + 12] = b"\x88\0\0\0\0\0\4\0" + p32(iso.hide(FAT))


@case("the boot catalogue starts what lies at")
def a_boot_entry_that_leads_elsewhere(iso):
    at = iso.number(CATALOGUE) * S + 40
    iso[at:at + 4] = p32(iso.hide(b"\xeb\xfeanother program"))


@case("a boot entry emulates a disk")
def a_floppy(iso):
    iso[iso.number(CATALOGUE) * S + 33] = 2


@case("or is loaded where none is expected")
def another_load_segment(iso):
    iso[iso.number(CATALOGUE) * S + 35] = 0x10


@case("the boot sector has a partition of a kind")
def an_efi_partition_of_the_mbr(iso):
    iso[462:478] = b"\0\0\0\0\xef\0\0\0" + p32(iso.hide(FAT) * 4) + p32(4)


@case("the boot sector has a partition of a kind")
def an_efi_partition_of_the_mbr_and_no_gpt(iso):
    iso[446:462] = b"\0\0\0\0\xef\0\0\0" + p32(iso.hide(FAT) * 4) + p32(4)
    iso[512:520] = bytes(8)


@case("the boot sector is a fat file system's as well")
def a_file_system_in_the_boot_sector(iso):
    iso[11:13] = b"\0\2"


@case("the boot sector loads sector")
def a_boot_sector_that_loads_something_else(iso):
    iso[0x1B0:0x1B8] = struct.pack("<Q", iso.hide(b"\xeb\xfeanother program") * 4)


@case("an EFI system partition begins in sector")
def another_efi_partition_in_the_backup_table(iso):
    last = len(iso) // 512 - 1
    at = struct.unpack_from("<Q", iso, last * 512 + 72)[0] * 512
    first = iso.hide(FAT) * 4
    iso[at + 128 + 32:at + 128 + 48] = struct.pack("<QQ", first, first + 3)
    iso.seal_backup()
    iso[512 + 16] ^= 1  # firmware goes to the backup


@case("the other header's sector")
def a_primary_table_that_names_another_backup(iso):
    iso[512 + 32:512 + 40] = struct.pack("<Q", iso.hide(bytes(iso[-512:])) * 4)


@case("checksum of its entries")
def a_table_for_sectors_of_2048_bytes(iso):
    iso[2048:2056] = b"EFI PART"


@case("bytes of the image that no structure describes")
def descriptors_of_udf(iso):
    iso[25 * S:25 * S + 6] = b"\0BEA01"


@case("bytes of the image that no structure describes")
def bytes_in_a_gap(iso):
    iso.hide(b"something")


@case("the other header's sector")
def bytes_behind_the_end(iso):
    iso += bytes(S - 4) + b"evil"


@case("is free, yet not zero")
def bytes_in_a_free_cluster_of_efi_img(iso):
    _, _, extent, size = iso.tree()[2][b"EFI.IMG;1"]
    iso[extent * S + size - 1] ^= 1


@case("a volume descriptor of a kind")
def a_descriptor_of_volume_partitions(iso):
    iso.free_sector_19()
    iso[18 * S:18 * S + 7] = b"\3CD001\1"


@case("the image's kernel is not septum's own")
def another_kernel_with_digests_that_fit(iso):
    _, _, extent, size = iso.tree()[2][b"SEPTUM.ELF;1"]
    kernel = bytearray(iso[extent * S:extent * S + size])
    table, count = struct.unpack_from("<Q", kernel, 32)[0], struct.unpack_from("<H", kernel, 56)[0]
    segments = [struct.unpack_from("<IIQQQQ", kernel, table + 56 * i) for i in range(count)]
    code = next(s for s in segments if s[0] == 1 and s[1] & 1)
    kernel[code[2] + code[5] // 2] ^= 0xFF
    iso[extent * S:extent * S + size] = kernel
    manifest = iso.index(b"\x7fSEPTUM1")
    loaded = b"".join(kernel[s[2]:s[2] + s[5]] for s in segments if s[0] == 1 and not s[1] & 2)
    iso[manifest + 80:manifest + 112] = hashlib.sha256(loaded).digest()
    iso[manifest + 112:manifest + 144] = hashlib.sha256(kernel).digest()
    iso[manifest + 16:manifest + 48] = bytes(32)
    whole = iso.number(manifest + 12)
    iso[manifest + 16:manifest + 48] = hashlib.sha256(iso[manifest:manifest + whole]).digest()


def scattered(iso: Iso, tables: int) -> None:
    """All partitions run on the same page tables, which map every second page: few bytes, a million intervals for each."""
    place, _, extent, size = iso.tree()[2][b"APPLIANC.SEP;1"]
    bundle = bytearray(iso[extent * S:extent * S + size])
    base, first, count = *struct.unpack_from("<Q", bundle, 152), *struct.unpack_from("<II", bundle, 296)
    directories = -(-tables // 512)

    def page(number: int) -> int:
        return base + size + 4096 * number

    def table(entries) -> bytes:
        return b"".join(struct.pack("<Q", entry) for entry in entries).ljust(4096, b"\0")

    new = [table([page(1) | 0x27]), table([page(2 + i) | 0x27 for i in range(directories)])]
    new += [table([page(2 + directories + j) | 0x27 for j in range(512 * i, min(512 * i + 512, tables))]) for i in range(directories)]
    new += [table([(0x100000000 + (t * 512 + j) * 8192) | 0x67 for j in range(512)]) for t in range(tables)]
    for number in range(count):
        record_at = first + 216 * number
        struct.pack_into("<Q", bundle, record_at + 64, page(0))
        for template in struct.unpack_from("<QQ", bundle, record_at + 88):
            struct.pack_into("<Q", bundle, template - base + 0xB0, page(0))
    bundle += b"".join(new)
    tables_at = struct.unpack_from("<I", bundle, 160)[0]
    struct.pack_into("<I", bundle, 164, len(bundle) - tables_at)
    struct.pack_into("<Q", bundle, 144, len(bundle))
    bundle[48:80] = hashlib.sha256(bundle[tables_at:]).digest()
    bundle[16:48] = bytes(32)
    bundle[16:48] = hashlib.sha256(bundle[:struct.unpack_from("<I", bundle, 12)[0]]).digest()
    iso += bytes(-len(iso) % S)
    iso[place + 2:place + 10], iso[place + 10:place + 18] = both(len(iso) // S), both(len(bundle))
    iso += bundle + bytes(-len(bundle) % S)
    iso[16 * S + 80:16 * S + 88] = both(len(iso) // S)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--septum", required=True)
    parser.add_argument("--recheck", required=True)
    parser.add_argument("--source", required=True, type=pathlib.Path)
    args = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        yaml, iso = folder / "two.yaml", folder / "two.iso"
        yaml.write_bytes((args.source / "tests/cli/fixtures/two.yaml").read_bytes())
        subprocess.run([args.septum, "build", str(yaml), "-o", str(iso)], check=True, capture_output=True, timeout=300)
        good = iso.read_bytes()
        subprocess.run([args.septum, "verify", str(yaml), str(iso), "--certificate", str(folder / "two.json")], check=True,
                       capture_output=True, timeout=300)

        def judge(*files: str):
            return subprocess.run([args.septum, "verify", *files, "--all"], cwd=folder, capture_output=True, text=True, timeout=300)

        for files in (("two.yaml", "two.iso"), ("two.iso",)):
            if (done := judge(*files)).returncode != 0:
                print(f"the image as built is refused: {done.stdout}{done.stderr}")
                return 1
        for what, alter, expected in CASES:
            bad = Iso(good)
            alter(bad)
            (folder / "bad.iso").write_bytes(bad)
            for files in (("two.yaml", "bad.iso"), ("bad.iso",)):
                done = judge(*files)
                said = re.sub(r"\s+", " ", done.stdout + done.stderr)
                why = "" if done.returncode in (1, 2) else f"exit code {done.returncode}"
                why = why or ("" if expected in said else f"expected `{expected}`, said {said[:600]}")
                if why or bytes(bad) == good:
                    wrong += 1
                    print(f"FAILED: {what}: {why or 'nothing was altered'}")
        # Much work in few bytes: an answer nevertheless, soon.
        bad = Iso(good)
        scattered(bad, 2047)
        (folder / "bad.iso").write_bytes(bad)
        for command in ([args.septum, "verify", "two.yaml", "bad.iso"], [args.septum, "verify", "bad.iso"],
                        [args.recheck, "bad.iso", "two.json"]):
            try:
                done = subprocess.run([*BOUNDED, *command], cwd=folder, capture_output=True, text=True, timeout=SECONDS)
                why = "" if done.returncode in (1, 2) and "error" in done.stdout + done.stderr else f"exit code {done.returncode}"
            except subprocess.TimeoutExpired:
                why = f"takes longer than {SECONDS} s"
            if why:
                wrong += 1
                print(f"FAILED: scattered pages, {' '.join(command[1:])}: {why}")
    print(f"{len(CASES)} other ways into an image, {wrong} not refused")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
