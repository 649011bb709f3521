# SPDX-License-Identifier: Apache-2.0
"""A native partition with a device that copies memory: it works, reaches nothing else, and is reset with its partition. That the
IOMMU was used is seen in QEMU's trace, not only in what the kernel says."""

import re

from harness.check import BROKEN, boot
from harness.images import Workshop
from harness.machine import Console, Failure, Machine, Skip, needs_x2apic, qemu_version

SECONDS = 200
MASK = "dma_mask=0xffffffffffffffff"  # else the device itself folds addresses into 256 MiB
VTD = Machine(
    iommu="intel-iommu,intremap=on,eim=on,aw-bits=39",
    devices=("pcie-root-port,id=port1,bus=pcie.0,addr=2,chassis=1", f"edu,bus=port1,{MASK}"),
    extra=("-trace", "vtd_ir_remap_msi", "-trace", "vtd_fault_disabled", "-trace", "vtd_irq_generate"))
WORKS = r"^\[driver\] edu: 4096 bytes through the device and back, 2 interrupts"
MESSAGES = r"edu: 8 messages within its bounds arrived, 14 others did not"
OTHERS = (r"^\[gateway\] gateway: 200 of 200 answers verified",
          r"^\[vault\] vault: 200 answers given, 0 requests refused, 0 lost, 0 answers dropped")
NEVER = (*BROKEN, r"BREACH", r"edu: BROKEN")


def _count(console: Console, pattern: str) -> int:
    return sum(1 for line in console.lines if re.search(pattern, line.text))


def _build(workshop: Workshop, appliance: str, name: str) -> str:
    return str(workshop.build(workshop.source / appliance, workshop.folder / f"{name}.iso"))


def _traced(console: Console, *expected: tuple[str, int]) -> None:
    for trace, least in expected:
        if _count(console, trace) < least:
            raise Failure(f"fewer than {least} lines of QEMU's trace match /{trace}/\n{console.text()}")


def _behind_vt_d(workshop: Workshop, appliance: str, name: str, fault_cpu: str) -> None:
    needs_x2apic()
    edu = r"01:00\.0 \(`edu` of `driver`\)"
    console = boot(VTD, _build(workshop, appliance, name), SECONDS, anywhere=OTHERS, in_order=(
        r"septum: driver: launched, 1 cpu, 16 MiB",
        r"edu: registers at 0xe0000000, MSI at 0x40, launch 0",
        WORKS,
        rf"septum: dma blocked: {edu} write at 0x1000000, reason 0x5$",
        rf"septum: dma blocked: {edu} read at 0x1000000, reason 0x6$",
        rf"septum: no more is said of blocked requests of {edu}$",
        r"edu: try 16: write at 0xffffffffff000",
        r"septum: interrupt blocked: .* entry 1, reason 0x22",
        MESSAGES,
        r"edu: 17 tries, nothing gained; restarts with a transfer under way",
        r"septum: driver: restarts by its own wish",
        r"edu: registers at 0xe0000000, MSI at 0x40, launch 1",
        r"edu: nothing of the life before arrived",
        WORKS,
        rf"septum: interrupt blocked: {edu} entry \d+, reason 0x22$",
        MESSAGES,
        r"edu: works again",
        r"septum: driver: stopped",
    ), never=NEVER, settle=0.5)
    said = _count(console, r"septum: dma blocked: 01:00\.0")
    if said != 16:
        raise Failure(f"{said} lines of blocked DMA instead of 16")
    _traced(console,
            (r"vtd_fault_disabled", 1),                   # suppressed in the context entry, not only unsaid
            (r"vtd_ir_remap_msi \(addr 0xfee00.[13579bdf]8", 6),  # each interrupt took the remappable format
            (rf"vtd_irq_generate addr 0xfee0{fault_cpu}000 data 0x400", 16))  # faults are told by NMI


def vt_d(workshop: Workshop) -> None:
    """VT-d: a driver's device works; out of its memory it is blocked, said, at last in silence; a restart resets it"""
    _behind_vt_d(workshop, "config/examples/driver.yaml", "driver", "3")


def vt_d_busy(workshop: Workshop) -> None:
    """the same with no CPU to spare: the owner's CPU leaves its guest to say what was blocked"""
    _behind_vt_d(workshop, "tests/qemu/appliances/driver-busy.yaml", "driver-busy", "[0-9a-f]")


def amd_vi(workshop: Workshop) -> None:
    """AMD-Vi: a driver's device works by remapped interrupts; out of its memory it is blocked (QEMU logs no event of it)"""
    version = qemu_version()
    if version < (9, 2):
        raise Skip(f"QEMU {version[0]}.{version[1]}: the board qemu-q35-amd-iommu asks for 9.2, for amd-iommu with xtsup=on")
    needs_x2apic()
    machine = Machine(
        iommu="amd-iommu,intremap=on,xtsup=on,pt=off",
        devices=(f"edu,bus=pcie.0,addr=5,{MASK}", "nvme,bus=pcie.0,addr=2,drive=disk0,serial=septum",
                 "virtio-net-pci,bus=pcie.0,addr=3,netdev=net0,disable-legacy=on,iommu_platform=on"),
        extra=("-blockdev", "null-co,node-name=disk0,size=67108864,read-zeroes=on", "-netdev", "user,id=net0,restrict=on",
               "-trace", "amdvi_ir_irte_ga_val", "-trace", "amdvi_translation_result"))
    console = boot(machine, _build(workshop, "tests/qemu/appliances/driver-amd-vi.yaml", "driver-amd-vi"), SECONDS,
                   anywhere=OTHERS, in_order=(
        r"septum: driver: launched, 1 cpu, 16 MiB",
        r"edu: registers at 0xe0000000, MSI at 0x40, launch 0",
        WORKS,
        r"edu: try 16: write at 0xffffffffff000",
        MESSAGES,
        WORKS,
        r"edu: 17 tries, nothing gained",
        r"septum: driver: stopped",
    ), never=NEVER, settle=0.5)
    _traced(console, (r"amdvi_ir_irte_ga_val hi 0x50 lo 0x[0-9a-f]*1$", 4), (r"amdvi_translation_result devid: 00:05\.0", 4))


CASES = {"dma.vt-d": vt_d, "dma.vt-d-busy": vt_d_busy, "dma.amd-vi": amd_vi}
