# SPDX-License-Identifier: Apache-2.0
"""Two Linux partitions with a device each, at once: what they write and send is checked from outside as well."""

import gzip
import hashlib
import pathlib
import random
import re
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import dataclass

from harness import witness
from harness.check import BROKEN, boot
from harness.images import Workshop
from harness.machine import Console, Failure, Machine, Skip, qemu_version

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
    board: str = ""  # where the image's own is not one that ships
    uefi: bool = False

    def command(self, image: str) -> list[str]:
        line = [self.septum, "run", image, "--print-command", "--disks", self.disks]
        line += ["--board", self.board] if self.board else []
        line += ["--uefi"] if self.uefi else []
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


def _check_disk(disk: pathlib.Path, rounds: int) -> None:
    """The guest's own list of digests against the files as they lie in the image."""
    lines = _read(disk, "answer").decode().splitlines()
    if len(lines) != rounds:
        raise Failure(f"`answer` on the disk has {len(lines)} lines, expected {rounds}")
    for line in lines:
        digest, number = line.split()
        found = hashlib.sha256(_read(disk, f"files/{number}")).hexdigest()
        if found != digest:
            raise Failure(f"file {number} on the disk has digest {found}, the guest wrote {digest}")


def _check_net(capture: pathlib.Path, rounds: int) -> None:
    """The card's own traffic, both ways, as QEMU saw it outside of the machine."""
    size = capture.stat().st_size
    if size < 2 * rounds * 256 * 1024:
        raise Failure(f"{size} bytes crossed the network, expected {2 * rounds * 256 * 1024} at least")


def _run(workshop: Workshop, appliance: pathlib.Path, board: str, trace: str, said: tuple[str, ...],
         rounds: tuple[int, int], uefi: bool = False) -> Console:
    """Boots the appliance with a fresh disk; checks disk and network from outside. `rounds`: of the disk, of the net."""
    folder = workshop.folder / f"{appliance.stem}-{board}{'-uefi' if uefi else ''}"
    folder.mkdir(parents=True, exist_ok=True)
    image = workshop.build(appliance, folder / "devices.iso", board)
    disk = folder / f"{board}.disk0.img"
    _make_disk(disk)
    capture = folder / "net0.pcap"
    extra = ("-object", f"filter-dump,id=dump0,netdev=net0,file={capture}", "-trace", trace)
    machine = AsRun(septum=str(workshop.septum), disks=str(folder), uefi=uefi, extra=extra)
    console = boot(machine, str(image), SECONDS, anywhere=said, never=NEVER, settle=0.5)
    _check_disk(disk, rounds[0])
    _check_net(capture, rounds[1])
    if not any(re.search(trace.rstrip("*"), line.text) for line in console.lines):
        raise Failure(f"the IOMMU did nothing: no event of {trace}")
    return console


def _needs(board: str, minimum: tuple[int, int]) -> None:
    if qemu_version() < minimum:
        raise Skip(f"board {board} needs QEMU {minimum[0]}.{minimum[1]}")


def both_vt_d(workshop: Workshop) -> None:
    """an NVMe disk and a network card, each in a Linux of its own, behind VT-d"""
    _needs("qemu-q35-devices", (9, 0))
    _run(workshop, workshop.example("devices"), "qemu-q35-devices", "vtd_ir_remap*", DONE, (ROUNDS, ROUNDS))


def both_amd_vi(workshop: Workshop) -> None:
    """the same behind an AMD IOMMU"""
    _needs("qemu-q35-amd-iommu", (9, 2))
    _run(workshop, workshop.example("devices"), "qemu-q35-amd-iommu", "amdvi_ir_remap*", DONE, (ROUNDS, ROUNDS))


