# SPDX-License-Identifier: Apache-2.0
"""Faults and lifecycle: heartbeats, pauses before restarts, the event log, the virtual timer, the crash record, and the
kernel's own failures."""

import json
import re
import struct
import subprocess
import tempfile

from harness import bundle
from harness.check import BROKEN, boot
from harness.gdb import Gdb
from harness.images import Workshop
from harness.machine import X2APIC, XAPIC, Failure, Run, needs_x2apic
from harness.qmp import Qmp

MAIL_PARK = 1 << 3  # kernel/core/effects.hpp: kMailPark


def _build(workshop: Workshop, name: str) -> str:
    appliance = workshop.source / "tests/qemu/appliances" / f"{name}.yaml"
    return str(workshop.build(appliance, workshop.folder / f"{name}.iso"))


def watchdog(workshop: Workshop) -> None:
    """a partition that stops beating is closed and begins again after its pause, and the log's reader is told"""
    # The promise is long, the beat short: an emulated CPU may be kept from running for some tenths of a second.
    promised = 2000
    missed = rf"septum: beater: fault: no heartbeat for (\d+) ms, promised every {promised} ms$"
    console = boot(XAPIC, _build(workshop, "health-watchdog"), 120, in_order=(
        r"beater: twenty heartbeats in launch 0", missed, r"septum: beater: restart 1 of 2 in 300 ms$",
        r"beater: twenty heartbeats in launch 1", missed, r"septum: beater: restart 2 of 2 in 600 ms$",
        r"beater: twenty heartbeats in launch 2", missed, r"septum: beater: stopped: no restart left$"), anywhere=(
        r"reader: event \d+: beater stopped, detail 3,",
        r"reader: event 1: \S+ launched", r"reader: event \d+: beater heartbeat missed, detail 3,",
        r"reader: event \d+: beater restarted, detail 3, 0x2,", r"reader: event \d+: quitter stopped, detail 4,"),
        never=(*BROKEN, r"where \d+ should be", r"reader: fault"))
    for line in console.lines:
        if (found := re.search(missed, line.text)) and int(found.group(1)) <= promised:
            raise Failure(f"closed too early: {line.text}")


def causes(workshop: Workshop) -> None:
    """a guest's own shutdown and reset are answered as the file says, and the virtual 8254 keeps time"""
    boot(XAPIC, _build(workshop, "health-causes"), 60, anywhere=(r"timer: the 8254 agrees with the TSC",), in_order=(
        r"septum: quitter: shut itself down: restart 1 of 2$", r"septum: quitter: shut itself down: restart 2 of 2$",
        r"septum: quitter: stopped: no restart left$"), never=(*BROKEN, r"timer: \d+ ticks", r"timer: the output rose"))
    boot(XAPIC, _build(workshop, "health-reset"), 60, in_order=(r"septum: victim-9: stopped: reset itself$",),
         never=(*BROKEN, r"victim-9: restart"))


def _restarts(workshop: Workshop, name: str, count: int, seconds: float) -> None:
    victim = f"{name}-{count}"
    image = _build(workshop, f"health-{'restarts' if name == 'victim' else name}-{count}")
    console = boot(XAPIC, image, seconds,
                   in_order=(rf"septum: {victim}: stopped: shut itself down$", r"witness-a: report", r"witness-b: report",
                             r"witness-a: report", r"witness-b: report"),
                   never=(*BROKEN, r"CHANGED"))
    restarts = sum(1 for line in console.lines if re.search(rf"septum: {victim}: restart", line.text))
    if restarts != count:
        raise Failure(f"{restarts} restarts were said, expected {count}")
    for witness in ("witness-a", "witness-b"):
        last = [line.text for line in console.lines if f"{witness}: report" in line.text][-1]
        print(f"{restarts} restarts: {last}")


def restarts(workshop: Workshop) -> None:
    """a partition with two CPUs ends 150 times in three ways while two others talk: no message is lost"""
    _restarts(workshop, "victim", 150, 250)


def restarts_long(workshop: Workshop) -> None:
    """the same 1,000 times"""
    _restarts(workshop, "victim", 1000, 1500)


def storm(workshop: Workshop) -> None:
    """a partition ends 200 times while its two CPUs start, stop and interrupt each other, or end together"""
    _restarts(workshop, "storm", 200, 250)


def storm_long(workshop: Workshop) -> None:
    """the same 1,000 times"""
    _restarts(workshop, "storm", 1000, 1500)


