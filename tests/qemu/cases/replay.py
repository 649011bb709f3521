# SPDX-License-Identifier: Apache-2.0
"""Counterexamples replayed: processor and memory. The verifier is right about the hardware. Only these tests can force an image."""

from harness import probe
from harness.forge import NO_EXECUTE, Forge
from harness.machine import X2APIC, XAPIC
from harness.probe import Step
from harness.replay import CHANNEL, ENDS, IN_REACH, SECRET, SECRET_AT, Replay, Scene

PORT, PORT_INDEX = 0x71, 0x70  # the real-time clock
UART = ("-device", "isa-serial,iobase=0x2f8,irq=3,chardev=second", "-chardev", "null,id=second")
SCRATCH = 0x2FF  # a register of that UART which keeps what is written
SVM = 4  # CPUID Fn8000_0001 ECX: bit 2
INFO_CPUS = 0xF000C  # septum/guest/info.hpp: cpu_count, on the page that a native guest is told by
AP_CODE, AP_MARK = 0x8000, 0x9000  # below 1 MiB, where nothing of a native guest lies
ABSENT = 0xFF
OUTSIDE = 0x40000000  # where nobody has memory
ELSEWHERE = "septum: culprit: fault: "


def memory() -> Scene:
    """another's RAM mapped: the culprit reads the victim's secret (mem.exact, mem.disjoint)"""
    return Scene(
        frozenset({"mem.exact", "mem.disjoint"}),
        lambda forge: forge.map("culprit", IN_REACH, forge.host_of("victim", SECRET_AT)),
        culprit=[Step(probe.WAIT, IN_REACH + SECRET_AT % 0x200000, SECRET)], victim=[Step(probe.WRITE, SECRET_AT, SECRET)],
        shows=lambda a, _: a.get(0) == SECRET, honest=lambda a, _: a.get(0) == 0)


def tables() -> Scene:
    """a page of the sealed tables mapped: the culprit reads its own page table (mem.tables-private)"""
    expected = {}

    def steps(forge: Forge) -> list[Step]:
        return [Step(probe.READ, IN_REACH + forge.partitions["culprit"]["npt"] % 0x200000)]

    def force(forge: Forge) -> None:
        root = forge.partitions["culprit"]["npt"]
        expected["byte"] = forge.word(root) & 0xFF
        forge.map("culprit", IN_REACH, root)
    return Scene(frozenset({"mem.exact", "mem.tables-private"}), force, culprit=steps,
                 shows=lambda a, _: a.get(0) == expected["byte"] != 0, honest=lambda a, _: a.get(0) == 0)


def channel() -> Scene:
    """the reader's end of a channel writable: it answers where no answer is declared (mem.permissions, chan.directed, flow.declared)"""
    def force(forge: Forge) -> None:
        *_, (_, at, entry) = forge.walk("culprit", CHANNEL)
        forge.put(at, entry | 2)
    return Scene(
        frozenset({"mem.permissions", "chan.directed", "flow.declared"}), force,
        culprit=[Step(probe.WRITE, CHANNEL + 8, SECRET)], victim=[Step(probe.WAIT, CHANNEL + 8, SECRET)],
        shows=lambda a, text: a.get(0) == SECRET and probe.answers(text, "victim").get(0) == SECRET,
        honest=lambda a, text: 0 not in a and ELSEWHERE + "memory write at guest-physical 0xd0000008" in text,
        seen_forced=(ENDS, r"\[victim\] step 0 gives"))


def execute() -> Scene:
    """code run from a channel (mem.permissions, chan.no-exec)"""
    def force(forge: Forge) -> None:
        *_, (_, at, entry) = forge.walk("culprit", CHANNEL)
        forge.put(at, entry & ~NO_EXECUTE)
    return Scene(
        frozenset({"mem.permissions", "chan.no-exec"}), force,
        culprit=[Step(probe.WAIT, CHANNEL + 16, 0xC3), Step(probe.CALL, CHANNEL + 16)], victim=[Step(probe.WRITE, CHANNEL + 16, 0xC3)],
        shows=lambda a, _: a.get(1) == 0,
        honest=lambda a, text: 1 not in a and ELSEWHERE in text and "at guest-physical 0xd0000010" in text)