def both_uefi(workshop: Workshop) -> None:
    """the same behind VT-d, started by UEFI firmware, which puts BARs and buses elsewhere"""
    _needs("qemu-q35-devices", (9, 0))
    if not any(pathlib.Path(path).exists() for path in ("/usr/share/ovmf/OVMF.fd", "/usr/share/OVMF/OVMF_CODE_4M.fd")):
        raise Skip("no UEFI firmware: the package `ovmf` has it")
    _run(workshop, workshop.example("devices"), "qemu-q35-devices", "vtd_ir_remap*", DONE, (ROUNDS, ROUNDS), uefi=True)


def _restart(workshop: Workshop, board: str, trace: str) -> None:
    appliance = workshop.source / "tests" / "qemu" / "appliances" / "devices-restart.yaml"
    said = (
        r"^\[disk\] disk: life 1 of 3",
        r"^\[disk\] disk: life 2 of 3",
        r"^\[disk\] disk: 2 files of 1024 KiB written, read back and equal, [1-9]\d* interrupts",
        r"^\[disk\] disk: done",
        r"^\[net\] net: 64 times 256 KiB sent, received and equal, [1-9]\d* interrupts",
        r"^\[net\] net: done",
        r"septum: disk: stopped",
    )
    console = _run(workshop, appliance, board, trace, said, (2, 64))
    wishes = sum(1 for line in console.lines if "septum: disk: restarts by its own wish" in line.text)
    if wishes != 2:
        raise Failure(f"`disk` was restarted {wishes} times, expected 2\n{console.text()}")


def restart(workshop: Workshop) -> None:
    """a Linux restarts itself with its disk, twice; another with its network card notices nothing"""
    _needs("qemu-q35-devices", (9, 0))
    _restart(workshop, "qemu-q35-devices", "vtd_ir_remap*")


def restart_amd_vi(workshop: Workshop) -> None:
    """the same behind an AMD IOMMU"""
    _needs("qemu-q35-amd-iommu", (9, 2))
    _restart(workshop, "qemu-q35-amd-iommu", "amdvi_ir_remap*")


def _restarts(workshop: Workshop, count: int, seconds: float) -> None:
    name = f"devices-restarts-{count}"
    board = workshop.source / "tests" / "qemu" / "boards" / "qemu-q35-restarts.yaml"
    _needs(board.stem, (9, 2))
    folder = workshop.folder / name
    folder.mkdir(parents=True, exist_ok=True)
    image = workshop.build(workshop.source / "tests" / "qemu" / "appliances" / f"{name}.yaml", folder / "devices.iso", str(board))
    (folder / f"{board.stem}.disk0.img").write_bytes(bytes(DISK_MIB << 20))  # no file system: the bare disk
    machine = AsRun(septum=str(workshop.septum), disks=str(folder), board=str(board))
    written, report = r"^\[disk\] disk: (\d+) files so far", r"witness-%s: report"
    console = boot(machine, str(image), seconds, never=(
        *BROKEN, r"failed:", r"CHANGED", r"BREACH", r"BROKEN", r"septum: (disk|witness-.): fault", r"nvme nvme0: I/O .* timeout"), in_order=(
        written, rf"septum: driver-{count}: stopped: shut itself down$",
        written, report % "a", report % "b", report % "a", report % "b"))
    lines = [line.text for line in console.lines]
    ends = [number for number, line in enumerate(lines) if re.match(rf"septum: driver-{count}: restart", line)]
    # A line that rests half-said is broken for another's: what the driver said is looked at as a whole.
    prefix = f"[driver-{count}] "
    said = "".join(line.removeprefix(prefix) for line in lines if line.startswith(prefix))
    works = said.count("edu: 4096 bytes through the device and back, 2 interrupts")
    clean = said.count("edu: nothing of the life before arrived")
    if (len(ends), works, clean) != (count, count + 1, count):
        raise Failure(f"{len(ends)} restarts, expected {count}; the device worked in {works} lives of {count + 1}; {clean} found nothing "
                      f"of the one before, expected {count}")
    files = [(number, int(words.group(1))) for number, line in enumerate(lines) if (words := re.match(written, line))]
    before = max((total for number, total in files if number < ends[0]), default=0)
    print(f"{count} restarts of a partition with a device; {files[-1][1] - before} files of 1024 KiB written to another's disk meanwhile, "
          "read back and equal")
    console = Console([line for line in console.lines if not line.text.startswith("qemu-system-")])  # it says that it was ended
    witness.check(console, (f"driver-{count}", "disk", *witness.WITNESSES))
    for name in witness.WITNESSES:
        last = witness.reports(console, name)[-1]
        print(f"{name}: {last['received']} messages in order, {last['sent']} sent, memory intact")


