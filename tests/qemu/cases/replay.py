# SPDX-License-Identifier: Apache-2.0
"""Counterexamples replayed. An image is forced into a state that the verifier calls violated, booted, and the access that the
verdict predicts is shown to happen on the machine: the verifier is right about the hardware. Only these tests can force one."""

import json
import pathlib
import subprocess
import tempfile

from harness import probe
from harness.check import BROKEN, boot
from harness.forge import NO_EXECUTE, Forge
from harness.images import Workshop
from harness.machine import X2APIC, XAPIC, Failure, Machine, needs_x2apic
from harness.probe import Step

APPLIANCE = """septum: 1
name: replay
board: {board}
partitions:
  culprit:
    cpus: 1
    memory: 16 MiB
    boot: {{elf: culprit.elf}}
    console: true
  victim:
    cpus: 1
    memory: 16 MiB
    boot: {{elf: victim.elf}}
    console: true
channels:
  word: {{from: victim, to: culprit, size: 4 KiB}}
"""
SECRET_AT, SECRET = 0xF00010, 0x5A  # in the victim's RAM, far above its ELF
CHANNEL = 0xD0000000
IN_REACH = 0xA00000  # in the culprit's RAM
PORT, PORT_INDEX = 0x71, 0x70  # the real-time clock


class Replay:
    def __init__(self, workshop: Workshop, folder: pathlib.Path, board: str, culprit: list[Step], victim: list[Step]):
        self.workshop, self.folder = workshop, folder
        elf = (workshop.septum.parent / "payloads/probe.elf").read_bytes()
        (folder / "culprit.elf").write_bytes(probe.scripted(elf, culprit))
        (folder / "victim.elf").write_bytes(probe.scripted(elf, victim))
        self.yaml = folder / "replay.yaml"
        self.yaml.write_text(APPLIANCE.format(board=board))
        self.good = workshop.build(self.yaml, folder / "good.iso")

    def violated(self, image: bytes, ids: set[str]) -> pathlib.Path:
        """Where the forced image is; the verifier must say `violated` of `ids`, with a finding each."""
        forced = self.folder / "forced.iso"
        forced.write_bytes(image)
        done = subprocess.run([str(self.workshop.septum), "verify", str(self.yaml), str(forced), "--format", "json"],
                              capture_output=True, text=True, check=False)
        found = {p["id"]: p["findings"] for p in json.loads(done.stdout)["properties"] if p["verdict"] == "violated"}
        if done.returncode != 2 or not ids <= found.keys():
            raise Failure(f"expected {sorted(ids)} violated, found {sorted(found)}")
        for name in sorted(ids):
            print(f"{name}: {found[name][0]['message']}")
        return forced


def _run(workshop: Workshop, machine: Machine, culprit: list[Step], victim: list[Step], force, ids: set[str], shows, honest, also: str = "") -> None:
    """`force(forge)` alters the image; `shows(answers)` tells whether the predicted access happened, `honest(answers)` whether
    it does not on the image as built."""
    board = "qemu-q35" if machine is X2APIC else "qemu-q35-xapic"
    if machine is X2APIC:
        needs_x2apic()
    with tempfile.TemporaryDirectory(prefix="septum-replay-") as name:
        replay = Replay(workshop, pathlib.Path(name), board, culprit, victim)
        forge = Forge(replay.good.read_bytes())
        force(forge)
        forced = replay.violated(forge.sealed(), ids)
        for image, predicate, what in ((replay.good, honest, "the image as built"), (forced, shows, "the forced image")):
            seen = [r"\[culprit\] life 0 ends|septum: culprit: fault"]
            if also and image is forced:
                seen.append(also)
            console = boot(machine, str(image), 60, anywhere=seen, never=BROKEN, settle=1)
            said = probe.answers(console.text(), "culprit")
            print(f"{what}: {said}")
            if not predicate(said, console.text()):
                raise Failure(f"{what} does not behave as predicted: {said}\n--- serial line\n{console.text()}")


def memory(workshop: Workshop) -> None:
    """another's RAM mapped: the culprit reads the victim's secret (mem.exact, mem.disjoint)"""
    def force(forge: Forge) -> None:
        forge.map("culprit", IN_REACH, forge.host_of("victim", SECRET_AT))
    _run(workshop, XAPIC, [Step(probe.WAIT, IN_REACH + SECRET_AT % 0x200000, SECRET)], [Step(probe.WRITE, SECRET_AT, SECRET)], force,
         {"mem.exact", "mem.disjoint"}, lambda a, _: a.get(0) == SECRET, lambda a, _: a.get(0) == 0)


def channel(workshop: Workshop) -> None:
    """the reader's end of a channel writable: it answers where no answer is declared (mem.permissions, chan.directed)"""
    def force(forge: Forge) -> None:
        *_, (_, at, entry) = forge.walk("culprit", CHANNEL)
        forge.put(at, entry | 2)
    _run(workshop, XAPIC, [Step(probe.WRITE, CHANNEL + 8, SECRET)], [Step(probe.WAIT, CHANNEL + 8, SECRET)], force,
         {"mem.permissions", "chan.directed"},
         lambda a, text: a.get(0) == SECRET and probe.answers(text, "victim").get(0) == SECRET,
         lambda a, text: 0 not in a and "septum: culprit: fault: memory write at guest-physical 0xd0000008" in text,
         r"\[victim\] step 0 gives")


