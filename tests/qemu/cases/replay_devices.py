# SPDX-License-Identifier: Apache-2.0
"""Counterexamples replayed: devices, their DMA, their interrupts and their configuration space. The device is `edu`, QEMU's card for
teaching, which copies 4 KiB at most between memory and a buffer of its own (docs/specs/edu in QEMU)."""

from harness import probe
from harness.forge import Forge
from harness.machine import Machine
from harness.probe import Step
from harness.replay import CHANNEL, ENDS, IN_REACH, SECRET, SECRET_AT, Replay, Scene

BOARD = "qemu-q35-edu"
MACHINE = Machine(
    iommu="intel-iommu,intremap=on,eim=on,aw-bits=39",
    devices=("pcie-root-port,id=port1,bus=pcie.0,addr=2,chassis=1", "edu,bus=port1,dma_mask=0xffffffffffffffff"))
OWNS = "    devices: [edu]\n"
FUNCTION = 0x80000800  # 00:01.0, as its owner addresses it by port 0xCF8
COMMAND, BAR, MEMORY_AND_MASTER = 0x04, 0x10, 6
REGISTERS = 0xE0000000  # its first BAR, as its owner sees it
ANOTHER_PLACE = 0xF0100000  # in the window of the bridge above it, where nothing is
IDENTITY, IS = 0, 0x010000ED
BUFFER = 0x40000  # the device's own, as its DMA engine calls it
RUN, TO_MEMORY = 1, 2
LANDS = 0xC00000  # in the culprit's RAM
HANDLE, VECTOR = 255, 0x60
BLOCKED = "septum: dma blocked: 01:00.0"


def config(register: int, value: int | None = None) -> list[Step]:
    access = Step(probe.IN, 0xCFC, width=4) if value is None else Step(probe.OUT, 0xCFC, value, width=4)
    return [Step(probe.OUT, 0xCF8, FUNCTION | register, width=4), access]


def transfer(source: int, destination: int, size: int, direction: int) -> list[Step]:
    """One transfer, and waiting for its end."""
    registers = ((0x80, source), (0x88, destination), (0x90, size), (0x98, direction | RUN))
    return [*(Step(probe.WRITE, REGISTERS + at, value, width=8) for at, value in registers),
            Step(probe.WAIT, REGISTERS + 0x98, direction, width=8)]


def dma() -> Scene:
    """the device's table leads to another's RAM: the culprit has its device fetch the victim's secret (dma.confined)"""
    steps = [Step(probe.WAIT, CHANNEL, 1), *config(COMMAND, MEMORY_AND_MASTER),
             *transfer(IN_REACH + SECRET_AT % 0x200000, BUFFER, 8, 0), *transfer(BUFFER, LANDS, 8, TO_MEMORY), Step(probe.READ, LANDS)]
    last = len(steps) - 1
    return Scene(
        frozenset({"dma.confined"}), lambda forge: forge.map_dma(IN_REACH, forge.host_of("victim", SECRET_AT)),
        culprit=steps, victim=[Step(probe.WRITE, SECRET_AT, SECRET), Step(probe.WRITE, CHANNEL, 1)],
        machine=MACHINE, board=BOARD, culprit_has=OWNS,
        shows=lambda a, text: a.get(last) == SECRET and BLOCKED not in text, honest=lambda a, _: a.get(last) == 0)


def device_interrupt() -> Scene:
    """an entry of the interrupt table leads to another's CPU: the culprit's device interrupts the victim (irq.remapped)"""
    # A message is a write of four bytes to 0xFEExxxxx; bit 4 says that bits 5 to 19 are the number of an entry (VT-d §5.1.2.2).
    steps = [*config(COMMAND, MEMORY_AND_MASTER), Step(probe.WAIT, CHANNEL, 1), *transfer(BUFFER, 0xFEE00010 | HANDLE << 5, 4, TO_MEMORY)]
    return Scene(
        frozenset({"irq.remapped"}), lambda forge: forge.put_interrupt(HANDLE, 1, VECTOR), culprit=steps,
        victim=[Step(probe.WRITE, CHANNEL, 1), Step(probe.LISTEN, VECTOR)], machine=MACHINE, board=BOARD, culprit_has=OWNS,
        shows=lambda _, text: probe.answers(text, "victim").get(1) == 1,
        honest=lambda _, text: probe.answers(text, "victim").get(1) == 0 and "septum: interrupt blocked: " in text,
        seen=(ENDS, r"\[victim\] step 1 gives", "septum: interrupt blocked: "), seen_forced=(ENDS, r"\[victim\] step 1 gives"))


def registers() -> Scene:
    """a device's registers mapped for somebody else: the culprit works the victim's device (dev.bars-owned, mem.exact)"""
    def force(forge: Forge) -> None:
        forge.map("culprit", IN_REACH, forge.get("<Q", forge.record("bars", 0) + 16))
    # The victim waits for what does not come: its device decodes only while it lives.
    own = [*config(COMMAND, MEMORY_AND_MASTER), Step(probe.WRITE, CHANNEL, 1), Step(probe.WAIT, SECRET_AT, SECRET)]
    return Scene(
        frozenset({"dev.bars-owned", "mem.exact"}), force,
        culprit=[Step(probe.WAIT, CHANNEL, 1), Step(probe.READ, IN_REACH + IDENTITY, width=4)], victim=own,
        machine=MACHINE, board=BOARD, victim_has=OWNS,
        shows=lambda a, _: a.get(1) == IS, honest=lambda a, _: a.get(1) == 0)


def configuration() -> Scene:
    """a rule that lets the BAR register be written: the culprit moves its device's registers on the machine (pci.config-filtered)"""
    def force(forge: Forge) -> None:
        for at in forge.slice("pci_registers", forge.device() + 80):
            if forge.get("<B", at) == BAR:
                for place, form, value in ((1, "<B", 1), (2, "<B", 0), (4, "<I", 0xFFFFFFFF), (8, "<I", 0), (12, "<I", 0xFFFFFFF0)):
                    forge.set(form, at + place, value)  # hardware, read and written
    steps = [*config(COMMAND, MEMORY_AND_MASTER), Step(probe.READ, REGISTERS + IDENTITY, width=4), *config(BAR, ANOTHER_PLACE),
             *config(BAR), Step(probe.READ, REGISTERS + IDENTITY, width=4)]
    return Scene(
        frozenset({"pci.config-filtered"}), force, culprit=steps, machine=MACHINE, board=BOARD, culprit_has=OWNS,
        shows=lambda a, _: (a.get(2), a.get(6)) == (IS, ANOTHER_PLACE) and a.get(7) != IS,
        honest=lambda a, _: a.get(2) == a.get(7) == IS)


CASES = {f"replay.{name}": Replay(scene) for name, scene in (
    ("dma", dma), ("device-interrupt", device_interrupt), ("registers", registers), ("configuration", configuration))}
