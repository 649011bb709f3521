# SPDX-License-Identifier: Apache-2.0
"""A native partition with a device that copies memory: it works, reaches nothing else, and is reset with its partition. That the
IOMMU was used is seen in QEMU's trace, not only in what the kernel says."""

import re
import tempfile

from harness.check import BROKEN, boot
from harness.gdb import Gdb
from harness.images import Workshop
from harness.machine import Console, Failure, Machine, Run, Skip, needs_x2apic, qemu_version

SECONDS = 200
MASK = "dma_mask=0xffffffffffffffff"  # else the device itself folds addresses into 256 MiB
VTD = Machine(
    iommu="intel-iommu,intremap=on,eim=on,aw-bits=39",
    devices=("pcie-root-port,id=port1,bus=pcie.0,addr=2,chassis=1", f"edu,bus=port1,{MASK}"),
    extra=("-trace", "vtd_ir_remap_msi", "-trace", "vtd_fault_disabled", "-trace", "vtd_irq_generate"))
WORKS = r"^\[driver\] edu: 4096 bytes through the device and back, 2 interrupts"
VECTORS = (0x20, 0x50, 0x51, 0xFE)  # partitions/edu/messages.cpp
DRIVER_CPU = 0
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


def _delivered(console: Console, pattern: str, cpu_at: int) -> None:
    """Where QEMU's unit sent each message of the device: to the driver's one CPU, with the vectors that it had asked for. Of the number
    `cpu` in a line of the trace, bits from `cpu_at` on are the CPU."""
    found = set()
    for line in console.lines:
        said = re.search(pattern, line.text)
        if said:
            found.add((int(said["cpu"], 16) >> cpu_at & 0xFF, int(said["vector"], 16) & 0xFF))
    expected = {(DRIVER_CPU, vector) for vector in VECTORS}
    if found != expected:
        raise Failure(f"messages went to {sorted(found)} instead of {sorted(expected)} (CPU, vector)\n{console.text()}")


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
    _delivered(console, r"vtd_ir_remap_msi \(addr 0xfee00.[13579bdf]8, .* -> "
                        r"\(addr 0x(?P<cpu>[0-9a-f]+), data 0x(?P<vector>[0-9a-f]+)\)", 12)
    _traced(console,
            (r"vtd_fault_disabled", 1),                   # suppressed in the context entry, not only unsaid
            (r"vtd_ir_remap_msi \(addr 0xfee00.[13579bdf]8", 6),  # each interrupt took the remappable format
            # Faults are told by NMI; one tells of several when the CPU that it goes to is slow.
            (rf"vtd_irq_generate addr 0xfee0{fault_cpu}000 data 0x400", 8))


def vt_d(workshop: Workshop) -> None:
    """VT-d: a driver's device works; out of its memory it is blocked, said, at last in silence; a restart resets it"""
    _behind_vt_d(workshop, "config/examples/driver.yaml", "driver", "3")


def vt_d_busy(workshop: Workshop) -> None:
    """the same with no CPU to spare: the owner's CPU leaves its guest to say what was blocked"""
    _behind_vt_d(workshop, "tests/qemu/appliances/driver-busy.yaml", "driver-busy", "[0-9a-f]")


def _amd_vi() -> Machine:
    """What the board qemu-q35-amd-iommu describes, its `edu` without a mask of its own."""
    version = qemu_version()
    if version < (9, 2):
        raise Skip(f"QEMU {version[0]}.{version[1]}: the board qemu-q35-amd-iommu asks for 9.2, for amd-iommu with xtsup=on")
    needs_x2apic()
    return Machine(
        iommu="amd-iommu,intremap=on,xtsup=on,pt=off",
        devices=(f"edu,bus=pcie.0,addr=5,{MASK}", "nvme,bus=pcie.0,addr=2,drive=disk0,serial=septum",
                 "virtio-net-pci,bus=pcie.0,addr=3,netdev=net0,disable-legacy=on,iommu_platform=on"),
        extra=("-blockdev", "null-co,node-name=disk0,size=67108864,read-zeroes=on", "-netdev", "user,id=net0,restrict=on",
               "-trace", "amdvi_ir_irte_ga_val", "-trace", "amdvi_translation_result"))


def amd_vi(workshop: Workshop) -> None:
    """AMD-Vi: a driver's device works by remapped interrupts; out of its memory it is blocked (QEMU logs no event of it)"""
    machine = _amd_vi()
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
    _delivered(console, r"amdvi_ir_irte_ga_val hi 0x(?P<vector>[0-9a-f]+) lo 0x(?P<cpu>[0-9a-f]*[13579bdf])$", 8)
    _traced(console, (r"amdvi_ir_irte_ga_val hi 0x50 lo 0x[0-9a-f]*1$", 4), (r"amdvi_translation_result devid: 00:05\.0", 4))


