# SPDX-License-Identifier: Apache-2.0
"""An unmodified Linux in a partition and bare: how long it takes to start, and what it exits for."""

import os
import pathlib
import tempfile
import threading
import time
from dataclasses import dataclass

from harness import bundle
from harness.machine import Machine, Run
from harness.qmp import Qmp

USERLAND = r"gateway: Linux \S+ up, 2 CPUs"


@dataclass(frozen=True)
class Start:
    """Seconds. In the partition, 0 is the kernel's launch line; bare, it is the firmware's last word."""

    before: float  # from QEMU's start to the entry of the Linux kernel
    userland: float  # from there to the first line of its first process


def in_partition(machine: Machine, image: pathlib.Path) -> Start:
    with Run(machine, str(image)) as run:
        launched = run.console.lines[run.wait(r"septum: gateway: launched", 60) - 1].seconds
        userland = run.console.lines[run.wait(USERLAND, 120) - 1].seconds
    return Start(launched, userland - launched)


def bare(machine: Machine, payloads: pathlib.Path) -> Start:
    """The same kernel and initial RAM disk on the machine itself, two of its four CPUs left waiting."""
    reading, writing = os.pipe()
    entered: list[float] = []
    began = time.monotonic()

    def listen() -> None:
        with os.fdopen(reading, encoding="latin-1") as firmware:
            for line in firmware:
                if line.startswith("Booting from"):
                    entered.append(time.monotonic() - began)

    extra = ("-kernel", str(payloads / "vmlinuz-cloud"), "-initrd", str(payloads / "gateway.cpio.gz"),
             "-append", "console=ttyS0 quiet maxcpus=2 septum.stay",
             "-chardev", f"file,id=firmware,path=/proc/{os.getpid()}/fd/{writing}",
             "-device", "isa-debugcon,iobase=0x402,chardev=firmware")
    try:
        with Run(machine.but(extra=extra)) as run:
            listener = threading.Thread(target=listen, daemon=True)
            listener.start()
            userland = run.console.lines[run.wait(USERLAND, 120) - 1].seconds
    finally:
        os.close(writing)
    listener.join(5)
    if not entered:
        raise RuntimeError("the firmware did not say when it started the kernel")
    return Start(entered[-1], userland - entered[-1])


def compare(machine: Machine, image: pathlib.Path, payloads: pathlib.Path, rounds: int) -> tuple[Start, Start]:
    """Medians, by userland time. The two take turns, so that what else the host does falls on both."""
    pairs = [(in_partition(machine, image), bare(machine, payloads)) for _ in range(rounds)]
    ours, theirs = (sorted(starts, key=lambda start: start.userland)[rounds // 2] for starts in zip(*pairs))
    return ours, theirs


@dataclass(frozen=True)
class Exits:
    """Exits per second of the partition's CPUs, by kind, over a stretch of its steady state."""

    seconds: float
    rates: dict[str, float]

    @property
    def total(self) -> float:
        return sum(self.rates.values())

    def text(self) -> str:
        parts = [f"{kind} {rate:.1f}" for kind, rate in self.rates.items() if rate > 0]
        return f"{self.total:.1f}/s" + (f" ({', '.join(parts)})" if parts else "")


def exits(machine: Machine, image: pathlib.Path, layout: dict, ready: str, seconds: float) -> Exits:
    """Counts from outside, by reading the kernel's counters out of the machine's memory."""
    found = bundle.find(image.read_bytes())
    with tempfile.TemporaryDirectory(prefix="septum-bench-") as folder:
        monitor, scratch = f"{folder}/qmp", f"{folder}/memory"
        with Run(machine.but(extra=("-qmp", f"unix:{monitor},server=on,wait=off")), str(image)) as run:
            run.wait(ready, 180)
            time.sleep(3)  # what the start leaves behind
            qmp = Qmp(monitor)

            def count() -> list[int]:
                each = [qmp.words(block + layout["counters"], len(layout["kinds"]), scratch) for block in found.cpu_blocks]
                return [sum(column) for column in zip(*each)]

            began, before = time.monotonic(), count()
            time.sleep(seconds)
            after, passed = count(), time.monotonic() - began
            qmp.close()
    rates = {kind: (b - a) / passed for kind, a, b in zip(layout["kinds"], before, after)}
    return Exits(passed, rates)
