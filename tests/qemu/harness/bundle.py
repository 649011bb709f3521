# SPDX-License-Identifier: Apache-2.0
"""Where things lie in a finished image, so that a test can alter exactly one of them. Reads only what
septum/manifest/manifest.hpp states and the ELF header; it proves nothing."""

import struct
from dataclasses import dataclass

MAGIC = b"\x7fSEPTUM1"
VERSION = 2
SECTOR = 2048  # files in an ISO begin on these
PAGE = 4096
BOOT_ONLY = 0x0010_0000  # septum/manifest/layout.hpp: kSegmentBootOnly
PT_LOAD, PF_X = 1, 1


@dataclass(frozen=True)
class Place:
    """A stretch of the image file."""

    offset: int
    size: int

    @property
    def middle(self) -> int:
        return self.offset + self.size // 2


@dataclass(frozen=True)
class Bundle:
    offset: int
    size: int
    manifest: Place
    tables: Place
    payloads: tuple[Place, ...]
    kernel_text: Place
    workspace_size: int
    kernel_base: int
    kernel_size: int  # bytes of memory
    cpu_ids: tuple[int, ...]  # APIC ids, in CPU order
    cpu_blocks: tuple[int, ...]  # host-physical, in CPU order
    cpu_partitions: tuple[int, ...]
    partition_names: tuple[str, ...]


# manifest::Header, as far as the tests need it: offsets in bytes.
AT_BUNDLE, AT_TABLES, AT_KERNEL, AT_WORKSPACE, AT_NAME, AT_RECORDS = 144, 160, 168, 184, 224, 288
HEADER_SIZE = 552


def find(image: bytes) -> Bundle:
    at = _find_header(image)
    manifest_size, = struct.unpack_from("<I", image, at + 12)
    size, base = struct.unpack_from("<QQ", image, at + AT_BUNDLE)
    tables_offset, tables_size = struct.unpack_from("<II", image, at + AT_TABLES)
    kernel_base, kernel_size = struct.unpack_from("<QQ", image, at + AT_KERNEL)
    _, workspace_size = struct.unpack_from("<QQ", image, at + AT_WORKSPACE)
    cpus, partitions, _, payloads = (struct.unpack_from("<II", image, at + AT_RECORDS + 8 * n) for n in range(4))
    if cpus[0] != HEADER_SIZE or tables_offset != manifest_size:
        raise ValueError("the manifest's header is not laid out as this harness reads it: see septum/manifest/manifest.hpp")
    places, ids, blocks, owners, names = [], [], [], [], []
    for n in range(payloads[1]):
        offset, length = struct.unpack_from("<II", image, at + payloads[0] + 24 * n)
        places.append(Place(at + offset, length))
    for n in range(cpus[1]):
        apic_id, owner, _, block = struct.unpack_from("<IHHQ", image, at + cpus[0] + 16 * n)
        ids.append(apic_id)
        blocks.append(block)
        owners.append(owner)
    for n in range(partitions[1]):
        raw, = struct.unpack_from("32s", image, at + partitions[0] + 216 * n)
        names.append(raw.rstrip(b"\0").decode())
    return Bundle(at, size, Place(at, manifest_size), Place(at + tables_offset, tables_size), tuple(places),
                  _kernel_text(image, range(at, at + size), range(kernel_base, kernel_base + kernel_size)),
                  workspace_size, kernel_base, kernel_size, tuple(ids), tuple(blocks), tuple(owners), tuple(names))


def _find_header(image: bytes) -> int:
    at = image.find(MAGIC)
    while at >= 0:
        version, manifest_size = struct.unpack_from("<II", image, at + 8)
        if at % SECTOR == 0 and version == VERSION and manifest_size and manifest_size % PAGE == 0:
            return at
        at = image.find(MAGIC, at + 1)
    raise ValueError("no Septum bundle in this image")


def _kernel_text(image: bytes, bundle: range, memory: range) -> Place:
    """The resident executable segment of the one ELF file outside the bundle that lies in the kernel's memory."""
    at = image.find(b"\x7fELF\x02\x01")
    while at >= 0:
        if at % SECTOR == 0 and at not in bundle:
            table, = struct.unpack_from("<Q", image, at + 32)
            entry_size, count = struct.unpack_from("<HH", image, at + 54)
            for n in range(count):
                kind, flags, offset, _, address, size = struct.unpack_from("<IIQQQQ", image, at + table + n * entry_size)
                if kind == PT_LOAD and flags & PF_X and not flags & BOOT_ONLY and address in memory:
                    return Place(at + offset, size)
        at = image.find(b"\x7fELF\x02\x01", at + 1)
    raise ValueError("no kernel in this image")


def flipped(image: bytes, offset: int, bit: int = 0) -> bytes:
    """The image with one bit the other way."""
    changed = bytearray(image)
    changed[offset] ^= 1 << bit
    return bytes(changed)