def port() -> Scene:
    """ports of the clock granted: the culprit reads the machine's own (io.exact)"""
    def force(forge: Forge) -> None:
        forge.grant_port("culprit", PORT)
        forge.grant_port("culprit", PORT_INDEX)
    # Register 0xD of the clock says bit 7: valid RAM and time. The virtual board answers zeros there.
    return Scene(frozenset({"io.exact"}), force, culprit=[Step(probe.OUT, PORT_INDEX, 0x0D), Step(probe.IN, PORT)],
                 shows=lambda a, _: a.get(1) == 0x80, honest=lambda a, _: a.get(1) == 0)


def msr() -> Scene:
    """an MSR read without an exit: the culprit sees the processor's own value (msr.exact)"""
    # EFER: bit 12, SVME, is set on the machine and hidden from guests.
    return Scene(frozenset({"msr.exact"}), lambda forge: forge.grant_msr("culprit", 0xC0000080, False),
                 culprit=[Step(probe.READ_MSR, 0xC0000080)],
                 shows=lambda a, _: a.get(0, 0) & 0x1000 != 0, honest=lambda a, _: 0 in a and a[0] & 0x1000 == 0)


def intercept() -> Scene:
    """CPUID no longer intercepted: the culprit sees that it could run guests of its own (exit.intercepts)"""
    # APM 2 table B-1: offset 0xC, bit 18
    return Scene(frozenset({"exit.intercepts"}), lambda forge: forge.drop_intercept("culprit", 114),
                 culprit=[Step(probe.CPUID, 0x80000001)],
                 shows=lambda a, _: a.get(0, 0) & SVM != 0, honest=lambda a, _: 0 in a and a[0] & SVM == 0)


def cpuid() -> Scene:
    """a rule that lets SVM through: CPUID, though intercepted, tells the culprit of it (cpuid.filtered)"""
    def force(forge: Forge) -> None:
        for at in forge.slice("cpuid", forge.partitions["culprit"]["record"] + 168):
            if forge.get("<I", at) == 0x80000001:
                forge.set("<I", at + 16, forge.get("<I", at + 16) | SVM)  # the mask of ECX
    return Scene(frozenset({"cpuid.filtered"}), force, culprit=[Step(probe.CPUID, 0x80000001)],
                 shows=lambda a, _: a.get(0, 0) & SVM != 0, honest=lambda a, _: 0 in a and a[0] & SVM == 0)


def interrupt() -> Scene:
    """the interrupt command register written without an exit: the culprit interrupts the victim (irq.ipi, msr.exact)"""
    # Vector 0x60 to APIC id 1, which is the victim's.
    command = 1 << 32 | 1 << 14 | 0x60
    return Scene(
        frozenset({"irq.ipi", "msr.exact"}), lambda forge: forge.grant_msr("culprit", 0x830, True),
        culprit=[Step(probe.WAIT, CHANNEL, 1), Step(probe.WRITE_MSR, 0x830, command)],
        victim=[Step(probe.WRITE, CHANNEL, 1), Step(probe.LISTEN, 0x60)], machine=X2APIC, board="qemu-q35",
        shows=lambda a, text: a.get(1) == 0 and probe.answers(text, "victim").get(1) == 1,
        honest=lambda a, text: 1 not in a and ELSEWHERE in text,
        seen_forced=(ENDS, r"\[victim\] step 1 gives"))


