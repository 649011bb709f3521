# SPDX-License-Identifier: Apache-2.0
"""The certificate against the machine: a partition, and its device, touch the first and the last byte of every interval that the
certificate says is granted, and one beyond on either side. All within must be reached; nothing beyond may be. Memory types can't be
seen here: QEMU's TCG has no caches."""

import json
import pathlib
import re
import subprocess
import tempfile
from collections.abc import Callable

from cases import replay_devices as edu
from harness import probe
from harness.check import BROKEN, boot
from harness.forge import Forge
from harness.images import Workshop
from harness.machine import X2APIC, Failure, needs_x2apic
from harness.probe import Step

# The second UART is there for the ports that are granted.
APPLIANCE = """septum: 1
name: boundary
board: qemu-q35
partitions:
  prober:
    cpus: 1
    memory: 16 MiB
    boot: {elf: prober.elf}
    console: true
    ports: [0x2f8-0x2ff]
    on_fault: {action: restart, attempts: 100}
  neighbour:
    cpus: 1
    memory: 16 MiB
    boot: {elf: hello.elf}
channels:
  out: {from: prober, to: neighbour, size: 12 KiB}
  in: {from: neighbour, to: prober, size: 8 KiB}
"""
WITH_DEVICE = """septum: 1
name: boundary-dma
board: qemu-q35-edu
partitions:
  prober:
    cpus: 1
    memory: 16 MiB
    boot: {elf: prober.elf}
    console: true
    devices: [edu]
  neighbour:
    cpus: 1
    memory: 16 MiB
    boot: {elf: hello.elf}
"""
UART = ("-device", "isa-serial,iobase=0x2f8,irq=3,chardev=second", "-chardev", "null,id=second")
ABSENT, ABSENT_WIDE = 0xFF, 0xFFFFFFFF
OWN = 0x1000  # below lie the prober's own descriptors: read, not written
GP = "exception 13"
FAULT_GP, FORBIDDEN, CONSTANT, IGNORE = range(4)  # septum/manifest/manifest.hpp: MsrAnswer; the others are virtual registers

Ranges = list[tuple[int, int]]  # both ends included


def _build(workshop: Workshop, folder: pathlib.Path, appliance: str, steps: list[Step]) -> tuple[pathlib.Path, dict]:
    elf = (workshop.septum.parent / "payloads/probe.elf").read_bytes()
    (folder / "prober.elf").write_bytes(probe.scripted(elf, steps))
    yaml, image, certificate = folder / "boundary.yaml", folder / "boundary.iso", folder / "boundary.json"
    yaml.write_text(appliance)
    workshop.build(yaml, image)
    done = subprocess.run([str(workshop.septum), "verify", str(yaml), str(image), "--certificate", str(certificate)],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"septum verify gave {done.returncode}\n{done.stdout}{done.stderr}")
    return image, json.loads(certificate.read_text())


def _inside(ranges: Ranges, value: int) -> bool:
    return any(first <= value <= last for first, last in ranges)


def _ranges(pairs: list[list[str]]) -> Ranges:
    return [(int(first, 16), int(last, 16)) for first, last in pairs]


