# SPDX-License-Identifier: Apache-2.0
"""An image whose tables say something else, with every digest mended: what a builder gone wrong, or a forger, would ship.
Only tests can make one; `septum` writes no image that is not proved. Offsets are those of septum/manifest/manifest.hpp."""

import hashlib
import struct

MAGIC = b"\x7fSEPTUM1"
SECTOR = 2048
AT_MANIFEST_DIGEST, AT_TABLES_DIGEST, AT_BUNDLE, AT_TABLES, AT_RECORDS = 16, 48, 144, 160, 288
PARTITION_SIZE, DEVICE_SIZE = 216, 104
ADDRESS = 0x000FFFFFFFFFF000
LEAF = 0x67  # present, writable, user, accessed, dirty
NO_EXECUTE = 1 << 63


class Forge:
    def __init__(self, image: bytes):
        self.image = bytearray(image)
        starts = []
        at = image.find(MAGIC)
        while at >= 0:
            if at % SECTOR == 0:
                starts.append(at)
            at = image.find(MAGIC, at + 1)
        if len(starts) != 1:
            raise ValueError(f"{len(starts)} bundles in this image")
        self.at = starts[0]
        self.manifest_size, = self._get("<I", 12)
        self.size, self.base = self._get("<QQ", AT_BUNDLE)
        self.tables, self.tables_size = self._get("<II", AT_TABLES)
        self.free = None
        _, partitions = (self._get("<II", AT_RECORDS + 8 * n) for n in range(2))
        self.partitions = {}
        for n in range(partitions[1]):
            record = partitions[0] + PARTITION_SIZE * n
            name = self._get("32s", record)[0].rstrip(b"\0").decode()
            keys = ("npt", "iopm", "msrpm", "vmcb_boot", "vmcb_ap")
            self.partitions[name] = dict(zip(keys, self._get("<5Q", record + 64)))

    def _get(self, form: str, offset: int):
        return struct.unpack_from(form, self.image, self.at + offset)

    def word(self, host: int) -> int:
        return self._get("<Q", host - self.base)[0]

    def put(self, host: int, value: int) -> None:
        struct.pack_into("<Q", self.image, self.at + host - self.base, value)

    def clear_bit(self, host: int, bit: int) -> None:
        self.image[self.at + host - self.base + bit // 8] &= ~(1 << bit % 8) & 0xFF

    def walk(self, partition: str, gpa: int):
        """The levels of the walk, top first: (level, host-physical address of the entry, entry)."""
        table = self.partitions[partition]["npt"]
        for level in (4, 3, 2, 1):
            at = table + 8 * (gpa >> (12 + 9 * (level - 1)) & 511)
            entry = self.word(at)
            yield level, at, entry
            if not entry & 1 or level == 1 or entry & 0x80:
                return
            table = entry & ADDRESS

    def host_of(self, partition: str, gpa: int) -> int:
        level, _, entry = list(self.walk(partition, gpa))[-1]
        if not entry & 1:
            raise ValueError(f"{partition} maps nothing at {gpa:#x}")
        size = 4096 << 9 * (level - 1)
        return (entry & ADDRESS & ~(size - 1)) + gpa % size

    def map(self, partition: str, gpa: int, host: int, rights: int = LEAF | NO_EXECUTE) -> None:
        """Lets the last level that there is for `gpa` lead to `host`: the entry's whole page."""
        level, at, _ = list(self.walk(partition, gpa))[-1]
        if level > 2:
            raise ValueError(f"{partition} has no table for {gpa:#x}")
        size = 4096 << 9 * (level - 1)
        self.put(at, host & ~(size - 1) & ADDRESS | rights | (0x80 if level == 2 else 0))

    def grant_port(self, partition: str, port: int) -> None:
        self.clear_bit(self.partitions[partition]["iopm"], port)

    def grant_msr(self, partition: str, msr: int, write: bool) -> None:
        offset = {0: 0, 0xC0000: 0x800, 0xC0010: 0x1000}[msr >> 12 & ~1]
        self.clear_bit(self.partitions[partition]["msrpm"] + offset, (msr & 0x1FFF) * 2 + write)

    def drop_intercept(self, partition: str, bit: int) -> None:
        for template in ("vmcb_boot", "vmcb_ap"):
            self.clear_bit(self.partitions[partition][template], bit)

    def sealed(self) -> bytes:
        """The image with all digests made to fit."""
        at, tables = self.at, self.at + self.tables
        self.image[at + AT_TABLES_DIGEST:at + AT_TABLES_DIGEST + 32] = hashlib.sha256(self.image[tables:tables + self.tables_size]).digest()
        self.image[at + AT_MANIFEST_DIGEST:at + AT_MANIFEST_DIGEST + 32] = bytes(32)
        own = hashlib.sha256(self.image[at:at + self.manifest_size]).digest()
        self.image[at + AT_MANIFEST_DIGEST:at + AT_MANIFEST_DIGEST + 32] = own
        return bytes(self.image)
