# SPDX-License-Identifier: Apache-2.0
"""A native partition with a device that copies memory: it works, reaches nothing else, and is reset with its partition. That the
IOMMU was used is seen in QEMU's trace, not only in what the kernel says."""

import re

from harness.check import BROKEN, boot
from harness.images import Workshop
from harness.machine import Console, Failure, Machine, needs_x2apic, qemu_version

SECONDS = 200
MASK = "dma_mask=0xffffffffffffffff"  # else the device itself folds addresses into 256 MiB
VTD = Machine(
    iommu="intel-iommu,intremap=on,eim=on,aw-bits=39",
    devices=("pcie-root-port,id=port1,bus=pcie.0,addr=2,chassis=1", f"edu,bus=port1,{MASK}"),
    extra=("-trace", "vtd_ir_remap_msi", "-trace", "vtd_fault_disabled", "-trace", "vtd_irq_generate"))
WORKS = r"^\[driver\] edu: 4096 bytes through the device and back, 2 interrupts"
OTHERS = (r"^\[gateway\] gateway: 200 of 200 answers verified",
          r"^\[vault\] vault: 200 answers given, 0 requests refused, 0 lost, 0 answers dropped")
NEVER = (*BROKEN, r"BREACH", r"edu: BROKEN")


def _count(console: Console, pattern: str) -> int:
    return sum(1 for line in console.lines if re.search(pattern, line.text))


def _build(workshop: Workshop, appliance: str, name: str) -> str:
    return str(workshop.build(workshop.source / appliance, workshop.folder / f"{name}.iso"))


def vt_d(workshop: Workshop) -> None:
    """VT-d: a driver's device works; out of its memory it is blocked, said, at last in silence; a restart resets it"""
    needs_x2apic()
    image = _build(workshop, "config/examples/driver.yaml", "driver")
    edu = r"01:00\.0 \(`edu` of `driver`\)"
    console = boot(VTD, image, SECONDS, anywhere=OTHERS, in_order=(
        r"septum: driver: launched, 1 cpu, 16 MiB",
        r"edu: registers at 0xe0000000, MSI at 0x40, launch 0",
        WORKS,
        rf"septum: dma blocked: {edu} write at 0x1000000, reason 0x5$",
        rf"septum: dma blocked: {edu} read at 0x1000000, reason 0x6$",
        rf"septum: no more is said of blocked requests of {edu}$",
        r"edu: try 16: write at 0xffffffffff000",
        r"septum: interrupt blocked: .* entry 1, reason 0x22",
        r"edu: 17 tries, nothing gained; restarts with a transfer under way",
        r"septum: driver: restarts by its own wish",
        r"edu: registers at 0xe0000000, MSI at 0x40, launch 1",
        r"edu: nothing of the life before arrived",
        WORKS,
        r"edu: works again",
        r"septum: driver: stopped",
    ), never=NEVER, settle=0.5)
    said = _count(console, r"septum: dma blocked: 01:00\.0")
    if said != 16:
        raise Failure(f"{said} lines of blocked DMA instead of 16")
    for trace, least in ((r"vtd_fault_disabled", 1),                       # suppressed in the context entry, not only unsaid
                         (r"vtd_ir_remap_msi \(addr 0xfee000?18", 6),      # each interrupt took the remappable format
                         (r"vtd_irq_generate addr 0xfee0[0-9a-f]000 data 0x400", 16)):  # faults are told by NMI
        if _count(console, trace) < least:
            raise Failure(f"fewer than {least} lines of QEMU's trace match /{trace}/\n{console.text()}")


CASES = {"dma.vt-d": vt_d}
