# SPDX-License-Identifier: Apache-2.0
"""Images of every kind boot by every firmware; a disk is brought to another appliance as the manual says, and each step of
that leaves one that boots."""

import pathlib
import shutil
import subprocess
import tempfile

from cases.boot import INTRUDER, NATIVE, SECONDS
from harness.check import BROKEN, boot
from harness.images import Workshop
from harness.machine import PATIENCE, QEMU, X2APIC, Failure, Machine, Skip, needs_x2apic

DATA = 35 << 20  # where the third partition begins


def _firmware() -> tuple[str, ...]:
    found = next((path for path in ("/usr/share/ovmf/OVMF.fd", "/usr/share/OVMF/OVMF_CODE.fd") if pathlib.Path(path).exists()), None)
    if found is None:
        raise Skip("no UEFI firmware: the package `ovmf` has it")
    return ("-bios", found)


def _needs_rom() -> None:
    folders = ("/usr/lib/ipxe/qemu", "/usr/share/qemu", "/usr/share/qemu-kvm", "/usr/share/ipxe/qemu")
    if not any(pathlib.Path(folder, "efi-virtio.rom").exists() for folder in folders):
        raise Skip("no ROM to start a network card from: the package `ipxe-qemu` has it")


def _disk(image: pathlib.Path, *more: str) -> Machine:
    return X2APIC.but(extra=("-drive", f"if=ide,format=raw,snapshot=on,file={image}", *more))


def _boots(machine: Machine, *said: str) -> None:
    boot(machine, "", SECONDS, anywhere=said, never=(*BROKEN, r"BREACH"), settle=0.5)


def _native(workshop: Workshop, name: str, folder: str, board: str = "") -> pathlib.Path:
    return workshop.build(workshop.example("gateway-native"), pathlib.Path(folder) / name, board)


def disk_bios(workshop: Workshop) -> None:
    """the native example from a disk, by BIOS"""
    needs_x2apic()
    with tempfile.TemporaryDirectory(prefix="septum-disk-") as folder:
        _boots(_disk(_native(workshop, "native.img", folder)), *NATIVE, *INTRUDER)


def disk_uefi(workshop: Workshop) -> None:
    """the native example from a disk, by UEFI; and the disk is not written to"""
    needs_x2apic()
    with tempfile.TemporaryDirectory(prefix="septum-disk-") as folder:
        _boots(_disk(_native(workshop, "native.img", folder), *_firmware()), *NATIVE, *INTRUDER)


def _run(words: list[str], code: int = 0) -> str:
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != code:
        raise Failure(f"`{' '.join(words)}` gave {done.returncode}, expected {code}\n{done.stdout}{done.stderr}")
    return done.stdout


def disk_update(workshop: Workshop) -> None:
    """a disk is updated to another appliance; it boots the old one until the last step, then the new one; proved throughout"""
    needs_x2apic()
    if shutil.which("mcopy") is None:
        raise Skip("mtools are not installed")
    septum = str(workshop.septum)
    with tempfile.TemporaryDirectory(prefix="septum-update-") as name:
        folder = pathlib.Path(name)
        disk = _native(workshop, "native.img", name)
        old_yaml = workshop.example("gateway-native")
        new_yaml = folder / "new.yaml"
        new_yaml.write_text("septum: 1\nname: successor\nboard: qemu-q35\npartitions:\n  alone:\n    cpus: 1\n    memory: 16 MiB\n"
                            "    boot: {elf: hello.elf}\n    console: true\n")
        new = workshop.build(new_yaml, folder / "new.img")
        part = f"{disk}@@{DATA}"
        for path in ("septum.elf", "appliance.sep"):
            _run(["mcopy", "-n", "-i", f"{new}@@{DATA}", f"::a/{path}", str(folder / path)])
        # 1: the new files, in the other place. Cut off at any moment the disk boots what it did.
        _run(["mcopy", "-i", part, str(folder / "septum.elf"), "::b/septum.elf"])
        _run([septum, "verify", str(old_yaml), str(disk)])
        _run(["mcopy", "-i", part, str(folder / "appliance.sep"), "::b/appliance.sep"])
        _run([septum, "verify", str(old_yaml), str(disk)])
        _boots(_disk(disk), r"septum: gateway-native on qemu-q35")
        # 2: the switch, one sector in its place.
        image = bytearray(disk.read_bytes())
        at = image.index(b"set timeout=0\nmultiboot2 /a/septum.elf\nmodule2 /a/appliance.sep\nboot\n")
        sector = at // 512
        config = b"set timeout=0\nmultiboot2 /b/septum.elf\nmodule2 /b/appliance.sep\nboot\n"
        image[at:at + len(config)] = config
        if (at + len(config) - 1) // 512 != sector:
            raise Failure("grub.cfg does not lie in one sector")
        disk.write_bytes(image)
        _run([septum, "verify", str(old_yaml), str(disk)], 2)
        _run([septum, "verify", str(new_yaml), str(disk)])
        for machine in (_disk(disk), _disk(disk, *_firmware())):
            _boots(machine, r"septum: successor on qemu-q35", r"septum: alone: launched")


def _netboot(workshop: Workshop, program: str, *firmware: str) -> None:
    needs_x2apic()
    _needs_rom()
    with tempfile.TemporaryDirectory(prefix="septum-net-") as name:
        folder = pathlib.Path(name) / "served"
        folder.mkdir()
        board = workshop.source / "tests/qemu/boards/qemu-q35-netboot.yaml"
        archive = _native(workshop, "native.tar", name, str(board))
        _run(["tar", "-xf", str(archive), "-C", str(folder)])
        _run([str(workshop.septum), "verify", str(workshop.example("gateway-native")), str(folder), "--board", str(board)])
        machine = X2APIC.but(extra=("-netdev", f"user,id=net0,restrict=on,tftp={folder},bootfile={program}",
                                    "-device", "virtio-net-pci,netdev=net0,bus=pcie.0,addr=2", *firmware))
        _boots(machine, *NATIVE, *INTRUDER)


def netboot_bios(workshop: Workshop) -> None:
    """the native example over the network, by PXE from the card's own ROM"""
    _netboot(workshop, "grub-bios.0")


def netboot_uefi(workshop: Workshop) -> None:
    """the native example over the network, by UEFI"""
    _netboot(workshop, "grub-x64.efi", *_firmware())


def run_disk(workshop: Workshop) -> None:
    """`septum run` starts a disk by both firmwares, and an archive for the network"""
    needs_x2apic()
    _firmware()
    _needs_rom()
    with tempfile.TemporaryDirectory(prefix="septum-run-") as name:
        board = str(workshop.source / "tests/qemu/boards/qemu-q35-netboot.yaml")
        disk, archive = _native(workshop, "native.img", name), _native(workshop, "native.tar", name, board)
        was = disk.read_bytes()
        until = ["--expect", "vault] vault: ready", "--timeout", str(SECONDS * PATIENCE), "--qemu", QEMU]
        for words in ([str(disk)], [str(disk), "--uefi"], [str(archive), "--board", board]):
            said = _run([str(workshop.septum), "run", *words, *until])
            if "septum: gateway-native on qemu-q35" not in said:
                raise Failure(f"`septum run {' '.join(words)}` said\n{said}")
        if disk.read_bytes() != was:
            raise Failure("`septum run` wrote to the disk's image")


CASES = {
    "boot.disk-bios": disk_bios,
    "boot.disk-uefi": disk_uefi,
    "boot.disk-update": disk_update,
    "boot.netboot-bios": netboot_bios,
    "boot.netboot-uefi": netboot_uefi,
    "boot.run": run_disk,
}
