# SPDX-License-Identifier: Apache-2.0
"""The examples boot, and do what they are there for."""

import pathlib

from harness.check import BROKEN, boot
from harness.images import Workshop
from harness.machine import X2APIC, XAPIC, Machine, Skip, needs_x2apic

# QEMU shares two host CPUs among four: generous, because a slow machine is no defect.
SECONDS = 100

VAULT = (
    r"septum: vault: launched, 1 cpu, 32 MiB",
    r"^\[vault\] vault: ready",
    r"^\[vault\] vault: 200 answers given, 0 requests refused, 0 lost, 0 answers dropped",
)
NATIVE = (
    *VAULT,
    r"septum: gateway: launched, \d cpus?, 64 MiB",
    r"^\[gateway\] gateway: native, \d CPU",
    r"^\[gateway\] gateway: 200 of 200 answers verified",
    r"septum: gateway: stopped",
)
LINUX = (
    *VAULT,
    r"septum: gateway: launched, 2 cpus, 256 MiB",
    r"^\[gateway\] gateway: Linux \S+ up, 2 CPUs",
    r"^\[gateway\] gateway: 200 of 200 answers verified",
    r"septum: gateway: stopped",
)
INTRUDER = (
    r"septum: intruder: launched, 1 cpu, 16 MiB",
    r"septum: intruder: fault: memory read at guest-physical 0x",
    r"septum: intruder: fault: forbidden port 0x",
    r"septum: intruder: fault: forbidden msr, write 0x",
    r"septum: intruder: fault: interrupt to a foreign cpu ",
    r"septum: intruder: fault: virtualisation instruction",
    r"septum: intruder: fault: endless #",
    r"^\[intruder\] intruder: \d+ tries, nothing gained",
    r"septum: intruder: stopped",
)


def _boot(workshop: Workshop, machine: Machine, image: str, anywhere: tuple[str, ...]) -> None:
    boot(machine, str(workshop.image(image)), SECONDS, anywhere=(*anywhere, *INTRUDER), never=(*BROKEN, r"BREACH"), settle=0.5)


def native_x2apic(workshop: Workshop) -> None:
    """the native example over physical x2APIC"""
    needs_x2apic()
    _boot(workshop, X2APIC, "native-x2apic", NATIVE)


def native_xapic(workshop: Workshop) -> None:
    """the native example over physical xAPIC"""
    _boot(workshop, XAPIC, "native-xapic", NATIVE)


def linux_x2apic(workshop: Workshop) -> None:
    """the example with an unmodified Linux over physical x2APIC"""
    needs_x2apic()
    _boot(workshop, X2APIC, "linux-x2apic", LINUX)


def linux_xapic(workshop: Workshop) -> None:
    """the example with an unmodified Linux over physical xAPIC"""
    _boot(workshop, XAPIC, "linux-xapic", LINUX)


def native_uefi(workshop: Workshop) -> None:
    """the native example, started by UEFI firmware"""
    firmware = next((path for path in ("/usr/share/ovmf/OVMF.fd", "/usr/share/OVMF/OVMF.fd") if pathlib.Path(path).exists()), None)
    if firmware is None:
        raise Skip("no UEFI firmware: the package `ovmf` has it")
    _boot(workshop, XAPIC.but(extra=("-bios", firmware)), "native-xapic", NATIVE)


CASES = {
    "boot.native-x2apic": native_x2apic,
    "boot.native-xapic": native_xapic,
    "boot.linux-x2apic": linux_x2apic,
    "boot.linux-xapic": linux_xapic,
    "boot.native-uefi": native_uefi,
}
