# SPDX-License-Identifier: Apache-2.0
"""The probe partition's list of things to touch, written into its ELF file."""

import re
import struct
from dataclasses import dataclass

MAGIC = struct.pack("<Q", 0x7E601A570B0E5EED)
MOST = 512  # partitions/probe/main.cpp: kSteps
READ, WRITE, IN, OUT, READ_MSR, WRITE_MSR, CPUID, WAIT, EXECUTE, CALL, LISTEN, REWRITE_MSR = range(1, 13)


@dataclass(frozen=True)
class Step:
    op: int
    address: int
    value: int = 0
    life: int = 0
    width: int = 1  # bytes of an access to memory or a port: 1, 4 or 8


def scripted(elf: bytes, steps: list[Step]) -> bytes:
    """The probe with these steps."""
    at = elf.find(MAGIC)
    if at < 0 or elf.find(MAGIC, at + 1) >= 0:
        raise ValueError("the probe's list is not where it was: see partitions/probe/main.cpp")
    if len(steps) > MOST:
        raise ValueError(f"{len(steps)} steps do not fit into the probe, at most {MOST} do")
    out = bytearray(elf)
    struct.pack_into("<Q", out, at + 8, len(steps))
    for n, step in enumerate(steps):
        struct.pack_into("<HHIQQ", out, at + 16 + 24 * n, step.op, step.width, step.life, step.address, step.value)
    return bytes(out)


def answers(text: str, name: str) -> dict[int, int | str]:
    """What the probe in partition `name` said of each step: a number, or "exception N"; steps that did not end are left out. A line
    that rests half-said is broken for another's, so that what was said is looked at as a whole."""
    found: dict[int, int | str] = {}
    said = "".join(re.findall(rf"^ *\d+\.\d+  \[{name}\] (.*)$", text, re.MULTILINE))
    for number, value in re.findall(r"step (\d+) (gives 0x[0-9a-f]+|takes exception \d+)", said):
        found[int(number)] = int(value.split()[1], 16) if value.startswith("gives") else "exception " + value.split()[2]
    return found
