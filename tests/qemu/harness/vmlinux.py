# SPDX-License-Identifier: Apache-2.0
"""The ELF inside a bzImage (Linux x86 boot protocol: payload_offset, payload_length), which has the PVH entry."""

import gzip
import lzma
import pathlib
import shutil
import struct
import subprocess

from harness.machine import Failure, Skip

ELF = b"\x7fELF"


def _tool(command: list[str], packed: bytes) -> bytes:
    if shutil.which(command[0]) is None:
        raise Skip(f"the kernel is packed with {command[0]}, which is not installed")
    return subprocess.run(command, input=packed, capture_output=True, check=False).stdout


def _unpack(packed: bytes) -> bytes:
    if packed.startswith(b"\x1f\x8b"):
        return gzip.decompress(packed)
    if packed.startswith(b"\xfd7zXZ"):
        return lzma.LZMADecompressor().decompress(packed)
    if packed.startswith(b"\x02\x21\x4c\x18"):
        return _tool(["lz4", "-dcq"], packed)
    if packed.startswith(b"\x28\xb5\x2f\xfd"):
        return _tool(["zstd", "-dcq"], packed)
    raise Failure(f"the kernel is packed in a way that is not known here: {packed[:4].hex()}")


def extract(bzimage: pathlib.Path, elf: pathlib.Path) -> pathlib.Path:
    """Writes the ELF, whole or not at all."""
    image = bzimage.read_bytes()
    setup_sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    begin = (setup_sectors + 1) * 512 + offset
    size = struct.unpack_from("<I", image, begin + length - 4)[0]  # of the ELF, behind the packed bytes
    unpacked = _unpack(image[begin : begin + length - 4])
    if not unpacked.startswith(ELF) or len(unpacked) != size:
        raise Failure(f"{bzimage.name} holds no ELF: expected {size} bytes, found {len(unpacked)} that begin {unpacked[:4].hex()}")
    new = elf.with_suffix(".new")
    new.write_bytes(unpacked)
    new.replace(elf)
    return elf