def restarts(workshop: Workshop) -> None:
    """a partition ends 60 times with its device at work; a disk's data, and every message between two others, come through"""
    _restarts(workshop, 60, 500)


def restarts_long(workshop: Workshop) -> None:
    """the same 1,000 times"""
    _restarts(workshop, 1000, 3000)


def e1000e(workshop: Workshop) -> None:
    """the distribution's standard kernel drives an Intel 82574 network card by its own driver, through MSI-X"""
    _needs("qemu-q35-e1000e", (9, 0))
    cache = workshop.source / "out" / "cache"
    kernel, modules = cache / "vmlinuz-standard", ("e1000e",)
    for path in (kernel, *(cache / "standard" / f"{module}.ko" for module in modules)):
        if not path.exists():
            raise Skip(f"{path.name} is not here: tests/qemu/fetch_kernels.sh brings it")
    folder = workshop.folder / "devices-e1000e"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "nic").write_text(f'modules="{" ".join(modules)}"\nraises=eth0-rx-0\n')  # so called only where MSI-X is used
    shutil.copy(kernel, folder / kernel.name)
    # Archives may follow each other in one file; what a later one holds replaces what an earlier one held.
    drivers = [f"file:0644:lib/{module}.ko={cache}/standard/{module}.ko" for module in modules]
    subprocess.run([workshop.septum.parent / "make-initramfs", folder / "drivers.cpio", f"file:0644:lib/nic={folder}/nic", *drivers],
                   check=True, stdin=subprocess.DEVNULL)
    base = (workshop.septum.parent / "payloads" / "net.cpio.gz").read_bytes()
    (folder / "initrd").write_bytes(base + gzip.compress((folder / "drivers.cpio").read_bytes(), mtime=0))
    appliance = folder / "e1000e.yaml"
    shutil.copy(workshop.source / "tests" / "qemu" / "appliances" / "devices-e1000e.yaml", appliance)
    board = str(workshop.source / "tests" / "qemu" / "boards" / "qemu-q35-e1000e.yaml")
    image = workshop.build(appliance, folder / "e1000e.iso", board)
    capture = folder / "net0.pcap"
    machine = AsRun(septum=str(workshop.septum), disks=str(folder), board=board,
                    extra=("-object", f"filter-dump,id=dump0,netdev=net0,file={capture}", "-trace", "vtd_ir_remap*"))
    console = boot(machine, str(image), SECONDS, never=NEVER, settle=0.5, in_order=(
        r"septum: net: launched, 2 cpus, 256 MiB",
        r"^\[net\] net: Linux \S+-amd64 up, 2 CPUs",
        r"^\[net\] net: eth0 52:54:00:",
        r"^\[net\] net: 8 times 256 KiB sent, received and equal, [1-9]\d* interrupts",
        r"^\[net\] net: done",
        r"septum: net: stopped",
    ))
    _check_net(capture, ROUNDS)
    if not any("vtd_ir_remap" in line.text for line in console.lines):
        raise Failure("no interrupt was remapped")


CASES = {
    "devices.vt-d": both_vt_d,
    "devices.amd-vi": both_amd_vi,
    "devices.uefi": both_uefi,
    "devices.restart": restart,
    "devices.restart-amd-vi": restart_amd_vi,
    "devices.restarts": restarts,
    "devices.restarts-1000": restarts_long,
    "devices.e1000e": e1000e,
}