def execute(workshop: Workshop) -> None:
    """code run from a channel (mem.permissions, chan.no-exec)"""
    def force(forge: Forge) -> None:
        *_, (_, at, entry) = forge.walk("culprit", CHANNEL)
        forge.put(at, entry & ~NO_EXECUTE)
    _run(workshop, XAPIC, [Step(probe.WAIT, CHANNEL + 16, 0xC3), Step(probe.CALL, CHANNEL + 16)], [Step(probe.WRITE, CHANNEL + 16, 0xC3)], force,
         {"mem.permissions", "chan.no-exec"}, lambda a, _: a.get(1) == 0,
         lambda a, text: 1 not in a and "septum: culprit: fault: " in text and "at guest-physical 0xd0000010" in text)


def kernel(workshop: Workshop) -> None:
    """a page of the sealed tables mapped: the culprit reads its own page table (mem.tables-private)"""
    expected = {}

    def force(forge: Forge) -> None:
        root = forge.partitions["culprit"]["npt"]
        expected["byte"] = forge.word(root) & 0xFF
        expected["at"] = IN_REACH + root % 0x200000
        forge.map("culprit", IN_REACH, root)
    with tempfile.TemporaryDirectory(prefix="septum-replay-") as name:  # where the root lies is known when the image is made
        trial = Replay(workshop, pathlib.Path(name), "qemu-q35-xapic", [Step(probe.READ, IN_REACH)], [])
        at = IN_REACH + Forge(trial.good.read_bytes()).partitions["culprit"]["npt"] % 0x200000
    _run(workshop, XAPIC, [Step(probe.READ, at)], [], force, {"mem.exact", "mem.tables-private"},
         lambda a, _: a.get(0) == expected["byte"] != 0 and at == expected["at"], lambda a, _: a.get(0) == 0)


def port(workshop: Workshop) -> None:
    """ports of the clock granted: the culprit reads the machine's own (io.exact)"""
    def force(forge: Forge) -> None:
        forge.grant_port("culprit", PORT)
        forge.grant_port("culprit", PORT_INDEX)
    # Register 0xD of the clock says bit 7: valid RAM and time. The virtual board answers zeros there.
    _run(workshop, XAPIC, [Step(probe.OUT, PORT_INDEX, 0x0D), Step(probe.IN, PORT)], [], force, {"io.exact"},
         lambda a, _: a.get(1) == 0x80, lambda a, _: a.get(1) == 0)


def msr(workshop: Workshop) -> None:
    """an MSR read without an exit: the culprit sees the processor's own value (msr.exact)"""
    def force(forge: Forge) -> None:
        forge.grant_msr("culprit", 0xC0000080, False)
    # EFER: bit 12, SVME, is set on the machine and hidden from guests.
    _run(workshop, XAPIC, [Step(probe.READ_MSR, 0xC0000080)], [], force, {"msr.exact"},
         lambda a, _: a.get(0, 0) & 0x1000 != 0, lambda a, _: 0 in a and a[0] & 0x1000 == 0)


def intercept(workshop: Workshop) -> None:
    """CPUID no longer intercepted: the culprit sees that it could run guests of its own (exit.intercepts)"""
    def force(forge: Forge) -> None:
        forge.drop_intercept("culprit", 114)  # APM 2 table B-1: offset 0xC, bit 18
    _run(workshop, XAPIC, [Step(probe.CPUID, 0x80000001)], [], force, {"exit.intercepts"},
         lambda a, _: a.get(0, 0) & 4 != 0, lambda a, _: 0 in a and a[0] & 4 == 0)


def interrupt(workshop: Workshop) -> None:
    """the interrupt command register written without an exit: the culprit interrupts the victim (irq.ipi, msr.exact)"""
    def force(forge: Forge) -> None:
        forge.grant_msr("culprit", 0x830, True)
    # Vector 0x60 to APIC id 1, which is the victim's.
    command = 1 << 32 | 1 << 14 | 0x60
    _run(workshop, X2APIC, [Step(probe.WAIT, CHANNEL, 1), Step(probe.WRITE_MSR, 0x830, command)],
         [Step(probe.WRITE, CHANNEL, 1), Step(probe.LISTEN, 0x60)], force, {"irq.ipi", "msr.exact"},
         lambda a, text: a.get(1) == 0 and probe.answers(text, "victim").get(1) == 1,
         lambda a, text: 1 not in a and "septum: culprit: fault: " in text, r"\[victim\] step 1 gives")


CASES = {
    "replay.memory": memory,
    "replay.channel": channel,
    "replay.execute": execute,
    "replay.tables": kernel,
    "replay.port": port,
    "replay.msr": msr,
    "replay.intercept": intercept,
    "replay.interrupt": interrupt,
}