class Plan:
    """The steps, and for each what must come of it: a predicate over its answer, or the text of a fault, which ends a life."""

    def __init__(self):
        self.steps: list[Step] = []
        self.expected: list[Callable | str] = []
        self.life = 0
        self.counts: dict[str, list[int]] = {}

    def within(self, kind: str, step: Step, expect: Callable) -> None:
        self._add(kind, 0, step, expect)

    def beyond(self, kind: str, step: Step, expect: Callable | str) -> None:
        if isinstance(expect, str):
            step = Step(step.op, step.address, step.value, self.life, step.width)
            self.life += 1
        self._add(kind, 1, step, expect)

    def _add(self, kind: str, which: int, step: Step, expect: Callable | str) -> None:
        self.counts.setdefault(kind, [0, 0])[which] += 1
        self.steps.append(step)
        self.expected.append(expect)

    def sort(self) -> None:
        """What ends a life comes behind all that does not."""
        order = sorted(range(len(self.steps)), key=lambda number: isinstance(self.expected[number], str))
        self.steps = [self.steps[number] for number in order]
        self.expected = [self.expected[number] for number in order]

    def memory(self, runs: list[tuple[int, int, str]]) -> None:
        granted = [(base, base + size - 1) for base, size, _ in runs]
        kinds = (("r", probe.READ, 0, "read"), ("w", probe.WRITE, 0xA5, "write"), ("x", probe.CALL, 0, r"\S+"))
        for base, size, access in runs:
            for at in (base, base + size - 1):
                self.within("memory", Step(probe.READ, at), _number)
                if "w" in access and at >= OWN:
                    self.within("memory", Step(probe.WRITE, at, 0xA5), lambda answer: answer == 0xA5)
                if "x" in access and at >= OWN:
                    self.within("memory", Step(probe.EXECUTE, at), lambda answer: answer == 0)
                for right, op, value, word in kinds:
                    if right not in access:
                        self.beyond("memory", Step(op, at, value), rf"fault: memory {word} at guest-physical 0x{at:x}\b")
            for at in (base - 1, base + size):
                if at >= 0 and not _inside(granted, at):
                    for _, op, value, word in kinds:
                        self.beyond("memory", Step(op, at, value), rf"fault: memory {word} at guest-physical 0x{at:x}\b")

    def ports(self, ranges: Ranges) -> None:
        for first, last in ranges:
            self.within("ports", Step(probe.IN, first), _number)
            self.within("ports", Step(probe.OUT, last, 0x3C), lambda answer: answer == 0)
            self.within("ports", Step(probe.IN, last), lambda answer: answer == 0x3C)
            for beyond in (first - 1, last + 1):
                if not _inside(ranges, beyond):
                    self.beyond("ports", Step(probe.IN, beyond), lambda answer: answer == ABSENT)
                    self.beyond("ports", Step(probe.OUT, beyond, 0), lambda answer: answer == 0)
            # One byte of four is enough to make the access exit, and then none of it reaches the machine.
            for straddling in (first - 3, last):
                self.beyond("ports", Step(probe.IN, straddling, width=4), lambda answer: answer == ABSENT_WIDE)
            self.beyond("ports", Step(probe.OUT, last, 0, width=4), lambda answer: answer == 0)
            self.within("ports", Step(probe.IN, last), lambda answer: answer == 0x3C)

    def registers(self, reads: Ranges, writes: Ranges, rules: list[tuple]) -> None:
        def answer_to(msr: int, write: bool) -> tuple[int, int]:
            return next(((rule[2 + write], rule[4]) for rule in rules if rule[0] <= msr <= rule[1]), (FAULT_GP, 0))
        for msr in sorted({end for pair in reads for end in pair}):
            self.within("MSR reads", Step(probe.READ_MSR, msr), _number)
        for msr in sorted({end for pair in writes for end in pair}):
            # What can't be read is an order to the local APIC (EOI, self-IPI), and zero the one that does least.
            step = Step(probe.REWRITE_MSR, msr) if _inside(reads, msr) else Step(probe.WRITE_MSR, msr, 0)
            self.within("MSR writes", step, _number)
        for msr in sorted({end for first, last in reads for end in (first - 1, last + 1) if not _inside(reads, end)}):
            kind, value = answer_to(msr, False)
            expect = {FAULT_GP: lambda answer: answer == GP, FORBIDDEN: rf"fault: forbidden msr, read 0x{msr:x}\b",
                      CONSTANT: lambda answer, value=value: answer == value}.get(kind, lambda answer: answer is not None)
            self.beyond("MSR reads", Step(probe.READ_MSR, msr), expect)
        for msr in sorted({end for first, last in writes for end in (first - 1, last + 1) if not _inside(writes, end)}):
            kind, _ = answer_to(msr, True)
            expect = {FAULT_GP: lambda answer: answer == GP, FORBIDDEN: rf"fault: forbidden msr, write 0x{msr:x}\b",
                      IGNORE: lambda answer: answer == 0}.get(kind)
            if expect is not None:  # a virtual register takes what is meant for it: tests/unit/kernel-core shows how
                self.beyond("MSR writes", Step(probe.WRITE_MSR, msr, 0), expect)


def _number(answer) -> bool:
    return isinstance(answer, int)


def _rules(image: pathlib.Path) -> list[tuple]:
    """What the kernel answers to MSRs that exit: first, last, answer to reads and to writes, value."""
    forge = Forge(image.read_bytes())
    rules = forge.slice("msrs", forge.partitions["prober"]["record"] + 160)
    return [(forge.get("<I", at), forge.get("<I", at + 4), forge.get("<B", at + 8), forge.get("<B", at + 9), forge.get("<Q", at + 16))
            for at in rules]