def crash_record(workshop: Workshop) -> None:
    """after a warm reset the next boot says why the last run ended, once"""
    image = _build(workshop, "policy-halt")
    with tempfile.TemporaryDirectory(prefix="septum-crash-") as folder:
        with Run(XAPIC.but(extra=("-qmp", f"unix:{folder}/qmp,server=on,wait=off")), image) as run:
            try:
                at = run.wait(r"septum: intruder: fault: .*: system halted", 60)
                qmp = Qmp(f"{folder}/qmp")
                qmp.execute("set-action", reboot="reset")
                qmp.execute("system_reset")
                reason = run.wait(r"septum: last run: septum: intruder: fault: memory read at guest-physical 0x1000000, rip "
                                  r"0x[0-9a-f]+, cpu 0: system halted$", 120, at)
                for pattern in (r"last run: board contract held with \d+ facts$", r"last run: cpu with apic id \d+, rip 0x[0-9a-f]+",
                                r"last run: rax 0x[0-9a-f]+, rcx", r"last run: exits since boot:.* memory 1",
                                r"last run: rare exit 0x400, address 0x1000000, rip 0x"):
                    reason = run.wait(pattern, 120, reason)
                # That run halts as well; the one after it says its record, and not the first one again.
                at = run.wait(r"septum: intruder: fault: .*: system halted", 120, reason)
                qmp.close()
            except Failure as wrong:
                run.stop()
                raise Failure(f"{wrong}\n--- serial line\n{run.console.text()}") from None
            said = [line.text for line in run.console.lines if "last run: septum:" in line.text]
            if len(said) != 1:
                raise Failure("the record was said " + str(len(said)) + " times")


def late_knock(workshop: Workshop) -> None:
    """a call to close that comes when the partition runs again is dropped; the partition goes on"""
    needs_x2apic()
    image = workshop.image("native-x2apic")
    found = bundle.find(image.read_bytes())
    cpu = found.cpu_partitions.index(found.partition_names.index("gateway"))
    asked = subprocess.run([workshop.septum.parent / "septum-bench-layout"], check=True, capture_output=True).stdout
    mailbox = found.cpu_blocks[cpu] + json.loads(asked)["mailbox"]
    with tempfile.TemporaryDirectory(prefix="septum-late-") as folder:
        with Run(X2APIC.but(extra=("-gdb", f"unix:{folder}/gdb,server=on,wait=off")), str(image)) as run:
            try:
                at = run.wait(r"gateway: launched", 90)
                gdb = Gdb(f"{folder}/gdb")
                gdb.physical()
                gdb.write(mailbox, gdb.read(mailbox, 4) | MAIL_PARK, 4)
                gdb.write(0xFEE0_0000 | found.cpu_ids[cpu] << 12, 0x400, 4)  # a message that is an NMI (SDM 3 §11.11)
                gdb.resume()
                run.wait(r"gateway: 200 of 200 answers verified", 120, at)
                run.wait(r"septum: gateway: stopped", 120, at)
                said = [line.text for line in run.console.lines if re.match(r"septum: gateway: (?!launched)", line.text)]
                if said != ["septum: gateway: stopped: shut itself down"]:
                    raise Failure(f"of the gateway was said: {said}")
            except Failure as wrong:
                run.stop()
                raise Failure(f"{wrong}\n--- serial line\n{run.console.text()}") from None


def _break(workshop: Workshop, change, pattern: str) -> None:
    """Takes the first CPU that leaves its guest, in the kernel, and changes its registers; the kernel must say what came of it. Another
    CPU may be in the midst of a line then, so that its letters stand among the first ones of this line."""
    image = _build(workshop, "policy-stop")
    kernel = Kernel((workshop.septum.parent / "septum.elf").read_bytes())
    with tempfile.TemporaryDirectory(prefix="septum-break-") as folder:
        with Run(XAPIC.but(extra=("-gdb", f"unix:{folder}/gdb,server=on,wait=off")), image) as run:
            try:
                at = run.wait(r"septum: policy-stop on ", 90)
                gdb = Gdb(f"{folder}/gdb")
                gdb.stop_at(kernel.symbol("svm_exit"))
                change(gdb, kernel)
                gdb.resume()
                run.wait(pattern.removeprefix("septum: "), 120, at)
            except Failure as wrong:
                run.stop()
                raise Failure(f"{wrong}\n--- serial line\n{run.console.text()}") from None


