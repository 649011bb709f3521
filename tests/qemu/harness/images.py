# SPDX-License-Identifier: Apache-2.0
"""Images for the tests: made by the `septum` under test, once per run of the suite."""

import pathlib
import subprocess
from dataclasses import dataclass

from harness.machine import Failure


@dataclass(frozen=True)
class Workshop:
    septum: pathlib.Path   # the command
    source: pathlib.Path   # the repository
    folder: pathlib.Path   # where images go

    def example(self, name: str) -> pathlib.Path:
        return self.source / "config" / "examples" / f"{name}.yaml"

    def _build(self, appliance: pathlib.Path, image: pathlib.Path, board: str) -> subprocess.CompletedProcess[str]:
        line = [str(self.septum), "build", str(appliance), "-o", str(image)]
        if board:
            line += ["--board", board]
        image.parent.mkdir(parents=True, exist_ok=True)
        return subprocess.run(line, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)

    def build(self, appliance: pathlib.Path, image: pathlib.Path, board: str = "") -> pathlib.Path:
        done = self._build(appliance, image, board)
        if done.returncode != 0:
            raise Failure(f"`{' '.join(done.args)}` gave {done.returncode}\n{done.stdout}{done.stderr}")
        return image

    def refusal(self, appliance: pathlib.Path, image: pathlib.Path, board: str = "") -> str:
        """What `septum build` says when it must not write the image."""
        image.unlink(missing_ok=True)
        done = self._build(appliance, image, board)
        if done.returncode != 2 or image.exists():
            raise Failure(f"`{' '.join(done.args)}` gave {done.returncode}, expected 2 and no image\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def image(self, name: str) -> pathlib.Path:
        """One of the images that the test `qemu.images` has made."""
        path = self.folder / f"{name}.iso"
        if not path.exists():
            raise Failure(f"{path} is not there: the test qemu.images makes it")
        return path


# Name, example, board ("" is the example's own).
IMAGES = (
    ("native-x2apic", "gateway-native", ""),
    ("native-xapic", "gateway-native", "qemu-q35-xapic"),
    ("linux-x2apic", "gateway", ""),
    ("linux-xapic", "gateway", "qemu-q35-xapic"),
)


def make_all(workshop: Workshop) -> None:
    for name, example, board in IMAGES:
        workshop.build(workshop.example(example), workshop.folder / f"{name}.iso", board)