REGISTERS = 0xFED8_0000  # of the AMD-Vi unit (AMD IOMMU §3.4): device table, event log; tail of the log
DEVICE_TABLE, EVENT_LOG, EVENT_TAIL = 0x0, 0x10, 0x2018
CONFIGURATION = 0xB000_0000 | 1 << 15  # of the unit's own function, 00:01.0
EDU, SATA = 0x28, 0xFA
SUPPRESS = 1 << 34  # second quadword of a device's entry: SA


def _event(code: int, requester: int, address: int, *, write: bool = False, interrupt: bool = False) -> tuple[int, int]:
    """An entry of the event log (AMD IOMMU §2.5)."""
    return code << 60 | write << 53 | interrupt << 51 | requester, address


class Log:
    """Puts into the event log what the unit would, and tells the kernel of it as the unit would: by its MSI."""

    def __init__(self, gdb: Gdb):
        self._gdb = gdb
        gdb.physical()
        self._base = gdb.read(REGISTERS + EVENT_LOG, 8) & 0xF_FFFF_FFFF_F000
        capability = gdb.read(CONFIGURATION + 0x34, 4) & 0xFC
        while capability and gdb.read(CONFIGURATION + capability, 4) & 0xFF != 5:
            capability = gdb.read(CONFIGURATION + capability, 4) >> 8 & 0xFC
        if not capability or not gdb.read(CONFIGURATION + capability, 4) >> 16 & 1:
            raise Failure("the unit's MSI is off")
        self._address = gdb.read(CONFIGURATION + capability + 4, 4)
        self._data = gdb.read(CONFIGURATION + capability + 12, 4) & 0xFFFF  # with an address of 64 bits (PCI 3.0 §6.8.1)

    def add(self, *events: tuple[int, int]) -> None:
        for low, high in events:
            tail = self._gdb.read(REGISTERS + EVENT_TAIL, 8)
            self._gdb.write(self._base + tail + 8, high, 8)
            self._gdb.write(self._base + tail, low, 8)
            self._gdb.write(REGISTERS + EVENT_TAIL, (tail + 16) % 4096, 8)
        self._gdb.write(self._address, self._data, 4)
        self._gdb.resume()


def amd_vi_reports(workshop: Workshop) -> None:
    """AMD-Vi: entries of the event log and the unit's MSI are said, counted and at last suppressed (QEMU writes none: the test does)"""
    machine = _amd_vi()
    image = _build(workshop, "tests/qemu/appliances/amd-vi-reports.yaml", "amd-vi-reports")
    edu = r"00:05\.0 \(`edu` of `reader`\)"
    with tempfile.TemporaryDirectory(prefix="septum-events-") as folder:
        with Run(machine.but(extra=(*machine.extra, "-gdb", f"unix:{folder}/gdb,server=on,wait=off")), image) as run:
            try:
                at = run.wait(r"reader: event 1: ", SECONDS)
                Log(Gdb(f"{folder}/gdb")).add(
                    _event(2, EDU, 0x123_4000, write=True), _event(2, EDU, 0x567_8000), _event(2, EDU, 7, interrupt=True),
                    _event(1, EDU, 0x9000), _event(8, SATA, 0xFEE0_0000, write=True))
                for said in (rf"septum: dma blocked: {edu} write at 0x1234000, reason 0x2$", rf"septum: dma blocked: {edu} read at 0x5678000, "
                             r"reason 0x2$", rf"septum: interrupt blocked: {edu} entry 7, reason 0x2$", rf"septum: dma blocked: {edu} read at "
                             r"0x9000, reason 0x1$", r"septum: dma blocked: 00:1f\.2 \(nobody's\) write at 0xfee00000, reason 0x8$",
                             r"reader: event \d+: reader dma fault, detail 2, 0x1234000, 0x28$"):
                    run.wait(said, SECONDS, at)
                Log(Gdb(f"{folder}/gdb")).add(*(_event(2, EDU, page << 12, write=True) for page in range(300, 325)))
                run.wait(rf"septum: no more is said of blocked requests of {edu}$", SECONDS, at)
                said = _count(run.console, rf"septum: (dma|interrupt) blocked: {edu}")
                if said != 16:
                    raise Failure(f"{said} lines of edu's blocked requests instead of 16")
                gdb = Gdb(f"{folder}/gdb")
                gdb.physical()
                entry = (gdb.read(REGISTERS + DEVICE_TABLE, 8) & 0xF_FFFF_FFFF_F000) + 32 * EDU
                if not gdb.read(entry + 8, 8) & SUPPRESS:
                    raise Failure("the device's entry does not suppress its events")
                gdb.resume()
                Log(Gdb(f"{folder}/gdb")).add(_event(5, 0, 0x40))  # an illegal command
                run.wait(r"septum: halted: the iommu does not answer: it reports an error of its own$", SECONDS, at)
            except Failure as wrong:
                run.stop()
                raise Failure(f"{wrong}\n--- serial line\n{run.console.text()}") from None


CASES = {"dma.vt-d": vt_d, "dma.vt-d-busy": vt_d_busy, "dma.amd-vi": amd_vi, "dma.amd-vi-reports": amd_vi_reports}
