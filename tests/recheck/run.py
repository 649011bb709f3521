#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""septum-recheck: small, apart from the rest, and not to be fooled.

Makes an image and its certificate with septum, then alters either in every way that could matter, with and without
mending the digests and the seal, and expects an error and the right exit code each time.
"""

import argparse
import concurrent.futures
import copy
import hashlib
import json
import os
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile
import threading

LIMIT = 1500  # lines that are neither blank nor comment
MAGIC = struct.pack("<Q", 0x314D55545045537F)
# In the manifest's header (septum/manifest/manifest.hpp).
MANIFEST_SIZE, MANIFEST_DIGEST, TABLES_DIGEST, TABLES = 12, 16, 48, 160
KERNEL, CHANNELS = 168, 320  # the kernel's place; the table of channels, of 56 bytes each
DEVICES, DEVICE = 368, 104   # the table of devices, and the size of each
FIRST_HANDLE, DEVICE_TABLE, PARTITION = 48, 64, 36  # in a device
IOMMU_ROOT, IOMMU_INTERRUPTS, WATCHDOG_CPU = 456, 464, 500
# What a certificate says beside what can be checked against an image.
FREE = re.compile(r"^(tool\.(name|sha256)|appliance\.(sha256|board_sha256)|outside\[\d+\]|properties\[\d+\]\.(id|level|reason|verdict))$")

failures = []


def expect(good: bool, what: str) -> None:
    if not good:
        failures.append(what)
        print("FAILED:", what)


class Bench:
    """Runs septum-recheck, as many at a time as there are processors."""

    def __init__(self, recheck: str, folder: pathlib.Path):
        self.recheck, self.folder = recheck, folder
        self.kept, self.count, self.waiting = {}, 0, []
        self.pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())
        self.room = threading.Semaphore(2 * os.cpu_count())  # images are large: they are not made long before their turn

    def keep(self, image: bytes) -> None:
        """It comes often: write it once."""
        self.kept[image] = self.folder / f"kept{len(self.kept)}"
        self.kept[image].write_bytes(image)

    def work(self, image: bytes, certificate: bytes, number: int, options):
        files = [self.folder / f"image{number}", self.folder / f"certificate{number}"]
        try:
            if image not in self.kept:
                files[0].write_bytes(image)
            files[1].write_bytes(certificate)
            # With sanitizers a look for leaks takes as long as all else: every tenth run has one.
            environment = os.environ if number % 10 == 0 else {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
            return subprocess.run([self.recheck, str(self.kept.get(image, files[0])), str(files[1]), *options], capture_output=True, text=True,
                                  timeout=300, env=environment)
        finally:
            for file in files:
                file.unlink(missing_ok=True)
            self.room.release()

    def start(self, image: bytes, certificate: bytes, *options: str):
        self.room.acquire()
        self.count += 1
        return self.pool.submit(self.work, image, certificate, self.count, options)

    def run(self, *what):
        return self.start(*what).result()

    def refused(self, image: bytes, certificate: bytes, what: str, codes=(2,), *options: str, says: str = "error: ") -> None:
        self.waiting.append((self.start(image, certificate, *options), what, codes, says))

    def finish(self) -> None:
        for future, what, codes, says in self.waiting:
            done = future.result()
            expect(done.returncode in codes, f"{what}: exit code {done.returncode}, expected {codes}: {done.stderr[:300]}")
            expect(done.stderr.startswith("error: "), f"{what}: no error message, but {done.stderr[:300]!r}")
            expect(says in done.stderr, f"{what}: expected `{says}`, but it says {done.stderr[:300]!r}")
            expect(done.stdout == "", f"{what}: something on standard output")


def make(septum: str, yaml: pathlib.Path) -> tuple[bytes, bytes]:
    """The image of an appliance, and its certificate."""
    image, certificate = yaml.with_suffix(".iso"), yaml.with_suffix(".json")
    for command in ([septum, "build", str(yaml), "-o", str(image)],
                    [septum, "verify", str(yaml), str(image), "--certificate", str(certificate)]):
        subprocess.run(command, check=True, capture_output=True, timeout=300)
    return image.read_bytes(), certificate.read_bytes()


def sealed(body: str) -> bytes:
    """A certificate's text without its seal, sealed anew."""
    head = body[:body.rindex('\n  "seal": ') + 1].encode()
    return head + f'  "seal": "{hashlib.sha256(head).hexdigest()}"\n}}\n'.encode()


