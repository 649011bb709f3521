# SPDX-License-Identifier: Apache-2.0
"""One bit of a finished image the other way: the kernel must refuse it and say what does not match."""

import pathlib
import tempfile

from harness import bundle
from harness.check import refused
from harness.images import Workshop
from harness.machine import XAPIC

# Any machine shows this; the xAPIC board runs on every QEMU.
IMAGE = "native-xapic"


def _flip(workshop: Workshop, place, pattern: str) -> None:
    image = workshop.image(IMAGE).read_bytes()
    found = bundle.find(image)
    with tempfile.TemporaryDirectory(prefix="septum-altered-") as folder:
        altered = pathlib.Path(folder) / "altered.iso"
        altered.write_bytes(bundle.flipped(image, place(found)))
        refused(XAPIC, str(altered), pattern)


def manifest_name(workshop: Workshop) -> None:
    """a bit of the appliance's name in the manifest"""
    _flip(workshop, lambda found: found.manifest.offset + bundle.AT_NAME, r"manifest: expected sha256 \w+\.*, found sha256 ")


def manifest_record(workshop: Workshop) -> None:
    """a bit of the manifest's first record"""
    _flip(workshop, lambda found: found.manifest.offset + 448 + 8, r"manifest: expected sha256 ")


def manifest_version(workshop: Workshop) -> None:
    """a manifest of a version that this kernel does not know"""
    _flip(workshop, lambda found: found.manifest.offset + 9, r"manifest version: expected 2, found 258")


def table(workshop: Workshop) -> None:
    """a bit of the sealed tables"""
    _flip(workshop, lambda found: found.tables.middle, r"tables: expected sha256 ")


def payload(workshop: Workshop) -> None:
    """a bit of a guest's code"""
    _flip(workshop, lambda found: max(found.payloads, key=lambda place: place.size).middle, r"payload digest of \S+: expected ")


def kernel_text(workshop: Workshop) -> None:
    """a bit of the kernel's resident code"""
    _flip(workshop, lambda found: found.kernel_text.middle, r"kernel: expected sha256 ")


CASES = {
    "alter.manifest-name": manifest_name,
    "alter.manifest-record": manifest_record,
    "alter.manifest-version": manifest_version,
    "alter.table": table,
    "alter.payload": payload,
    "alter.kernel-text": kernel_text,
}
