# SPDX-License-Identifier: Apache-2.0
"""QEMU as the tests use it: started with a given machine, its serial line read as it comes, ended by its own pid."""

import os
import re
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass, field, replace
from typing import IO

QEMU = os.environ.get("SEPTUM_QEMU_BINARY", "qemu-system-x86_64")

# Every time that a case gives is how long it may take on the machine that the tests were written on, while others work there too.
# It is there to find what hangs, and nothing is judged by it; so any machine has this many times as long (tests/qemu/CMakeLists.txt
# gives as much).
PATIENCE = 5


class Skip(Exception):
    """The test cannot be run here; the text says why."""


class Failure(Exception):
    """The test ran and something was not as it must be."""


def qemu_version() -> tuple[int, int]:
    path = shutil.which(QEMU)
    if path is None:
        raise Skip(f"{QEMU} is not installed")
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"version (\d+)\.(\d+)", said)
    if found is None:
        raise Skip(f"cannot tell QEMU's version from {said.splitlines()[:1]}")
    return int(found.group(1)), int(found.group(2))


def needs_x2apic() -> None:
    version = qemu_version()
    if version < (9, 0):
        raise Skip(f"QEMU {version[0]}.{version[1]} emulates no x2APIC; 9.0 or later does")


@dataclass(frozen=True)
class Machine:
    """What the board files qemu-q35 and qemu-q35-xapic describe. A test changes one field with `but`."""

    cpu: str = "max"
    cpus: int | str = 4  # or all that -smp takes
    memory: int = 1024  # MiB
    iommu: str = "intel-iommu,intremap=on"  # empty: none
    devices: tuple[str, ...] = ()
    smbus: bool = True
    extra: tuple[str, ...] = ()

    def but(self, **changes) -> "Machine":
        return replace(self, **changes)

    def command(self, image: str) -> list[str]:
        board = "q35,kernel-irqchip=off" + ("" if self.smbus else ",smbus=off")
        line = [QEMU, "-M", board, "-accel", "tcg", "-cpu", self.cpu]
        line += ["-smp", str(self.cpus), "-m", str(self.memory)]
        line += ["-nodefaults", "-vga", "none", "-display", "none", "-no-reboot"]
        for device in (self.iommu, *self.devices):
            if device:
                line += ["-device", device]
        line += ["-global", "hpet.msi=on", "-serial", "stdio", *self.extra]
        if image:
            line += ["-cdrom", image]
        return line


X2APIC = Machine()
XAPIC = Machine(cpu="max,-x2apic")


@dataclass
class Line:
    seconds: float  # since QEMU was started
    text: str


@dataclass
class Console:
    """The serial line so far."""

    lines: list[Line] = field(default_factory=list)
    ended: bool = False

    def text(self) -> str:
        return "\n".join(f"{line.seconds:7.2f}  {line.text}" for line in self.lines)


ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Run:
    """One QEMU process. Use it in a `with`: it is gone afterwards, whatever happened."""

    def __init__(self, machine: Machine, image: str = ""):
        qemu_version()
        self.console = Console()
        self._changed = threading.Condition()
        self._started = time.monotonic()
        # Two pipes: what QEMU says itself, its traces above all, would else stand in the midst of a line of the machine's.
        self.process = subprocess.Popen(
            machine.command(image), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._reading = 2
        self._readers = [threading.Thread(target=self._read, args=(stream,), daemon=True)
                         for stream in (self.process.stdout, self.process.stderr)]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def now(self) -> float:
        """Seconds since QEMU was started, as lines have them."""
        return time.monotonic() - self._started

    def _read(self, stream: IO[bytes]) -> None:
        pending = b""
        while True:
            piece = os.read(stream.fileno(), 4096)
            if not piece:
                break
            pending += piece
            *whole, pending = pending.split(b"\n")
            for raw in whole:
                self._add(raw)
        if pending:
            self._add(pending)
        with self._changed:
            self._reading -= 1
            self.console.ended = self._reading == 0
            self._changed.notify_all()

    def _add(self, raw: bytes) -> None:
        text = ESCAPES.sub("", raw.decode("utf-8", "replace")).rstrip("\r")
        with self._changed:
            self.console.lines.append(Line(self.now(), text))
            self._changed.notify_all()

    def wait(self, pattern: str, seconds: float, start: int = 0) -> int:
        """Waits for a line that matches, from line number `start` on, for so many seconds since QEMU was started, and as often again
        as PATIENCE says; gives the number of the line after it."""
        wanted = re.compile(pattern)
        seconds *= PATIENCE
        deadline = self._started + seconds
        at = start
        with self._changed:
            while True:
                while at < len(self.console.lines):
                    if wanted.search(self.console.lines[at].text) or self._matches_mended(wanted, at):
                        return at + 1
                    at += 1
                if self.console.ended:
                    raise Failure(f"QEMU ended before a line matched /{pattern}/")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Failure(f"no line matched /{pattern}/ within {seconds:.0f} s")
                self._changed.wait(left)

    def _matches_mended(self, wanted: re.Pattern[str], at: int) -> bool:
        """Whether the line is the rest of one that was broken (the kernel does so when a guest stops in the middle of a line for half
        a second, as an emulated CPU may that gets no time, and another speaks), and the two together match."""
        line = self.console.lines[at].text
        speaker = re.match(r"\[[^]]+\] ", line)
        if speaker is None:
            return False
        before = next((earlier.text for earlier in reversed(self.console.lines[:at]) if earlier.text.startswith(speaker[0])), None)
        if before is None or wanted.search(before):
            return False
        found = wanted.search(before + line.removeprefix(speaker[0]))
        return found is not None and found.start() < len(before) < found.end()

    def wait_end(self, seconds: float) -> int | None:
        """QEMU's exit code, or None when it still runs."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for reader in self._readers:
            reader.join(5)