def written(data: dict) -> bytes:
    return sealed(json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def leaves(value, path=""):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{i}]")
    else:
        yield path, value


def changed(value):
    if value is None:
        return "0" * 64
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if re.fullmatch("0x[0-9a-f]+", value):
        return hex(int(value, 16) ^ 0x1000)
    if re.fullmatch("[0-9a-f]{64}", value):
        return ("1" if value[0] == "0" else "0") + value[1:]
    return value + "x"


def with_change(data, path):
    other = copy.deepcopy(data)
    at = other
    keys = re.findall(r"[^.\[\]]+", path)
    for key in keys[:-1]:
        at = at[int(key)] if isinstance(at, list) else at[key]
    last = int(keys[-1]) if isinstance(at, list) else keys[-1]
    at[last] = changed(at[last])
    return other


def check_source(source: pathlib.Path, binary: str) -> None:
    lines = 0
    for path in sorted(source.glob("*.[ch]pp")):
        for line in path.read_text().splitlines():
            text = line.strip()
            lines += bool(text) and not text.startswith("//")
            if included := re.match(r'#include\s+[<"](.*)[>"]', text):
                name = included[1]
                good = name.startswith(("recheck/", "septum/manifest/")) or name == "openssl/sha.h" or re.fullmatch(r"[a-z_]+", name)
                expect(bool(good), f"{path.name} includes {name}")
    print(f"{lines} lines")
    expect(0 < lines <= LIMIT, f"septum-recheck has {lines} lines, at most {LIMIT} are allowed")
    symbols = subprocess.run(["nm", "-C", binary], capture_output=True, text=True, check=True).stdout
    expect("septum::recheck::" in symbols, "the binary has no symbols to look at")
    for part in ("verifier", "build", "config", "cli"):
        expect(f"septum::{part}::" not in symbols, f"septum-recheck holds code of septum::{part}")
    linked = subprocess.run(["ldd", binary], capture_output=True, text=True).stdout
    expect("libz3" not in linked, "septum-recheck links a solver")


class Image:
    """The bundle in an image, to be altered with the digests mended."""

    def __init__(self, image: bytes, certificate: dict):
        self.image, self.certificate = image, certificate
        starts = [m.start() for m in re.finditer(re.escape(MAGIC), image) if m.start() % 2048 == 0]
        assert len(starts) == 1, starts
        self.at = starts[0]
        self.size = struct.unpack_from("<Q", image, self.at + 144)[0]
        self.base = struct.unpack_from("<Q", image, self.at + 152)[0]
        self.tables, self.tables_size = struct.unpack_from("<II", image, self.at + TABLES)

    def altered(self, edits) -> tuple[bytes, bytes]:
        """`edits`: (offset in the bundle, new bytes). Digests of manifest, image and certificate follow."""
        out = bytearray(self.image)
        for offset, new in edits:
            out[self.at + offset:self.at + offset + len(new)] = new
        at, tables = self.at, self.at + self.tables
        out[at + TABLES_DIGEST:at + TABLES_DIGEST + 32] = hashlib.sha256(out[tables:tables + self.tables_size]).digest()
        size = struct.unpack_from("<I", out, at + MANIFEST_SIZE)[0]
        out[at + MANIFEST_DIGEST:at + MANIFEST_DIGEST + 32] = bytes(32)
        out[at + MANIFEST_DIGEST:at + MANIFEST_DIGEST + 32] = hashlib.sha256(out[at:at + size]).digest()
        data = copy.deepcopy(self.certificate)
        data["image"]["sha256"] = hashlib.sha256(out).hexdigest()
        data["image"]["bundle_sha256"] = hashlib.sha256(out[at:at + self.size]).hexdigest()
        return bytes(out), written(data)

    def templates(self):
        """Offsets in the bundle of the VMCB templates."""
        first, count = struct.unpack_from("<II", self.image, self.at + 296)
        for number in range(count):
            for host in struct.unpack_from("<QQ", self.image, self.at + first + 216 * number + 88):
                yield host - self.base

    def words(self):
        for offset in range(self.tables, self.tables + self.tables_size, 8):
            yield offset, struct.unpack_from("<Q", self.image, self.at + offset)[0]

    def mapping_leaves(self, hpa_runs):
        """Offsets of entries that map what the certificate lists: present, user, and leading into `hpa_runs`."""
        for offset, entry in self.words():
            address = entry & 0x000FFFFFFFFFF000
            if entry & 5 == 5 and entry & 0x60 == 0x60 and any(a <= address & ~0x1000 < b for a, b in hpa_runs):
                yield offset, entry


