# SPDX-License-Identifier: Apache-2.0
"""The attacks of docs/attacks.md, each held against its expectation, with two witnesses beside them.

An appliance is made for each part: four CPUs, two of them the witnesses'."""

import os
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from harness import attacks, witness
from harness.images import Workshop
from harness.machine import X2APIC, XAPIC, Console, Failure, Line, Machine, Run, needs_x2apic, qemu_version

KERNEL_GAVE_UP = ("septum: refused", "septum: halted", "septum: exception")

HEAD = """\
# Made by tests/qemu/cases/attack.py: attackers and two witnesses.
septum: 1
name: attack
board: {board}
partitions:
  witness-a: {{cpus: 1, memory: 8 MiB, boot: {{elf: witness.elf}}, console: true}}
  witness-b: {{cpus: 1, memory: 8 MiB, boot: {{elf: witness.elf}}, console: true}}
"""
ATTACKER = """\
  {name}:
    cpus: {cpus}
    memory: 16 MiB
    boot: {{elf: attacker.elf}}
    console: true
    on_fault: {{action: restart, attempts: 1000}}
"""
CHANNELS = """\
channels:
  talk-ab: {{from: witness-a, to: witness-b, size: 64 KiB, doorbell: true}}
  talk-ba: {{from: witness-b, to: witness-a, size: 64 KiB, doorbell: true}}
  rumour: {{from: {first}, to: witness-a, size: 64 KiB, doorbell: true}}
  news: {{from: witness-a, to: {first}, size: 64 KiB}}
"""


@dataclass(frozen=True)
class Part:
    """Which areas are tried at once: one attacker for each name; the first has the two channels."""

    attackers: tuple[str, ...]
    cpus: int        # of each attacker
    seconds: float   # bound on the whole run
    what: str
    machine: Machine | None = None  # another than boards qemu-q35 and qemu-q35-xapic describe
    board: str = ""
    device: str = ""                # that each attacker owns, in the board file's word
    said: tuple[str, ...] = ()      # lines that must be there


# What the board file qemu-q35-devices describes, with nothing behind disk and card.
DEVICES = Machine(
    iommu="intel-iommu,intremap=on,eim=on,aw-bits=39",
    devices=("pcie-root-port,id=port1,bus=pcie.0,addr=2,chassis=1", "pcie-root-port,id=port2,bus=pcie.0,addr=3,chassis=2",
             "edu,bus=pcie.0,addr=5", "nvme,bus=port1,drive=disk0,serial=septum",
             "virtio-net-pci,bus=port2,netdev=net0,disable-legacy=on,iommu_platform=on"),
    extra=("-blockdev", "null-co,node-name=disk0,size=67108864,read-zeroes=on", "-netdev", "user,id=net0,restrict=on"))

PARTS = {
    "attack.memory": Part(("memory-translation-channels", "ports-resets"), 1, 150, "memory, page tables, channels, ports and resets"),
    "attack.processor": Part(("registers-sweeps-calls", "interrupts-apic-wedge"), 1, 150, "MSRs, hypercalls, interrupts, local APIC, endless exceptions"),
    "attack.instructions": Part(("virtualisation-instructions", "exhaustion"), 1, 150, "instructions, task switches, and what is shared"),
    "attack.pairs": Part(("attacker",), 2, 300, "every attack on two CPUs at once, and those that need two"),
    "attack.devices": Part(("devices",), 2, 300, "with a device: configuration space, MSI-X table, messages and transfers",
                           machine=DEVICES, board="qemu-q35-devices", device="nvme0",
                           said=(r"septum: dma blocked: 01:00\.0 \(`nvme0` of `devices`\) write at 0x1000000",
                                 r"septum: dma blocked: 01:00\.0 \(`nvme0` of `devices`\) write at 0x30000000")),
}


def appliance(part: Part, board: str) -> str:
    text = HEAD.format(board=board)
    for name in part.attackers:
        text += ATTACKER.format(name=name, cpus=part.cpus)
        text += f"    devices: [{part.device}]\n" if part.device else ""
    return text + CHANNELS.format(first=part.attackers[0])


# What QEMU itself says when its VT-d unit blocks a request; it may stand in the middle of a line of the machine's.
BLOCKED = re.compile(r"qemu-system-x86_64: (vtd_\w+: detected |New fault is not recorded).*$")


def without_emulator(lines: list[Line]) -> list[Line]:
    kept = []
    begun = ""
    for line in lines:
        if BLOCKED.search(line.text):
            begun += BLOCKED.sub("", line.text)
        else:
            kept.append(Line(line.seconds, begun + line.text))
            begun = ""
    return kept