def processor() -> Scene:
    """a CPU more than declared: the culprit starts it, and it runs the culprit's code (cpu.exists)"""
    def force(forge: Forge) -> None:
        # CPUs in their order: the culprit's, the victim's, two of nobody. The victim's becomes the culprit's second.
        culprit, victim = (forge.partitions[name]["record"] for name in ("culprit", "victim"))
        forge.set("<H", culprit + 38, 2)
        forge.set("<H", victim + 36, 2)
        for number, owner, place in ((1, 0, 1), (2, 1, 0)):
            forge.set("<H", forge.record("cpus", number) + 4, owner)
            forge.set("<H", forge.record("cpus", number) + 6, place)
    code = int.from_bytes(bytes((0xC6, 0x06)) + AP_MARK.to_bytes(2, "little") + bytes((SECRET, 0xF4)), "little")  # mov byte [mark]; hlt
    start = 1 << 32 | 1 << 14  # APIC id 1, assert; then INIT and start-up (APM 2 §16.5)
    return Scene(
        frozenset({"cpu.exists"}), force,
        culprit=[Step(probe.WRITE, AP_CODE, code, width=8), Step(probe.WRITE_MSR, 0x830, start | 5 << 8),
                 Step(probe.WRITE_MSR, 0x830, start | 6 << 8 | AP_CODE >> 12), Step(probe.WAIT, AP_MARK, SECRET)],
        shows=lambda a, text: a.get(3) == SECRET and "septum: culprit: launched, 2 cpus" in text,
        honest=lambda a, text: a.get(3) != SECRET and "septum: culprit: launched, 1 cpu," in text)


def template() -> Scene:
    """the template points to another's permission map: the culprit has the victim's ports (vmcb.tables)"""
    def force(forge: Forge) -> None:
        for one in ("vmcb_boot", "vmcb_ap"):
            forge.put(forge.partitions["culprit"][one] + 0x40, forge.partitions["victim"]["iopm"])  # APM 2 table B-1: IOPM_BASE_PA
    return Scene(
        frozenset({"vmcb.tables"}), force, culprit=[Step(probe.OUT, SCRATCH, SECRET), Step(probe.IN, SCRATCH)],
        victim_has="    ports: [0x2f8-0x2ff]\n", machine=XAPIC.but(extra=UART),
        shows=lambda a, _: a.get(1) == SECRET, honest=lambda a, _: a.get(1) == ABSENT)


def told() -> Scene:
    """the information page speaks of a second CPU: the guest is told what is not so (acpi.consistent)"""
    def force(forge: Forge) -> None:
        for at in forge.slice("payloads", forge.partitions["culprit"]["record"] + 144):
            offset, size, gpa = forge.get("<I", at), forge.get("<I", at + 4), forge.get("<Q", at + 8)
            if gpa <= INFO_CPUS < gpa + size:
                forge.set("<I", offset + INFO_CPUS - gpa, 2)
    return Scene(frozenset({"acpi.consistent"}), force, culprit=[Step(probe.READ, INFO_CPUS, width=4)],
                 shows=lambda a, _: a.get(0) == 2, honest=lambda a, _: a.get(0) == 1)


def halt() -> Scene:
    """the answer to a fault is another: the culprit, by its fault, ends the victim's life too (part.conduct, flow.declared)"""
    victim_ends = r"\[victim\] life 0 ends"
    return Scene(
        frozenset({"part.conduct", "flow.declared"}),
        lambda forge: forge.set("<B", forge.partitions["culprit"]["record"] + 48 + 1, 3),  # on[forbidden] = halt_system
        culprit=[Step(probe.WAIT, CHANNEL, 1), Step(probe.READ, OUTSIDE)],
        victim=[Step(probe.WRITE, CHANNEL, 1), Step(probe.WAIT, SECRET_AT, SECRET)],
        shows=lambda a, text: 1 not in a and ": system halted" in text and "[victim] life 0 ends" not in text,
        honest=lambda a, text: 1 not in a and ": system halted" not in text and "[victim] life 0 ends" in text,
        seen=(ENDS, victim_ends))


CASES = {f"replay.{name}": Replay(scene) for name, scene in (
    ("memory", memory), ("channel", channel), ("execute", execute), ("tables", tables), ("port", port), ("msr", msr),
    ("intercept", intercept), ("interrupt", interrupt), ("cpuid", cpuid), ("processor", processor), ("template", template),
    ("told", told), ("halt", halt))}
