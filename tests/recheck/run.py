#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""septum-recheck: small, apart from the rest, and not to be fooled.

Makes an image and its certificate with septum, then alters either in every way that could matter, with and without
mending the digests and the seal, and expects an error and the right exit code each time.
"""

import argparse
import hashlib
import json
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile

LIMIT = 1500  # lines that are neither blank nor comment
MAGIC = struct.pack("<Q", 0x314D55545045537F)
# In the manifest's header (septum/manifest/manifest.hpp).
MANIFEST_SIZE, MANIFEST_DIGEST, TABLES_DIGEST, TABLES = 12, 16, 48, 160
KERNEL, CHANNELS = 168, 320  # the kernel's place; the table of channels, of 56 bytes each
# What a certificate says beside what can be checked against an image.
FREE = re.compile(r"^(tool\.(name|sha256)|appliance\.(sha256|board_sha256)|outside\[\d+\]|properties\[\d+\]\.(id|level|reason|verdict))$")

failures = []


def expect(good: bool, what: str) -> None:
    if not good:
        failures.append(what)
        print("FAILED:", what)


class Bench:
    def __init__(self, septum: str, recheck: str, folder: pathlib.Path):
        self.septum, self.recheck, self.folder = septum, recheck, folder
        self.count = 0

    def run(self, image: bytes, certificate: bytes, *options: str):
        (self.folder / "image").write_bytes(image)
        (self.folder / "certificate").write_bytes(certificate)
        self.count += 1
        return subprocess.run([self.recheck, str(self.folder / "image"), str(self.folder / "certificate"), *options],
                              capture_output=True, text=True, timeout=60)

    def refused(self, image: bytes, certificate: bytes, what: str, codes=(2,), *options: str) -> str:
        done = self.run(image, certificate, *options)
        expect(done.returncode in codes, f"{what}: exit code {done.returncode}, expected {codes}: {done.stderr[:300]}")
        expect(done.stderr.startswith("error: "), f"{what}: no error message, but {done.stderr[:300]!r}")
        expect(done.stdout == "", f"{what}: something on standard output")
        return done.stderr


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
    copy = json.loads(json.dumps(data))
    at = copy
    keys = re.findall(r"[^.\[\]]+", path)
    for key in keys[:-1]:
        at = at[int(key)] if isinstance(at, list) else at[key]
    last = int(keys[-1]) if isinstance(at, list) else keys[-1]
    at[last] = changed(at[last])
    return copy


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
        data = json.loads(json.dumps(self.certificate))
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
        bench = Bench(args.septum, args.recheck, folder)
        yaml = folder / "two.yaml"
        yaml.write_bytes((args.source / "tests/cli/fixtures/two.yaml").read_bytes())
        iso, certificate_file = folder / "two.iso", folder / "two.json"
        for command in ([args.septum, "build", str(yaml), "-o", str(iso)],
                        [args.septum, "verify", str(yaml), str(iso), "--certificate", str(certificate_file)]):
            subprocess.run(command, check=True, capture_output=True, timeout=300)
        image, certificate = iso.read_bytes(), certificate_file.read_bytes()
        data = json.loads(certificate)
        board = pathlib.Path(args.septum).parent / "boards" / f"{data['appliance']['board']}.yaml"
        files = ("--appliance", str(yaml), "--board", str(board), "--tool", args.septum)

        good = bench.run(image, certificate, *files)
        expect(good.returncode == 0 and good.stdout.startswith("the certificate holds: 2 partitions"),
               f"the true certificate is refused: {good.stderr}")
        expect(bench.run(image, written(data)).returncode == 0, "another layout of the same certificate is refused")

        # Any wrong bit in the certificate.
        for at in random.sample(range(len(certificate)), 300):
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
                    copy = json.loads(json.dumps(data))
                    del copy["partitions"][index][kind][0]
                    bench.refused(image, written(copy), f"the first of `{kind}` of `{partition['name']}` left out")
        for verdict in ("violated", "inconclusive", "disagreed", "not-judged", "unknown", ""):
            copy = json.loads(json.dumps(data))
            copy["properties"][7]["verdict"] = verdict
            bench.refused(image, written(copy), f"a property is `{verdict}`")

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
        for offset, entry in random.sample(mapping, min(40, len(mapping))):
            for what, value in (("no longer present", entry & ~1), ("writable the other way", entry ^ 2),
                                ("executable the other way", entry ^ 1 << 63), ("moved", entry ^ 1 << 30),
                                ("uncached", entry ^ 1 << 4), ("not the guest's", entry & ~4)):
                bench.refused(*inner.altered([(offset, struct.pack("<Q", value))]), f"entry at {offset:#x} {what}")
        # The templates that make the processor use those tables (APM 2 appendix B): byte and bit.
        for what, at, bit in (("page tables", 0xB1, 4), ("port map", 0x41, 4), ("MSR map", 0x49, 4), ("ASID", 0x58, 0), ("nested paging", 0x90, 0),
                              ("port intercept", 0x0F, 3), ("MSR intercept", 0x0F, 4)):
            for template in inner.templates():
                new = bytes([image[inner.at + template + at] ^ 1 << bit])
                said = bench.refused(*inner.altered([(template + at, new)]), f"{what} of the template at {template:#x}")
                expect("VMCB template" in said, f"{what} of the template at {template:#x}: {said}")
        # Channels of the same two that adjoin are one run of memory.
        text = yaml.read_text().replace("  word: {from: left, to: right, size: 4 KiB}\n",
                                        "".join(f"  {c}: {{from: left, to: right, size: 2 MiB}}\n" for c in ("first", "second")))
        (folder / "adjoin.yaml").write_text(text)
        for command in ([args.septum, "build", str(folder / "adjoin.yaml"), "-o", str(folder / "adjoin.iso")],
                        [args.septum, "verify", str(folder / "adjoin.yaml"), str(folder / "adjoin.iso"), "--certificate",
                         str(folder / "adjoin.json")]):
            subprocess.run(command, check=True, capture_output=True, timeout=300)
        adjoin, its = (folder / "adjoin.iso").read_bytes(), json.loads((folder / "adjoin.json").read_text())
        places = sorted((int(c["base"], 16), int(c["size"], 16)) for c in its["channels"])
        expect(len(places) == 2 and sum(places[0]) == places[1][0], f"the two channels do not adjoin: {places}")
        good = bench.run(adjoin, written(its))
        expect(good.returncode == 0, f"channels that adjoin are refused: {good.stderr}")
        # Without a channel that the image has, or turned round, its memory is nobody's to share.
        two = Image(adjoin, its)
        first, count = struct.unpack_from("<II", adjoin, two.at + CHANNELS)
        for number in range(count):
            ends = struct.unpack_from("<HH", adjoin, two.at + first + 56 * number + 48)
            its["channels"][number]["from"], its["channels"][number]["to"] = its["channels"][number]["to"], its["channels"][number]["from"]
            said = bench.refused(*two.altered([(first + 56 * number + 48, struct.pack("<HH", *reversed(ends)))]), f"channel {number} turned round")
            expect("which is no channel between them" in said, f"channel {number} turned round: {said}")
            its["channels"][number]["from"], its["channels"][number]["to"] = its["channels"][number]["to"], its["channels"][number]["from"]
        # A range of the kernel that wraps is no range.
        base = struct.unpack_from("<Q", image, inner.at + KERNEL)[0]
        its = json.loads(json.dumps(data))
        next(k for k in its["kernel"] if k["name"] == "the kernel's image")["size"] = hex(2 ** 64 - base)
        said = bench.refused(*Image(image, its).altered([(KERNEL + 8, struct.pack("<Q", 2 ** 64 - base))]), "a kernel that wraps")
        expect("wraps" in said, f"a kernel that wraps: {said}")
        # Another tree of files, or another record of a name, that GRUB would take.
        for what, edits in (("a second primary descriptor", [(17 * 2048, image[16 * 2048:17 * 2048])]),
                            ("a supplementary descriptor", [(17 * 2048, b"\2")])):
            bad = bytearray(image)
            for at, new in edits:
                bad[at:at + len(new)] = new
            its = json.loads(json.dumps(data))
            its["image"]["sha256"] = hashlib.sha256(bad).hexdigest()
            said = bench.refused(bytes(bad), written(its), what, (1,))
            expect("two ISO 9660 file systems" in said, f"{what}: {said}")
        # A disk and an archive, whose kernel and bundle are taken out of them.
        for suffix in ("img", "tar"):
            other, its = folder / f"two.{suffix}", folder / f"{suffix}.json"
            for command in ([args.septum, "build", str(yaml), "-o", str(other)],
                            [args.septum, "verify", str(yaml), str(other), "--certificate", str(its)],
                            ["xorriso", "-osirrox", "on", "-indev", str(iso), "-extract", "/boot", str(folder / f"taken.{suffix}")]):
                subprocess.run(command, check=True, capture_output=True, timeout=300)
            kernel, bundle = (folder / f"taken.{suffix}" / part for part in ("septum.elf", "appliance.sep"))
            taken = ("--kernel", str(kernel), "--bundle", str(bundle))
            whole, said = other.read_bytes(), its.read_bytes()
            good = bench.run(whole, said, *taken, *files)
            expect(good.returncode == 0, f"the certificate of two.{suffix} is refused: {good.stderr}")
            bench.refused(whole, said, f"two.{suffix} alone", (1,))
            bench.refused(whole, certificate, f"the ISO's certificate for two.{suffix}", (2,), *taken)
            bench.refused(whole, said, f"the two parts of two.{suffix} exchanged", (1,), "--kernel", str(bundle), "--bundle", str(kernel))
            changed_bundle = folder / "changed"
            changed_bundle.write_bytes(bundle.read_bytes()[:-1] + b"x")
            bench.refused(whole, said, f"another bundle for two.{suffix}", (1,), "--kernel", str(kernel), "--bundle", str(changed_bundle))
        # No image, no certificate.
        for what, bytes_ in (("nothing", b""), ("text", b"hello\n"), ("half an image", image[:len(image) // 2]), ("noise", random.randbytes(100000))):
            copy = json.loads(json.dumps(data))
            copy["image"]["sha256"] = hashlib.sha256(bytes_).hexdigest()
            bench.refused(bytes_, written(copy), f"{what} as an image", (1,))
            bench.refused(image, bytes_, f"{what} as a certificate", (1,))
        bench.refused(image, b"[" * 100000, "a deep certificate", (1,))
        bench.refused(image, b"{}", "an empty certificate", (1,))
        missing = subprocess.run([args.recheck, str(iso), str(folder / "none")], capture_output=True, text=True)
        expect(missing.returncode == 1 and "cannot read" in missing.stderr, "a missing certificate")
        usage = subprocess.run([args.recheck, str(iso)], capture_output=True, text=True)
        expect(usage.returncode == 64 and usage.stderr.startswith("usage: "), "one argument only")
        print(f"{bench.count} runs, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
