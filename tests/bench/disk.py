# SPDX-License-Identifier: Apache-2.0
"""A Linux with an NVMe disk, in a partition and bare, on the same machine: how long its reads take, and what it exits for."""

import contextlib
import os
import re
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass

from harness import bundle
from harness.machine import Failure, Machine, Run
from harness.qmp import Qmp

ROUNDS = 8       # of the guest's, in linux-disk.yaml too
# Seconds that each machine runs before it is the next one's turn. Whatever is in flight when a machine is held comes back meanwhile, for nothing:
# of some thirty stretches of reads in a turn that is one, and the lower quartile does not see it.
SLICE = 0.2
SECONDS = 400
BOOT_SECONDS = 300
UP = r"measure: Linux \S+, \d+ CPUs, (\d+) IOMMUs, disk (\S+)$"
TIMED = re.compile(r"disk-timer: (latency|single|throughput) \d+ reads of \d+ bytes, lower quartile (\d+) ticks")

@dataclass(frozen=True)
class Bare:
    """The bare kernel's own use of the IOMMU."""

    words: str              # on its command line
    translated: str         # what it then says of the disk, as a pattern
    unit: str = ""          # further properties of the unit
    goal: bool = False      # whether Septum's goal is held against it


# By what is written behind the figure's name.
BARE = {
    "": Bare("intel_iommu=off", r"untranslated", goal=True),
    # The unit offers no pass-through: the kernel makes a table of its own that maps all memory one to one, and leaves it.
    " with one-to-one tables": Bare("intel_iommu=on iommu=pt", r"identity", unit=",pt=off", goal=True),
    " with pass-through": Bare("intel_iommu=on iommu=pt", r"identity"),
    " with a table that it changes for each request": Bare("intel_iommu=on", r"DMA(-FQ)?"),
}


@dataclass(frozen=True)
class Times:
    """The median over rounds of the lower quartile over reads, in ticks of the time-stamp counter."""

    latency: float     # of 4 KiB at a random place, one after the other
    single: float      # of 1 MiB into small pages, one after the other
    throughput: float  # of 16 times 1 MiB into large pages, eight in flight


@dataclass(frozen=True)
class Task:
    """A machine that times its disk `ROUNDS` times."""

    name: str
    machine: Machine
    image: str
    translated: str  # what its Linux must say of the disk, as a pattern


class Guest:
    """A machine that can be held while another one runs: its clocks stand still meanwhile."""

    def __init__(self, stack: contextlib.ExitStack, task: Task):
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="septum-bench-"))
        extra = (*task.machine.extra, "-qmp", f"unix:{folder}/qmp,server=on,wait=off")
        self._run = stack.enter_context(Run(task.machine.but(extra=extra), task.image))
        self._qmp = Qmp(f"{folder}/qmp")
        try:
            up = self._run.console.lines[self._run.wait(UP, BOOT_SECONDS) - 1].text
        except Failure as reason:
            said = [line.text for line in self._run.console.lines]
            raise Failure(f"{task.name} did not come up: {reason}; it said last: "
                          f"{said[-1] if said else 'nothing'}") from None
        self.hold()
        found = re.search(UP, up).group(2)
        if not re.fullmatch(task.translated, found):
            raise Failure(f"the disk of {task.name} is {found}, expected {task.translated}")

    def hold(self) -> None:
        self._qmp.execute("stop")

    def turn(self) -> bool:
        """Runs for a slice. True: it is done."""
        self._qmp.execute("cont")
        time.sleep(SLICE)
        lines = [line.text for line in self._run.console.lines]
        if any("measure: done" in line for line in lines):
            return True
        if self._run.console.ended or any("failed" in line for line in lines):
            raise Failure("a guest failed: " + " / ".join(lines[-3:]))
        self.hold()
        return False

    def times(self) -> Times:
        found = {"latency": [], "single": [], "throughput": []}
        for line in self._run.console.lines:
            if timed := TIMED.search(line.text):
                found[timed.group(1)].append(int(timed.group(2)))
        if any(len(values) != ROUNDS for values in found.values()):
            raise Failure(f"a guest timed its disk {len(found['latency'])} times instead of {ROUNDS}")
        return Times(**{what: statistics.median(values) for what, values in found.items()})


def side_by_side(tasks: Sequence[Task]) -> list[Times]:
    """They take turns in short slices, so that what else the host does falls on all of them, and on one CPU of the host, so that none has
    the luck of another's threads lying better."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        with contextlib.ExitStack() as stack:
            guests = [Guest(stack, task) for task in tasks]
            began = time.monotonic()
            waiting = list(guests)
            while waiting:
                waiting = [guest for guest in waiting if not guest.turn()]
                if time.monotonic() - began > SECONDS:
                    raise Failure(f"{len(waiting)} guests did not end within {SECONDS} s")
            return [guest.times() for guest in guests]
    finally:
        os.sched_setaffinity(0, allowed)


@dataclass(frozen=True)
class Quiet:
    """What was counted while the guest read in silence."""

    interrupts: int
    exits: dict[str, int]

    @property
    def each(self) -> float:
        return sum(self.exits.values()) / self.interrupts

    def text(self) -> str:
        parts = [f"{kind} {count}" for kind, count in self.exits.items() if count]
        return f"{self.each:.4g} ({sum(self.exits.values()):,} exits{': ' + ', '.join(parts) if parts else ''}, {self.interrupts:,} interrupts)"


def quiet(machine: Machine, image: str, layout: dict) -> Quiet:
    """The guest counts interrupts before and after; between its two lines, with a second's distance to each, the kernel's own counters of
    exits are read out of the machine's memory."""
    begin, end = r"measure: quiet from now on, (\d+) interrupts", r"measure: quiet till now, (\d+) interrupts"
    with open(image, "rb") as file:
        blocks = bundle.find(file.read()).cpu_blocks
    with tempfile.TemporaryDirectory(prefix="septum-bench-") as folder:
        with Run(machine.but(extra=(*machine.extra, "-qmp", f"unix:{folder}/qmp,server=on,wait=off")), image) as run:
            qmp = Qmp(f"{folder}/qmp")
            first = run.console.lines[run.wait(begin, SECONDS) - 1]
            samples = []
            while not (last := [line for line in run.console.lines if re.search(end, line.text)]):
                if run.console.ended or any("failed" in line.text for line in run.console.lines):
                    raise Failure("the guest failed: " + run.console.lines[-1].text)
                now = run.now()
                each = [qmp.words(block + layout["counters"], len(layout["kinds"]), f"{folder}/memory") for block in blocks]
                samples.append((now, run.now(), [sum(column) for column in zip(*each)]))
                time.sleep(0.2)
            qmp.close()
    inside = [counts for began, ended, counts in samples if began > first.seconds + 1 and ended < last[0].seconds - 1]
    if len(inside) < 2:
        raise Failure("the guest was not silent for long enough")
    interrupts = int(re.search(end, last[0].text).group(1)) - int(re.search(begin, first.text).group(1))
    if interrupts == 0:
        raise Failure("the disk raised no interrupt")
    return Quiet(interrupts, {kind: after - before for kind, before, after in zip(layout["kinds"], inside[0], inside[-1])})