def run(workshop: Workshop, case: str, part: Part) -> None:
    x2apic = qemu_version() >= (9, 0)
    if part.machine:
        needs_x2apic()
    board = part.board or ("qemu-q35" if x2apic else "qemu-q35-xapic")
    source = workshop.folder / f"{case}.yaml"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(appliance(part, board), encoding="utf-8")
    image = workshop.build(source, source.with_suffix(".iso"))
    known = attacks.read_table((workshop.source / "docs/attacks.md").read_text(encoding="utf-8"))
    problem = ""
    with Run(part.machine or (X2APIC if x2apic else XAPIC), str(image)) as machine:
        try:
            for name in part.attackers:
                machine.wait(rf"^\[{name}\] {name}: \d+ tries made$", part.seconds)
            at = len(machine.console.lines)
            for name in witness.WITNESSES:  # more reports of each: at least one begins after the last attack
                last = at
                for _ in range(3):
                    last = machine.wait(rf"^\[{name}\] ", part.seconds + 30, last)
        except Failure as reason:
            problem = str(reason)
        console = Console(without_emulator(list(machine.console.lines)))  # before the emulator says that it was ended
    (workshop.folder / f"{case}.log").write_text(console.text() + "\n", encoding="utf-8")
    outcomes = []
    for name in part.attackers:
        outcomes += attacks.judge(console, attacks.chosen(known, name, part.cpus), name)
    print(attacks.table(outcomes))
    if problem or not all(outcome.good for outcome in outcomes):
        tail = "\n".join(line.text for line in console.lines[-25:])
        raise Failure(f"{problem or 'an attack had another outcome than docs/attacks.md states'}\n--- end of the serial line\n{tail}")
    for line in console.lines:
        if line.text.startswith(KERNEL_GAVE_UP):
            raise Failure(f"the kernel said: {line.text}")
    for pattern in part.said:
        if not any(re.match(pattern, line.text) for line in console.lines):
            raise Failure(f"no line matches /{pattern}/: see {case}.log")
    witness.check(console, (*witness.WITNESSES, *part.attackers))
    for name in witness.WITNESSES:
        print(witness.reports(console, name)[-1])


def _case(name: str, part: Part) -> Callable[[Workshop], None]:
    def case(workshop: Workshop) -> None:
        run(workshop, name, part)

    case.__doc__ = part.what
    return case


STRAY = "stray-150"  # its lives: QEMU aborts at a later seed (docs/emulators.md)
STRAY_GUEST = f"""\
  {STRAY}:
    cpus: 2
    memory: 16 MiB
    boot: {{elf: stray.elf}}
    console: true
    on_fault: {{action: restart, attempts: 1000}}
"""
SECONDS = float(os.environ.get("SEPTUM_STRAY_SECONDS", "20"))
LEAST_LIVES = 5
ABORTED = r"qemu: fatal: invalid tss"  # the same: which seed comes to it depends on when NMIs come as well
ENOUGH = rf"septum: {STRAY}: stopped"  # it has lived as often as its name says, or has ended itself


def random_code(workshop: Workshop) -> None:
    """instructions at random in ring 0 and ring 3, for 20 s or 150 launches"""
    x2apic = qemu_version() >= (9, 0)
    source = workshop.folder / "attack.random.yaml"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(HEAD.format(board="qemu-q35" if x2apic else "qemu-q35-xapic") + STRAY_GUEST + CHANNELS.format(first=STRAY),
                      encoding="utf-8")
    image = workshop.build(source, source.with_suffix(".iso"))
    start = 60.0
    with Run(X2APIC if x2apic else XAPIC, str(image)) as machine:
        problem = ""
        try:
            machine.wait(rf"^\[{STRAY}\] stray: life {LEAST_LIVES} ", start)
            ends = time.monotonic() + SECONDS
            while time.monotonic() < ends and machine.wait_end(0.5) is None and not any(
                    re.match(ENOUGH, line.text) for line in machine.console.lines):
                pass
            at = len(machine.console.lines)
            for name in witness.WITNESSES:
                last = at
                for _ in range(3):
                    last = machine.wait(rf"^\[{name}\] ", start + SECONDS + 60, last)
        except Failure as reason:
            problem = str(reason)
        lines = list(machine.console.lines)
        aborted = next((number for number, line in enumerate(lines) if re.search(ABORTED, line.text)), None)
        if problem and aborted is not None and any(f"stray: life {LEAST_LIVES} " in line.text for line in lines[:aborted]):
            print("the emulator aborted, as docs/emulators.md says: what was said before is judged")
            problem, lines = "", lines[:aborted]
        console = Console(lines)
    (workshop.folder / "attack.random.log").write_text(console.text() + "\n", encoding="utf-8")
    if not problem:
        problem = next((line.text for line in console.lines if line.text.startswith(KERNEL_GAVE_UP)), "")
    if problem:
        tail = "\n".join(line.text for line in console.lines[-25:])
        raise Failure(f"{problem}\n--- end of the serial line\n{tail}")
    witness.check(console, (*witness.WITNESSES, STRAY))
    causes = Counter(re.sub(r"0x[0-9a-f]+", "…", match[1]) for line in console.lines
                     if (match := re.match(rf"septum: {STRAY}: fault: (.*?),? rip ", line.text)))
    for cause, count in causes.most_common():
        print(f"{count:5}  {cause}")
    said = attacks.spoken(console, STRAY, "stray: ")
    lives = sum(bool(re.match(r"stray: life \d+ in ring", text)) for text in said)
    counts = [int(match[1]) for text in said if (match := re.search(r": (\d+) snippets", text))]
    snippets = sum(count for count in counts if count < 100_000)  # a snippet may have overwritten the count
    print(f"{lives} lives, at least {snippets} snippets; the witnesses saw nothing of it")


CASES = {name: _case(name, part) for name, part in PARTS.items()} | {"attack.random": random_code}