class Kernel:
    """The kernel's file: where a symbol lies."""

    def __init__(self, elf: bytes):
        self._elf = elf

    def find(self, function: str, instruction: bytes) -> int:
        """The address of the first such instruction in a function, by its mangled name's part; 0: there is none."""
        address, length = self._symbol(function)
        table, = struct.unpack_from("<Q", self._elf, 32)
        size, count = struct.unpack_from("<HH", self._elf, 54)
        for n in range(count):
            kind, _, offset, base, _, in_file, _, _ = struct.unpack_from("<IIQQQQQQ", self._elf, table + n * size)
            if kind == 1 and base <= address < base + in_file:
                code = self._elf[offset + address - base:offset + address - base + length]
                return address + code.find(instruction) if instruction in code else 0
        raise Failure(f"{function} lies in no segment")

    def symbol(self, name: str) -> int:
        return self._symbol(name)[0]

    def _symbol(self, name: str) -> tuple[int, int]:
        sections, = struct.unpack_from("<Q", self._elf, 40)
        size, count = struct.unpack_from("<HH", self._elf, 58)
        for n in range(count):
            _, kind, _, _, offset, length, link, _, _, entry = struct.unpack_from("<IIQQQQIIQQ", self._elf, sections + n * size)
            if kind != 2:  # SHT_SYMTAB
                continue
            strings, = struct.unpack_from("<Q", self._elf, sections + link * size + 24)
            for at in range(offset, offset + length, entry):
                text, = struct.unpack_from("<I", self._elf, at)
                value, bytes_long = struct.unpack_from("<QQ", self._elf, at + 8)
                found = self._elf[strings + text:self._elf.index(b"\0", strings + text)].decode()
                if found == name or f"{len(name)}{name}" in found:  # plain, or mangled
                    return value, bytes_long
        raise Failure(f"the kernel has no symbol {name}")


def kernel_exception(workshop: Workshop) -> None:
    """an exception of the kernel itself halts the machine with a line"""
    def change(gdb: Gdb, kernel: Kernel) -> None:
        gdb.set_register("rip", gdb.register("rsp"))  # its stack: not executable
    _break(workshop, change, r"septum: halted: kernel exception 14, error 0x11, at 0x[0-9a-f]+, stack 0x")


def stack_overflow(workshop: Workshop) -> None:
    """a stack overflow of the kernel meets the guard page, and is said from a stack of its own"""
    def change(gdb: Gdb, kernel: Kernel) -> None:
        bottom = (gdb.register("rsp") & ~0xFFF) - 0x1000  # septum/manifest/layout.hpp: two pages, and it stands in the upper
        gdb.set_register("rsp", bottom)
        gdb.set_register("rip", kernel.symbol("end_interrupt_x2apic"))  # its first instruction pushes
    _break(workshop, change, r"septum: halted: kernel exception 8, error 0x0, at 0x[0-9a-f]+, stack 0x[0-9a-f]+000, cr2 0x[0-9a-f]+ff8$")


def platform_nmi(workshop: Workshop) -> None:
    """an error that the machine reports by NMI halts the machine with a line"""
    def change(gdb: Gdb, kernel: Kernel) -> None:
        for instruction in (b"\xe4\x61", b"\xec"):  # in $0x61, %al; in %dx, %al
            at = kernel.find("look_for_faults", instruction)
            if at:
                break
        else:
            raise Failure("look_for_faults does not read port 0x61")
        gdb.stop_at(at + len(instruction))
        gdb.set_register("rax", 0x80)  # as if SERR# were set
    _break(workshop, change, r"septum: halted: the machine reports an error by NMI, port 0x61 has 0x80$")


def machine_check(workshop: Workshop) -> None:
    """a machine check halts the machine with a line; no partition runs on"""
    with tempfile.TemporaryDirectory(prefix="septum-check-") as folder:
        with Run(XAPIC.but(extra=("-qmp", f"unix:{folder}/qmp,server=on,wait=off")), _build(workshop, "policy-stop")) as run:
            try:
                at = run.wait(r"septum: intruder: stopped$", 90)
                qmp = Qmp(f"{folder}/qmp")
                # Of the first CPU's bank 0: valid, uncorrected, enabled, context corrupt; in progress. QEMU asks no intercept, so that
                # only a CPU that is in the kernel, as that of a stopped partition is, can show it.
                qmp.monitor("mce 0 0 0xb200000000000000 0x5 0 0", 0)
                qmp.close()
                run.wait(r"septum: halted: kernel exception 18, error 0x0, at 0x[0-9a-f]+, stack 0x", 60, at)
            except Failure as wrong:
                run.stop()
                raise Failure(f"{wrong}\n--- serial line\n{run.console.text()}") from None


CASES = {
    "health.watchdog": watchdog,
    "health.causes": causes,
    "health.restarts": restarts,
    "health.restarts-1000": restarts_long,
    "health.storm": storm,
    "health.storm-1000": storm_long,
    "health.late-knock": late_knock,
    "health.crash-record": crash_record,
    "health.kernel-exception": kernel_exception,
    "health.stack-overflow": stack_overflow,
    "health.platform-nmi": platform_nmi,
    "health.machine-check": machine_check,
}
