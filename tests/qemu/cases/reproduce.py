# SPDX-License-Identifier: Apache-2.0
"""The same input gives the same bytes, whenever and wherever it is built."""

import hashlib
import os
import pathlib
import shutil
import tempfile
import time

from harness.images import Workshop
from harness.machine import Failure


def digest(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _twice(workshop: Workshop, example: str) -> None:
    with tempfile.TemporaryDirectory(prefix="septum-a-") as one, tempfile.TemporaryDirectory(prefix="septum-bb-") as two:
        first = workshop.build(workshop.example(example), pathlib.Path(one) / "image.iso")
        time.sleep(2.1)  # FAT keeps two seconds, ISO 9660 one
        # The second from a copy of the appliance file elsewhere, in another time zone, under another umask and locale.
        copy = pathlib.Path(two) / "appliance.yaml"
        shutil.copyfile(workshop.example(example), copy)
        was = {name: os.environ.get(name) for name in ("TZ", "LC_ALL")}
        os.environ.update(TZ="Pacific/Kiritimati", LC_ALL="C")
        mask = os.umask(0o077)
        try:
            second = workshop.build(copy, pathlib.Path(two) / "other.iso")
        finally:
            os.umask(mask)
            for name, value in was.items():
                if value is None:
                    os.environ.pop(name)
                else:
                    os.environ[name] = value
        if digest(first) != digest(second):
            one_bytes, two_bytes = first.read_bytes(), second.read_bytes()
            at = next((n for n, (a, b) in enumerate(zip(one_bytes, two_bytes)) if a != b), min(len(one_bytes), len(two_bytes)))
            raise Failure(f"two builds of {example} differ from byte 0x{at:x} on "
                          f"(sizes {len(one_bytes)} and {len(two_bytes)})")


def native(workshop: Workshop) -> None:
    """two builds of the native example, elsewhere and later, are identical"""
    _twice(workshop, "gateway-native")


def linux(workshop: Workshop) -> None:
    """two builds of the Linux example, elsewhere and later, are identical"""
    _twice(workshop, "gateway")


CASES = {"reproduce.native": native, "reproduce.linux": linux}
