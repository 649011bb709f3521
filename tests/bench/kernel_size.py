# SPDX-License-Identifier: Apache-2.0
"""How large the kernel is: source lines that stay after launch, resident text, memory."""

import pathlib
import struct

SUFFIXES = {".cpp", ".hpp", ".S", ".ld"}
BOOT_ONLY = 0x0010_0000  # septum/manifest/layout.hpp: kSegmentBootOnly


def code_lines(text: str) -> int:
    """Lines that hold more than white space and comments (`//` and `/* */`; no string in the kernel holds either)."""
    count, inside = 0, False
    for line in text.splitlines():
        code = ""
        while line:
            if inside:
                end = line.find("*/")
                inside, line = end < 0, "" if end < 0 else line[end + 2:]
                continue
            starts = [at for at in (line.find("//"), line.find("/*")) if at >= 0]
            if not starts:
                code, line = code + line, ""
            else:
                at = min(starts)
                code += line[:at]
                inside = line[at + 1] == "*"
                line = line[at + 2:] if inside else ""
        count += bool(code.strip())
    return count


def source_lines(kernel: pathlib.Path) -> tuple[int, int]:
    """After launch, and in boot/."""
    resident = boot = 0
    for path in sorted(kernel.rglob("*")):
        if path.suffix in SUFFIXES and path.is_file():
            lines = code_lines(path.read_text())
            if path.relative_to(kernel).parts[0] == "boot":
                boot += lines
            else:
                resident += lines
    return resident, boot


def segments(elf: bytes) -> list[tuple[int, int, int]]:
    """Flags, file size and memory size of each PT_LOAD segment."""
    table, = struct.unpack_from("<Q", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 54)
    found = []
    for n in range(count):
        kind, flags, _, _, _, in_file, in_memory, _ = struct.unpack_from("<IIQQQQQQ", elf, table + n * size)
        if kind == 1:
            found.append((flags, in_file, in_memory))
    return found


def resident_text(elf: bytes) -> int:
    """Bytes of the executable segments that stay after launch."""
    return sum(memory for flags, _, memory in segments(elf) if flags & 1 and not flags & BOOT_ONLY)


def resident_memory(elf: bytes) -> int:
    """Bytes of memory of the segments that stay after launch, in whole pages."""
    return sum(-(-memory // 4096) * 4096 for flags, _, memory in segments(elf) if not flags & BOOT_ONLY)
