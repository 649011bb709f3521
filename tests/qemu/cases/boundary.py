# SPDX-License-Identifier: Apache-2.0
"""The certificate against the machine: a partition touches the first and the last byte of every interval that the certificate says
it is granted, and one beyond on either side. All within must be reached; nothing beyond may be."""

import json
import pathlib
import re
import subprocess
import tempfile

from harness import probe
from harness.check import BROKEN, boot
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
UART = ("-device", "isa-serial,iobase=0x2f8,irq=3,chardev=second", "-chardev", "null,id=second")
ABSENT = 0xFF


def _certificate(workshop: Workshop, folder: pathlib.Path, steps: list[Step]) -> tuple[pathlib.Path, dict]:
    elf = (workshop.septum.parent / "payloads/probe.elf").read_bytes()
    (folder / "prober.elf").write_bytes(probe.scripted(elf, steps))
    yaml, image, certificate = folder / "boundary.yaml", folder / "boundary.iso", folder / "boundary.json"
    yaml.write_text(APPLIANCE)
    workshop.build(yaml, image)
    done = subprocess.run([str(workshop.septum), "verify", str(yaml), str(image), "--certificate", str(certificate)],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"septum verify gave {done.returncode}\n{done.stdout}{done.stderr}")
    return image, json.loads(certificate.read_text())


def _inside(pairs: list[list[int]], value: int) -> bool:
    return any(first <= value <= last for first, last in pairs)


def _plan(certificate: dict):
    """The steps, and for each what must come of it: a predicate over its answer, or a fault's text."""
    own = next(p for p in certificate["partitions"] if p["name"] == "prober")
    steps: list[Step] = []
    expected: list = []
    memory = [(int(m["gpa"], 16), int(m["size"], 16), m["access"]) for m in own["memory"]]

    def add(step: Step, expect) -> None:
        steps.append(step)
        expected.append(expect)

    granted = [[base, base + size - 1] for base, size, _ in memory]
    for base, size, access in memory:
        for at in (base, base + size - 1):
            # The first bytes hold the prober's own descriptors: they are read, not written.
            add(Step(probe.READ, at), lambda answer: isinstance(answer, int))
            if "w" in access and at >= 0x1000:
                add(Step(probe.WRITE, at, 0xA5), lambda answer: answer == 0xA5)
            if "x" in access and at >= 0x1000:
                add(Step(probe.EXECUTE, at), lambda answer: answer == 0)
    ports = [[int(a, 16), int(b, 16)] for a, b in own["ports"]]
    for first, last in ports:
        add(Step(probe.IN, first), lambda answer: isinstance(answer, int))
        add(Step(probe.OUT, last, 0x3C), lambda answer: answer == 0)
        add(Step(probe.IN, last), lambda answer: answer == 0x3C)
        for beyond in (first - 1, last + 1):
            if not _inside(ports, beyond):
                add(Step(probe.IN, beyond), lambda answer: answer == ABSENT)
    # An MSR that is granted answers without a fault. Beyond, the kernel answers instead: #GP, or what the guest may know of it.
    for first, last in [[int(a, 16), int(b, 16)] for a, b in own["msr_reads"]]:
        for msr in {first, last}:
            add(Step(probe.READ_MSR, msr), lambda answer: isinstance(answer, int))
    # What faults by policy ends a life: each has one of its own, in order.
    life = 0
    for base, size, access in memory:
        for at, op, kind in ((base - 1, probe.READ, "read"), (base + size, probe.READ, "read"), (base + size, probe.WRITE, "write")):
            if at >= 0 and not _inside(granted, at):
                add(Step(op, at, 1, life), rf"fault: memory {kind} at guest-physical 0x{at:x}\b")
                life += 1
        for at in (base, base + size - 1):
            if "w" not in access:
                add(Step(probe.WRITE, at, 1, life), rf"fault: memory write at guest-physical 0x{at:x}\b")
                life += 1
            if "x" not in access:
                add(Step(probe.CALL, at, 0, life), rf"fault: memory \S+ at guest-physical 0x{at:x}\b")
                life += 1
    return steps, expected, life


def certificate(workshop: Workshop) -> None:
    """first and last byte of every granted interval, and one beyond"""
    needs_x2apic()
    with tempfile.TemporaryDirectory(prefix="septum-boundary-") as name:
        folder = pathlib.Path(name)
        _, first = _certificate(workshop, folder, [])
        steps, expected, lives = _plan(first)
        image, second = _certificate(workshop, folder, steps)
        if second["partitions"] != first["partitions"]:
            raise Failure("the list in the prober moved its memory")
        console = boot(X2APIC.but(extra=UART), str(image), 300, anywhere=(rf"\[prober\] life {lives} ends",), never=BROKEN)
        text = console.text()
    answers = probe.answers(text, "prober")
    faults = re.findall(r"septum: prober: (fault: .*)", text)
    wrong = []
    for number, (step, expect) in enumerate(zip(steps, expected)):
        if isinstance(expect, str):
            fault = faults[step.life] if step.life < len(faults) else "no fault"
            if re.search(expect, fault) is None or number in answers:
                wrong.append(f"step {number} {step}: expected {expect}, found {fault}, answer {answers.get(number)}")
        elif not expect(answers.get(number)):
            wrong.append(f"step {number} {step}: found {answers.get(number)}")
    if wrong or len(faults) != lives:
        raise Failure(f"{len(faults)} faults of {lives}; " + "\n".join(wrong) + f"\n--- serial line\n{text}")
    within = sum(1 for expect in expected if not isinstance(expect, str))
    print(f"{within} touches within or answered, {lives} beyond: the machine agrees on all")


CASES = {"boundary.certificate": certificate}
