# SPDX-License-Identifier: Apache-2.0
"""Guests started by other protocols than Linux's own and ours."""

from harness import vmlinux
from harness.check import BROKEN, boot
from harness.images import Workshop
from harness.machine import XAPIC


def multiboot_and_pvh(workshop: Workshop) -> None:
    """one ELF, started by Multiboot in one partition and by PVH in another"""
    image = workshop.build(workshop.source / "tests/qemu/appliances/boot-protocols.yaml", workshop.folder / "boot-protocols.iso",
                           "qemu-q35-xapic")
    measured = tuple(rf"^\[{name}\] exits: {what} \d+ \d+$" for name in ("multiboot", "pvh") for what in ("cpuid", "port", "timer-wake"))
    boot(XAPIC, str(image), 60, anywhere=(r"^\[multiboot\] exits: started by multiboot$", r"^\[pvh\] exits: started$", *measured,
                                          r"^\[multiboot\] exits: done$", r"^\[pvh\] exits: done$"))


def pvh_linux(workshop: Workshop) -> None:
    """an unmodified Linux entered by PVH, with two CPUs and an initial RAM disk"""
    folder = workshop.folder / "pvh-linux"
    folder.mkdir(parents=True, exist_ok=True)
    vmlinux.extract(workshop.septum.parent / "payloads" / "vmlinuz-cloud", folder / "vmlinux-cloud")
    appliance = folder / "pvh-linux.yaml"
    appliance.write_bytes((workshop.source / "tests/qemu/appliances/pvh-linux.yaml").read_bytes())
    image = workshop.build(appliance, workshop.folder / "pvh-linux.iso", "qemu-q35-xapic")
    boot(XAPIC, str(image), 100,
         anywhere=(r"^\[gateway\] gateway: Linux \S+ up, 2 CPUs", r"^\[gateway\] gateway: 200 of 200 answers verified",
                   r"septum: gateway: stopped"),
         never=BROKEN)


CASES = {"protocol.multiboot-pvh": multiboot_and_pvh, "protocol.pvh-linux": pvh_linux}
