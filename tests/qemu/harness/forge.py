# SPDX-License-Identifier: Apache-2.0
"""An image whose bundle says something else, with every digest mended: what a builder gone wrong, or a forger, would ship.
Only tests can make one; `septum` writes no image that is not proved. Offsets are those of septum/manifest/manifest.hpp."""

import hashlib
import struct

MAGIC = b"\x7fSEPTUM1"
SECTOR = 2048
AT_MANIFEST_DIGEST, AT_TABLES_DIGEST, AT_BUNDLE, AT_TABLES, AT_RECORDS, AT_IOMMU = 16, 48, 144, 160, 288, 400
# The record tables in the header's order, and the size of one record.
RECORDS = {"cpus": 16, "partitions": 216, "regions": 32, "payloads": 24, "channels": 56, "ports": 8, "msrs": 24, "cpuid": 48,
           "facts": 64, "ram": 16, "devices": 104, "bars": 32, "pci_registers": 20, "bridges": 40}
AT_PAYLOADS, AT_PAYLOAD_DIGEST = 144, 184  # in a partition's record: the slice of its payloads, and their digest
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
        self.tables_of = {name: self._get("<II", AT_RECORDS + 8 * n) for n, name in enumerate(RECORDS)}
        self.partitions = {}
        for n in range(self.count("partitions")):
            record = self.record("partitions", n)
            name = self.get("32s", record).rstrip(b"\0").decode()
            keys = ("npt", "iopm", "msrpm", "vmcb_boot", "vmcb_ap")
            self.partitions[name] = {"record": record, **dict(zip(keys, self._get("<5Q", record + 64)))}

    def _get(self, form: str, offset: int):
        return struct.unpack_from(form, self.image, self.at + offset)

    def get(self, form: str, offset: int):
        """One field, `offset` bytes from the start of the bundle."""
        return self._get(form, offset)[0]

    def set(self, form: str, offset: int, value: int) -> None:
        struct.pack_into(form, self.image, self.at + offset, value)

    def count(self, table: str) -> int:
        return self.tables_of[table][1]

    def record(self, table: str, number: int) -> int:
        """The offset of a record in the bundle."""
        first, count = self.tables_of[table]
        if number >= count:
            raise ValueError(f"{count} records in `{table}`, none with number {number}")
        return first + RECORDS[table] * number

    def slice(self, table: str, at: int) -> list[int]:
        """The offsets of the records that the slice at `at` names."""
        first, count = self._get("<II", at)
        return [self.record(table, first + n) for n in range(count)]

    def device(self) -> int:
        """The record of the one function of the board that a partition owns."""
        real = [at for at in (self.record("devices", n) for n in range(self.count("devices"))) if self.get("<H", at + 32) != 0xFFFF]
        if len(real) != 1:
            raise ValueError(f"{len(real)} functions with an owner, expected one")
        return real[0]

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

    def map_dma(self, address: int, host: int) -> None:
        """VT-d: lets what the one device calls `address` lead to `host`: the entry's whole page (VT-d §9.1, §9.3, §9.8)."""
        root, = self._get("<Q", AT_IOMMU + 56)
        requester = self.get("<H", self.device() + 32)
        context = (self.word(root + 16 * (requester >> 8)) & ADDRESS) + 16 * (requester & 0xFF)
        table, level = self.word(context) & ADDRESS, (self.word(context + 8) & 7) + 2
        while True:
            at = table + 8 * (address >> (12 + 9 * (level - 1)) & 511)
            entry = self.word(at)
            if level == 1 or entry & 0x80 or not entry & 3:
                break
            table, level = entry & ADDRESS, level - 1
        if level > 2:
            raise ValueError(f"no table of the IOMMU for {address:#x}")
        self.put(at, host & ~((4096 << 9 * (level - 1)) - 1) & ADDRESS | 3 | (0x80 if level == 2 else 0))

    def put_interrupt(self, handle: int, apic_id: int, vector: int) -> None:
        """VT-d: a present entry that anybody may use: fixed delivery, source not looked at (VT-d §9.10)."""
        table, entries = self._get("<QQ", AT_IOMMU + 64)
        if handle >= entries:
            raise ValueError(f"the interrupt table has {entries} entries")
        self.put(table + 16 * handle, apic_id << 32 | vector << 16 | 1)
        self.put(table + 16 * handle + 8, 0)

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
        for partition in self.partitions.values():
            own = hashlib.sha256()
            for payload in self.slice("payloads", partition["record"] + AT_PAYLOADS):
                offset, size = self._get("<II", payload)
                own.update(self.image[at + offset:at + offset + size])
            place = at + partition["record"] + AT_PAYLOAD_DIGEST
            self.image[place:place + 32] = own.digest()
        self.image[at + AT_TABLES_DIGEST:at + AT_TABLES_DIGEST + 32] = hashlib.sha256(self.image[tables:tables + self.tables_size]).digest()
        self.image[at + AT_MANIFEST_DIGEST:at + AT_MANIFEST_DIGEST + 32] = bytes(32)
        own = hashlib.sha256(self.image[at:at + self.manifest_size]).digest()
        self.image[at + AT_MANIFEST_DIGEST:at + AT_MANIFEST_DIGEST + 32] = own
        return bytes(self.image)
