# SPDX-License-Identifier: Apache-2.0
"""A machine that is not the declared board: the kernel must name the fact, the expected and the found value."""

from harness.check import refused
from harness.images import Workshop
from harness.machine import XAPIC, Machine

NATIVE = "native-xapic"  # three CPUs in use
FULL = "linux-xapic"     # all four


def _on(workshop: Workshop, machine: Machine, pattern: str, image: str = NATIVE) -> None:
    refused(machine, str(workshop.image(image)), pattern)


def too_few_cpus(workshop: Workshop) -> None:
    """a machine with three CPUs instead of four"""
    _on(workshop, XAPIC.but(cpus=3), r"number of cpus less one .*: expected 0x3, found 0x2", FULL)


def too_many_cpus(workshop: Workshop) -> None:
    """a machine with a fifth CPU, which nobody would own"""
    _on(workshop, XAPIC.but(cpus=5), r"number of cpus less one .*: expected 0x3, found 0x4")


def another_package(workshop: Workshop) -> None:
    """a second processor package as large as the first, which counts only its own CPUs"""
    _on(workshop, XAPIC.but(cpus="8,sockets=2,cores=4,threads=1"), r"apic id [4-7]: expected no CPU, found one")


def too_little_memory(workshop: Workshop) -> None:
    """a machine whose memory ends below the planned ranges"""
    _on(workshop, XAPIC.but(memory=64), r"ram 0x[0-9a-f]+\.\.0x[0-9a-f]+: expected usable, found (no memory in|reserved) 0x")


def no_iommu(workshop: Workshop) -> None:
    """a machine without an IOMMU"""
    _on(workshop, XAPIC.but(iommu=""), r"iommu.*: expected .*, found ")


def no_remapping(workshop: Workshop) -> None:
    """an IOMMU that cannot remap interrupts"""
    _on(workshop, XAPIC.but(iommu="intel-iommu,intremap=off"), r"iommu.*: expected .*, found ")


def another_device(workshop: Workshop) -> None:
    """a PCI function that the board file does not name"""
    _on(workshop, XAPIC.but(devices=("edu,addr=05.0",)), r"pci 00:05\.0: expected nothing, found 1234:11e8")


def missing_device(workshop: Workshop) -> None:
    """a PCI function of the board file that is not there"""
    _on(workshop, XAPIC.but(smbus=False), r"pci 00:1f\.3: expected 8086:2930, found nothing")


def no_svm(workshop: Workshop) -> None:
    """a processor without SVM"""
    _on(workshop, XAPIC.but(cpu="max,-x2apic,-svm"), r"(.*svm|highest extended cpuid leaf).*: expected 0x[0-9a-f]+, found 0x")


def no_nested_paging(workshop: Workshop) -> None:
    """a processor without nested paging"""
    _on(workshop, XAPIC.but(cpu="max,-x2apic,-npt"), r".*(npt|nested).*: expected 0x[0-9a-f]+, found 0x0")


def another_vendor(workshop: Workshop) -> None:
    """a processor of another vendor"""
    _on(workshop, XAPIC.but(cpu="max,-x2apic,vendor=GenuineIntel"), r".*vendor.*: expected 0x[0-9a-f]+, found 0x[0-9a-f]+")


def xapic_only(workshop: Workshop) -> None:
    """an image for x2APIC on a processor that has none"""
    _on(workshop, XAPIC, r".*x2apic.*: expected 0x[0-9a-f]+, found 0x0|.*x2APIC.*: expected ", "native-x2apic")


CASES = {
    "refuse.too-few-cpus": too_few_cpus,
    "refuse.too-many-cpus": too_many_cpus,
    "refuse.another-package": another_package,
    "refuse.too-little-memory": too_little_memory,
    "refuse.no-iommu": no_iommu,
    "refuse.no-interrupt-remapping": no_remapping,
    "refuse.another-device": another_device,
    "refuse.missing-device": missing_device,
    "refuse.no-svm": no_svm,
    "refuse.no-nested-paging": no_nested_paging,
    "refuse.another-vendor": another_vendor,
    "refuse.xapic-only": xapic_only,
}