def with_devices(args, folder: pathlib.Path, kind: str) -> tuple[bytes, bytes]:
    """Devices with MSI-X and MSI, and under VT-d a watchdog whose messages are remapped."""
    yaml = folder / f"{kind}.yaml"
    text = (args.source / f"tests/cases/bytes/{kind}.yaml").read_text()
    yaml.write_text(text.replace("{elf: guest.elf}", "{elf: hello.elf}").replace("{multiboot: {kernel: pc.elf}}", "{elf: hello.elf}")
                    .replace("memory: 2 MiB", "memory: 4 MiB"))
    return make(args.septum, yaml)


def interrupts(bench: Bench, made: dict) -> None:
    """Entries of interrupt tables that say something else, by a forger who mends every digest, and certificates that do."""
    for kind in ("vt_d", "amd_vi"):
        image, certificate = made[kind].result()
        bench.keep(image)
        data = json.loads(certificate)
        good = bench.run(image, certificate)
        expect(good.returncode == 0, f"{kind}: the true certificate is refused: {good.stderr}")
        listed = data["interrupts"]
        owners = ["alpha", "beta", "gamma"] + ["the kernel"] * (kind == "vt_d")
        expect([i["owner"] for i in listed] == owners, f"{kind}: the certificate lists interrupts of {listed}")
        # What the certificate says of them: less, more, of another, and every member.
        for index in range(len(listed)):
            other = copy.deepcopy(data)
            del other["interrupts"][index]
            bench.refused(image, written(other), f"{kind}: interrupts {index} left out", says="certificate and image differ in interrupts")
            other = copy.deepcopy(data)
            other["interrupts"].insert(index, other["interrupts"][index])
            bench.refused(image, written(other), f"{kind}: interrupts {index} twice", says="certificate and image differ in interrupts")
        for path, value in leaves(listed, "interrupts"):
            bench.refused(image, written(with_change(data, path)), f"{kind}: `{path}` forged from {value!r}", (1, 2), says="")
        other = copy.deepcopy(data)
        other["interrupts"][0]["owner"] = "beta"
        bench.refused(image, written(other), f"{kind}: interrupts of another", says="of `beta`")

        bundle = Image(image, data)
        numbers = lambda offset, form: struct.unpack_from("<" + form, image, bundle.at + offset)
        first, count = numbers(DEVICES, "II")
        devices = {}
        for number in range(count):
            record = first + DEVICE * number
            devices[image[bundle.at + record:bundle.at + record + 32].split(b"\0")[0].decode()] = record
        disk, card = devices["disk"], devices["card"]
        root, = numbers(IOMMU_ROOT, "Q")

        def altered(what: str, says: str, *edits) -> None:
            bench.refused(*bundle.altered([(at, struct.pack("<" + form, *values)) for at, form, *values in edits]), f"{kind}: {what}", says=says)

        if kind == "vt_d":
            table = numbers(IOMMU_INTERRUPTS, "Q")[0] - bundle.base
            source, = numbers(table + 8, "Q")
            expect(source == 1 << 18 | 0x100, f"the first entry is of the disk: {source:#x}")
            entry = lambda vector, cpu, mode=0, more=0: 1 | more | mode << 5 | vector << 16 | cpu << 32
            altered("to a foreign CPU", "sends to CPU 2", (table, "Q", entry(48, 2)))
            altered("to several CPUs", "or to several", (table, "Q", entry(48, 1, more=4)))
            altered("posted", "or to several", (table, "Q", entry(48, 1, more=1 << 15)))
            altered("vector of an exception", "sends vector 0x1f", (table, "Q", entry(31, 1)))
            altered("as NMI", "as nmi", (table, "Q", entry(48, 1, mode=4)))
            altered("as SMI", "as smi", (table, "Q", entry(48, 1, mode=2)))
            altered("present", "is present before `alpha` runs", (table, "Q", entry(48, 1)))
            altered("of another device", "to which the manifest does not give it", (table + 8, "Q", 1 << 18 | 0x200))
            altered("of a device that is nobody's", "to which the manifest does not give it", (table + 8, "Q", 1 << 18 | 0x300))
            altered("source not checked", "does not check that its source", (table + 8, "Q", 0x100))
            altered("bus checked only", "does not check that its source", (table + 8, "Q", 2 << 18 | 0x100))
            altered("some functions", "does not check that its source", (table + 8, "Q", 1 << 18 | 1 << 16 | 0x100))
            altered("not kept for its device", "has 64 of its entries", (table + 8, "Q", 0))
            altered("one entry too many", "to which the manifest does not give it", (table + 16 * 200 + 8, "Q", 1 << 18 | 0x100))
            altered("present and nobody's", "does not check that its source", (table + 16 * 200, "Q", entry(48, 1)))
            watchdog = table + 16 * 71
            altered("the watchdog to another CPU", "sends to CPU 0", (watchdog, "Q", entry(0, 0, mode=4)))
            altered("the watchdog no NMI", "as fixed", (watchdog, "Q", entry(48, 5)))
            altered("the watchdog not present", "is not present", (watchdog, "Q", 0))
            altered("the card's range over the disk's", "to which the manifest does not give it", (card + FIRST_HANDLE, "II", 64, 2))
            altered("a range beyond the table", "interrupts that no table has", (disk + FIRST_HANDLE, "II", 0xFFFFFFFF, 2))
            altered("three entries", "no interrupt remapping table has 3 entries", (IOMMU_INTERRUPTS + 8, "Q", 3))
            altered("the table is the root table", "used by", (IOMMU_INTERRUPTS, "Q", root))
            altered("the table outside", "outside the sealed tables", (IOMMU_INTERRUPTS, "Q", bundle.base))
            altered("the watchdog of another CPU", "sends to CPU 5", (WATCHDOG_CPU, "I", 0))
        else:
            place = root - bundle.base + 32 * 0x100 + 16
            control, = numbers(place, "Q")
            base = control & 0x000FFFFFFFFFFFC0
            expect(base == numbers(disk + DEVICE_TABLE, "Q")[0], f"the disk's entry is {control:#x}")
            table = base - bundle.base
            entry = lambda vector, cpu, mode=0, more=0: (1 | more | mode << 2 | (cpu & 0xFFFFFF) << 8, vector | cpu >> 24 << 56)
            altered("to a foreign CPU", "sends to CPU 2", (table, "QQ", *entry(48, 2)))
            altered("to a far CPU", f"sends to CPU {1 << 24 | 1}", (table, "QQ", *entry(48, 1 << 24 | 1)))
            altered("to several CPUs", "or to several", (table, "QQ", *entry(48, 1, more=1 << 6)))
            altered("posted", "or to several", (table, "QQ", *entry(48, 1, more=1 << 7)))
            altered("vector of an exception", "sends vector 0x1f", (table, "QQ", *entry(31, 1)))
            altered("as NMI", "as nmi", (table, "QQ", *entry(48, 1, mode=4)))
            altered("present", "is present before `alpha` runs", (table, "QQ", *entry(48, 1)))
            altered("present beyond its interrupts", "to which the manifest does not give it", (table + 16 * 100, "QQ", *entry(48, 1)))
            for what, bits in (("INIT", 1 << 56), ("ExtINT", 1 << 57), ("NMI", 1 << 58), ("LINT0", 1 << 62), ("LINT1", 1 << 63)):
                altered(f"{what} passes", "not all held", (place, "Q", control | bits))
                altered(f"{what} of nobody's device passes", "not all held", (place + 32, "Q", 1 | bits))
            altered("unmapped", "not all held", (place, "Q", control & ~(3 << 60) | 1 << 60))
            altered("not valid", "not all held", (place, "Q", control & ~1))
            altered("not valid, of nobody's device", "not all held", (place + 32, "Q", 0))
            altered("refused", "has 0 of its entries", (place, "Q", control & ~(3 << 60)))
            altered("too short", "has 64 of its entries", (place, "Q", control & ~0x1E | 6 << 1))
            altered("too long", "not all held", (place, "Q", control | 0x1E))
            altered("the card's table", "used by the interrupt table of requester", (place, "Q", control & ~0x000FFFFFFFFFFFC0 | numbers(card + DEVICE_TABLE, "Q")[0]))
            altered("nobody's device uses the table", "used by the interrupt table of requester", (place + 32, "Q", control))
            altered("the table outside", "outside the sealed tables", (place, "Q", control & ~0x000FFFFFFFFFFFC0 | bundle.base))
            altered("the kernel writes another table", "has 0 of its entries", (disk + DEVICE_TABLE, "Q", root))
        altered("the disk is beta's", "certificate and image differ in interrupts", (disk + PARTITION, "H", 1))
        other = copy.deepcopy(data)
        other["interrupts"][0].update(owner="beta", cpus=other["partitions"][1]["apic_ids"])
        bench.refused(*Image(image, other).altered([(disk + PARTITION, struct.pack("<H", 1))]), f"{kind}: the disk is beta's in both",
                      says="devices of `beta` reach")
        altered("the disk is nobody's", "has no owner", (disk + PARTITION, "H", 77))
        altered("the card calls itself the disk", "", (card + 32, "H", 0x100))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--septum", required=True)
    parser.add_argument("--recheck", required=True)
    parser.add_argument("--source", required=True, type=pathlib.Path)
    args = parser.parse_args()
    check_source(args.source / "recheck", args.recheck)

    random.seed(1)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        bench = Bench(args.recheck, folder)
        yaml = folder / "two.yaml"
        yaml.write_bytes((args.source / "tests/cli/fixtures/two.yaml").read_bytes())
        iso = folder / "two.iso"
        text = yaml.read_text().replace("  word: {from: left, to: right, size: 4 KiB}\n",
                                        "".join(f"  {c}: {{from: left, to: right, size: 2 MiB}}\n" for c in ("first", "second")))
        (folder / "adjoin.yaml").write_text(text)
        ahead = concurrent.futures.ThreadPoolExecutor(os.cpu_count())
        made = {kind: ahead.submit(with_devices, args, folder, kind) for kind in ("vt_d", "amd_vi")}
        made["adjoin"] = ahead.submit(make, args.septum, folder / "adjoin.yaml")
        image, certificate = make(args.septum, yaml)
        bench.keep(image)
        data = json.loads(certificate)
        board = pathlib.Path(args.septum).parent / "boards" / f"{data['appliance']['board']}.yaml"
        files = ("--appliance", str(yaml), "--board", str(board), "--tool", args.septum)

        good = bench.run(image, certificate, *files)
        expect(good.returncode == 0 and good.stdout.startswith("the certificate holds: 2 partitions"),
               f"the true certificate is refused: {good.stderr}")
        expect(bench.run(image, written(data)).returncode == 0, "another layout of the same certificate is refused")

        # Any wrong bit in the certificate.
        for at in random.sample(range(len(certificate)), 150):
            flipped = bytearray(certificate)
            flipped[at] ^= 1 << random.randrange(8)
            bench.refused(image, bytes(flipped), f"bit flipped in byte {at} of the certificate", (1, 2))
        # A forger who can seal.
        for path, value in leaves(data):
            if path == "seal":
                continue
            forged = written(with_change(data, path))
            if not FREE.match(path):
                bench.refused(image, forged, f"`{path}` forged from {value!r}", (1,) if path == "septum_certificate" else (1, 2))
            elif path.endswith("sha256"):
                bench.refused(image, forged, f"`{path}` forged", (2,), *files)
            elif path.endswith("verdict"):
                bench.refused(image, forged, f"`{path}` forged", (2,))
        for key in data:
            lacking = {k: v for k, v in data.items() if k != key}
            text = json.dumps(lacking, indent=2).encode() if key == "seal" else written(lacking)
            bench.refused(image, text, f"`{key}` left out", (1,))
        for index, partition in enumerate(data["partitions"]):
            for kind in ("memory", "ports", "msr_reads", "msr_writes", "apic_ids"):
                if partition[kind]:
                    other = copy.deepcopy(data)
                    del other["partitions"][index][kind][0]
                    bench.refused(image, written(other), f"the first of `{kind}` of `{partition['name']}` left out")
        for verdict in ("violated", "inconclusive", "disagreed", "not-judged", "unknown", ""):
            other = copy.deepcopy(data)
            other["properties"][7]["verdict"] = verdict
            bench.refused(image, written(other), f"a property is `{verdict}`")

        # Any wrong bit in the image.
        for at in random.sample(range(len(image)), 60):
            flipped = bytearray(image)
            flipped[at] ^= 1 << random.randrange(8)
            bench.refused(bytes(flipped), certificate, f"bit flipped in byte {at} of the image", (1, 2))
        # A forger who can mend every digest.
        inner = Image(image, data)
        same = bench.run(*inner.altered([]))
        expect(same.returncode == 0, f"mending the digests of an unaltered image spoils it: {same.stderr}")
        runs = [(int(m["hpa"], 16), int(m["hpa"], 16) + int(m["size"], 16)) for p in data["partitions"] for m in p["memory"]]
        mapping = list(inner.mapping_leaves(runs))
        expect(len(mapping) >= 4, f"only {len(mapping)} entries found that map memory")
        for offset, entry in random.sample(mapping, min(24, len(mapping))):
            for what, value in (("no longer present", entry & ~1), ("writable the other way", entry ^ 2),
                                ("executable the other way", entry ^ 1 << 63), ("moved", entry ^ 1 << 30),
                                ("uncached", entry ^ 1 << 4), ("not the guest's", entry & ~4)):
                bench.refused(*inner.altered([(offset, struct.pack("<Q", value))]), f"entry at {offset:#x} {what}")
        # The templates that make the processor use those tables (APM 2 appendix B): byte and bit.
        for what, at, bit in (("page tables", 0xB1, 4), ("port map", 0x41, 4), ("MSR map", 0x49, 4), ("ASID", 0x58, 0), ("nested paging", 0x90, 0),
                              ("port intercept", 0x0F, 3), ("MSR intercept", 0x0F, 4)):
            for template in inner.templates():
                new = bytes([image[inner.at + template + at] ^ 1 << bit])
                bench.refused(*inner.altered([(template + at, new)]), f"{what} of the template at {template:#x}", says="a VMCB template")
        # Channels of the same two that adjoin are one run of memory.
        adjoin, its = made["adjoin"].result()
        its = json.loads(its)
        places = sorted((int(c["base"], 16), int(c["size"], 16)) for c in its["channels"])
        expect(len(places) == 2 and sum(places[0]) == places[1][0], f"the two channels do not adjoin: {places}")
        good = bench.run(adjoin, written(its))
        expect(good.returncode == 0, f"channels that adjoin are refused: {good.stderr}")
        # Without a channel that the image has, or turned round, its memory is nobody's to share.
        two = Image(adjoin, its)
        first, count = struct.unpack_from("<II", adjoin, two.at + CHANNELS)
        for number in range(count):
            ends = struct.unpack_from("<HH", adjoin, two.at + first + 56 * number + 48)
            turned = copy.deepcopy(its)
            channel = turned["channels"][number]
            channel["from"], channel["to"] = channel["to"], channel["from"]
            bench.refused(*Image(adjoin, turned).altered([(first + 56 * number + 48, struct.pack("<HH", *reversed(ends)))]),
                          f"channel {number} turned round", says="which is no channel between them")
        # A range of the kernel that wraps is no range.
        base = struct.unpack_from("<Q", image, inner.at + KERNEL)[0]
        its = copy.deepcopy(data)
        next(k for k in its["kernel"] if k["name"] == "the kernel's image")["size"] = hex(2 ** 64 - base)
        bench.refused(*Image(image, its).altered([(KERNEL + 8, struct.pack("<Q", 2 ** 64 - base))]), "a kernel that wraps", says="wraps")
        # Another tree of files, or another record of a name, that GRUB would take.
        for what, edits in (("a second primary descriptor", [(17 * 2048, image[16 * 2048:17 * 2048])]),
                            ("a supplementary descriptor", [(17 * 2048, b"\2")])):
            bad = bytearray(image)
            for at, new in edits:
                bad[at:at + len(new)] = new
            its = copy.deepcopy(data)
            its["image"]["sha256"] = hashlib.sha256(bad).hexdigest()
            bench.refused(bytes(bad), written(its), what, (1,), says="two ISO 9660 file systems")
        # A disk and an archive, whose kernel and bundle are taken out of them.
        for suffix in ("img", "tar"):
            packed = folder / f"two.{suffix}"
            subprocess.run([args.septum, "build", str(yaml), "-o", str(packed)], check=True, capture_output=True, timeout=300)
            whole = packed.read_bytes()
            its = copy.deepcopy(data)  # the same but for the image's own digest and size
            its["image"].update(sha256=hashlib.sha256(whole).hexdigest(), size=len(whole))
            said = written(its)
            subprocess.run(["xorriso", "-osirrox", "on", "-indev", str(iso), "-extract", "/boot", str(folder / f"taken.{suffix}")], check=True,
                           capture_output=True, timeout=300)
            kernel, bundle = (folder / f"taken.{suffix}" / part for part in ("septum.elf", "appliance.sep"))
            taken = ("--kernel", str(kernel), "--bundle", str(bundle))
            good = bench.run(whole, said, *taken, *files)
            expect(good.returncode == 0, f"the certificate of two.{suffix} is refused: {good.stderr}")
            bench.refused(whole, said, f"two.{suffix} alone", (1,))
            bench.refused(whole, certificate, f"the ISO's certificate for two.{suffix}", (2,), *taken)
            bench.refused(whole, said, f"the two parts of two.{suffix} exchanged", (1,), "--kernel", str(bundle), "--bundle", str(kernel))
            changed_bundle = folder / f"changed.{suffix}"
            changed_bundle.write_bytes(bundle.read_bytes()[:-1] + b"x")
            bench.refused(whole, said, f"another bundle for two.{suffix}", (1,), "--kernel", str(kernel), "--bundle", str(changed_bundle))
        interrupts(bench, made)
        # No image, no certificate.
        for what, bytes_ in (("nothing", b""), ("text", b"hello\n"), ("half an image", image[:len(image) // 2]), ("noise", random.randbytes(100000))):
            other = copy.deepcopy(data)
            other["image"]["sha256"] = hashlib.sha256(bytes_).hexdigest()
            bench.refused(bytes_, written(other), f"{what} as an image", (1,))
            bench.refused(image, bytes_, f"{what} as a certificate", (1,))
        bench.refused(image, b"[" * 100000, "a deep certificate", (1,))
        bench.refused(image, b"{}", "an empty certificate", (1,))
        missing = subprocess.run([args.recheck, str(iso), str(folder / "none")], capture_output=True, text=True)
        expect(missing.returncode == 1 and "cannot read" in missing.stderr, "a missing certificate")
        usage = subprocess.run([args.recheck, str(iso)], capture_output=True, text=True)
        expect(usage.returncode == 64 and usage.stderr.startswith("usage: "), "one argument only")
        bench.finish()
        print(f"{bench.count} runs, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