def certificate(workshop: Workshop) -> None:
    """first and last byte of every granted interval, and one beyond: memory, ports, MSRs"""
    needs_x2apic()
    with tempfile.TemporaryDirectory(prefix="septum-boundary-") as name:
        folder = pathlib.Path(name)
        image, first = _build(workshop, folder, APPLIANCE, [])
        own = next(p for p in first["partitions"] if p["name"] == "prober")
        plan = Plan()
        plan.ports(_ranges(own["ports"]))
        plan.registers(_ranges(own["msr_reads"]), _ranges(own["msr_writes"]), _rules(image))
        plan.memory([(int(m["gpa"], 16), int(m["size"], 16), m["access"]) for m in own["memory"]])
        plan.sort()
        image, second = _build(workshop, folder, APPLIANCE, plan.steps)
        if second["partitions"] != first["partitions"]:
            raise Failure("the list in the prober moved its memory")
        console = boot(X2APIC.but(extra=UART), str(image), 380, anywhere=(rf"\[prober\] life {plan.life} ends",), never=BROKEN)
        text = console.text()
    answers = probe.answers(text, "prober")
    faults = re.findall(r"septum: prober: (fault: .*)", text)
    wrong = []
    for number, (step, expect) in enumerate(zip(plan.steps, plan.expected)):
        if isinstance(expect, str):
            fault = faults[step.life] if step.life < len(faults) else "no fault"
            if re.search(expect, fault) is None or number in answers:
                wrong.append(f"step {number} {step}: expected {expect}, found {fault}, answer {answers.get(number)}")
        elif not expect(answers.get(number)):
            wrong.append(f"step {number} {step}: found {answers.get(number)}")
    if wrong or len(faults) != plan.life:
        raise Failure(f"{len(faults)} faults of {plan.life}; " + "\n".join(wrong) + f"\n--- serial line\n{text}")
    for kind, (within, beyond) in plan.counts.items():
        print(f"{kind}: {within} touches within, {beyond} beyond")
    print(f"{len(plan.steps)} touches, {plan.life} faults: the machine agrees on all")


def dma(workshop: Workshop) -> None:
    """the same with a device: first and last byte of every interval of its DMA domain, and one beyond"""
    needs_x2apic()
    mark = 0x77
    with tempfile.TemporaryDirectory(prefix="septum-boundary-") as name:
        folder = pathlib.Path(name)
        _, first = _build(workshop, folder, WITH_DEVICE, [])
        if len(first["domains"]) != 1:
            raise Failure(f"{len(first['domains'])} DMA domains, expected one")
        runs = [(int(m["gpa"], 16), int(m["size"], 16)) for m in first["domains"][0]["memory"]]
        granted = [(base, base + size - 1) for base, size in runs]
        steps, expected, blocked = edu.config(edu.COMMAND, edu.MEMORY_AND_MASTER), {}, []

        def copy(source: int, destination: int, direction: int) -> None:
            steps.extend(edu.transfer(source, destination, 1, direction))
        for base, size in runs:
            for at in (base, base + size - 1):
                steps.append(Step(probe.WRITE if at >= OWN else probe.READ, at, mark))
                origin = len(steps) - 1  # what the processor finds there, the device must find as well
                copy(at, edu.BUFFER, 0)
                copy(edu.BUFFER, edu.LANDS, edu.TO_MEMORY)
                steps.append(Step(probe.READ, edu.LANDS))
                expected[len(steps) - 1] = origin
                if at >= OWN:
                    steps.append(Step(probe.WRITE, at, 0))
                    copy(edu.BUFFER, at, edu.TO_MEMORY)
                    steps.append(Step(probe.READ, at))
                    expected[len(steps) - 1] = origin
            for at in (base - 1, base + size):
                if at >= 0 and not _inside(granted, at):
                    copy(edu.BUFFER, at, edu.TO_MEMORY)
                    copy(at, edu.BUFFER, 0)
                    blocked += [rf"dma blocked: 01:00\.0 .* {word} at 0x{at & ~0xFFF:x}\b" for word in ("write", "read")]
        image, second = _build(workshop, folder, WITH_DEVICE, steps)
        if second["domains"] != first["domains"]:
            raise Failure("the list in the prober moved its memory")
        text = boot(edu.MACHINE, str(image), 200, anywhere=(r"\[prober\] life 0 ends",), never=BROKEN, settle=1).text()
    answers = probe.answers(text, "prober")
    wrong = [f"step {number}: {answers.get(number)} instead of {answers.get(origin)}" for number, origin in expected.items()
             if answers.get(number) != answers.get(origin) or answers.get(number) is None]
    wrong += [f"no line matches /{pattern}/" for pattern in blocked if re.search(pattern, text) is None]
    if wrong or not expected or not blocked or len(re.findall("dma blocked: ", text)) != len(blocked):
        raise Failure("\n".join(wrong) + f"\n--- serial line\n{text}")
    print(f"DMA: {len(expected)} touches within, {len(blocked)} beyond: the machine agrees on all")


CASES = {"boundary.certificate": certificate, "boundary.dma": dma}
