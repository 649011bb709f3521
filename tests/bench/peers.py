# SPDX-License-Identifier: Apache-2.0
"""The same guest, exits.elf, on the bare machine, in a partition and under KVM, all in the same emulator: what an exit costs in each."""

import pathlib
import re

from figures import Figure, absent, at_most, plain
from harness.machine import Machine, Run

# Every case counts instructions: shift=0 makes a tick of the time-stamp counter one instruction.
ICOUNT = ("-icount", "shift=0,sleep=off")
DONE = r"exits: done"
SAID = re.compile(r"exits: ([a-z-]+) (\d+) (\d+)\s*$")
KVM_GOAL = 1 / 20  # of KVM's instructions for the same exit


def medians(machine: Machine, image: str, seconds: float) -> dict[str, int]:
    with Run(machine, image) as run:
        run.wait(DONE, seconds)
        found = (SAID.search(line.text) for line in run.console.lines)
        return {said.group(1): int(said.group(3)) for said in found if said}


def bare(machine: Machine, payloads: pathlib.Path) -> dict[str, int]:
    return medians(machine.but(extra=(*ICOUNT, "-kernel", str(payloads / "exits.elf"))), "", 60)


def partition(machine: Machine, image: pathlib.Path) -> dict[str, int]:
    return medians(machine.but(extra=ICOUNT), str(image), 180)


def kvm(machine: Machine, payloads: pathlib.Path) -> dict[str, int]:
    """Linux on the emulated machine, with KVM; its user-space side is kvm-runner."""
    extra = (*ICOUNT, "-kernel", str(payloads / "vmlinuz-cloud"), "-initrd", str(payloads / "kvm.cpio.gz"), "-append", "console=ttyS0 quiet")
    return medians(machine.but(extra=extra, cpus=1), "", 400)


def compare(machine: Machine, image: pathlib.Path, payloads: pathlib.Path) -> list[Figure]:
    ours, alone, theirs = partition(machine, image), bare(machine, payloads), kvm(machine, payloads)
    figures = []
    for name in ("cpuid", "msr", "port"):
        what = f"exit: {name}, partition / KVM"
        if name not in ours or name not in theirs:
            figures.append(absent(what, "", "a guest did not say"))
            continue
        ratio = ours[name] / theirs[name]
        if name == "cpuid":
            figures.append(Figure(what, "<= 1/20", f"1/{1 / ratio:.1f} ({ours[name]:,} / {theirs[name]:,})", ratio <= KVM_GOAL))
        else:
            figures.append(plain(what, f"1/{1 / ratio:.1f} ({ours[name]:,} / {theirs[name]:,})"))
    what = "timer and HLT: partition / bare"
    if "timer-wake" in ours and "timer-wake" in alone:
        figures.append(at_most(what, ours["timer-wake"] / alone["timer-wake"], 1.0, "", 2))
    else:
        figures.append(absent(what, "<= 1", "a guest did not say"))
    return figures
