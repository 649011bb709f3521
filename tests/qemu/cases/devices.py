# SPDX-License-Identifier: Apache-2.0
"""Two Linux partitions with a device each, at once: what they write and send is checked from outside as well."""

import hashlib
import pathlib
import random
import re
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import dataclass

from harness.check import BROKEN, boot
from harness.images import Workshop
from harness.machine import Failure, Machine, Skip, qemu_version

SECONDS = 280
DISK_MIB = 64
ROUNDS = 8

DONE = (
    r"septum: disk: launched, 2 cpus, 256 MiB",
    r"septum: net: launched, 1 cpu, 256 MiB",
    r"^\[disk\] disk: Linux \S+ up, 2 CPUs",
    r"^\[disk\] disk: ext4 mounted",
    r"^\[disk\] disk: sealed file verified",
    r"^\[disk\] disk: 8 files of 1024 KiB written, read back and equal, [1-9]\d* interrupts",
    r"^\[disk\] disk: done",
    r"^\[net\] net: Linux \S+ up, 1 CPUs",
    r"^\[net\] net: eth0 52:54:00:",
    r"^\[net\] net: 8 times 256 KiB sent, received and equal, [1-9]\d* interrupts",
    r"^\[net\] net: done",
    r"septum: disk: stopped",
    r"septum: net: stopped",
)
NEVER = (*BROKEN, r"failed:", r"septum: \S+: fault", r"dma blocked", r"interrupt blocked", r"nvme nvme0: I/O .* timeout")


@dataclass(frozen=True)
class AsRun(Machine):
    """What `septum run` starts for an image."""

    septum: str = ""
    disks: str = ""

    def command(self, image: str) -> list[str]:
        line = [self.septum, "run", image, "--print-command", "--disks", self.disks]
        done = subprocess.run(line, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            raise Failure(f"`{' '.join(line)}` gave {done.returncode}\n{done.stdout}{done.stderr}")
        return [*shlex.split(done.stdout), *self.extra]


def _tool(name: str) -> str:
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path is None:
        raise Skip(f"`{name}` is not installed: the package `e2fsprogs` has it")
    return path


def _make_disk(path: pathlib.Path) -> None:
    """An ext4 file system with a file in it whose digest the guest can check."""
    with tempfile.TemporaryDirectory() as folder:
        sealed = random.Random(1).randbytes(1 << 20)
        pathlib.Path(folder, "sealed").write_bytes(sealed)
        pathlib.Path(folder, "sealed.sha256").write_text(hashlib.sha256(sealed).hexdigest() + "\n")
        path.unlink(missing_ok=True)
        done = subprocess.run([_tool("mke2fs"), "-q", "-t", "ext4", "-d", folder, str(path), f"{DISK_MIB}M"],
                              capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"mke2fs gave {done.returncode}\n{done.stderr}")


def _read(disk: pathlib.Path, name: str) -> bytes:
    done = subprocess.run([_tool("debugfs"), "-R", f"cat {name}", str(disk)], capture_output=True, check=False)
    return done.stdout


def _check_disk(disk: pathlib.Path) -> None:
    """The guest's own list of digests against the files as they lie in the image."""
    lines = _read(disk, "answer").decode().splitlines()
    if len(lines) != ROUNDS:
        raise Failure(f"`answer` on the disk has {len(lines)} lines, expected {ROUNDS}")
    for line in lines:
        digest, number = line.split()
        found = hashlib.sha256(_read(disk, f"files/{number}")).hexdigest()
        if found != digest:
            raise Failure(f"file {number} on the disk has digest {found}, the guest wrote {digest}")


def _check_net(capture: pathlib.Path) -> None:
    """The card's own traffic, both ways, as QEMU saw it outside of the machine."""
    size = capture.stat().st_size
    if size < 2 * ROUNDS * 256 * 1024:
        raise Failure(f"{size} bytes crossed the network, expected {2 * ROUNDS * 256 * 1024} at least")


def _both(workshop: Workshop, board: str, minimum: tuple[int, int], trace: str) -> None:
    if qemu_version() < minimum:
        raise Skip(f"board {board} needs QEMU {minimum[0]}.{minimum[1]}")
    folder = workshop.folder / f"devices-{board}"
    folder.mkdir(parents=True, exist_ok=True)
    image = workshop.build(workshop.example("devices"), folder / "devices.iso", board)
    disk = folder / f"{board}.disk0.img"
    _make_disk(disk)
    capture = folder / "net0.pcap"
    extra = ("-object", f"filter-dump,id=dump0,netdev=net0,file={capture}", "-trace", trace)
    machine = AsRun(septum=str(workshop.septum), disks=str(folder), extra=extra)
    console = boot(machine, str(image), SECONDS, anywhere=DONE, never=NEVER, settle=0.5)
    _check_disk(disk)
    _check_net(capture)
    if not any(re.search(trace.rstrip("*"), line.text) for line in console.lines):
        raise Failure(f"the IOMMU did nothing: no event of {trace}")


def both_vt_d(workshop: Workshop) -> None:
    """an NVMe disk and a network card, each in a Linux of its own, behind VT-d"""
    _both(workshop, "qemu-q35-devices", (9, 0), "vtd_ir_remap*")


def both_amd_vi(workshop: Workshop) -> None:
    """the same behind an AMD IOMMU"""
    _both(workshop, "qemu-q35-amd-iommu", (9, 2), "amdvi_ir_remap*")


CASES = {
    "devices.vt-d": both_vt_d,
    "devices.amd-vi": both_amd_vi,
}
