# SPDX-License-Identifier: Apache-2.0
"""A counterexample on the machine: an image is forced into a state that the verifier calls violated, and booted; what the
verdict predicts must happen, and must not on the image as built."""

import json
import pathlib
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass

from harness import probe
from harness.check import BROKEN, boot
from harness.forge import Forge
from harness.images import Workshop
from harness.machine import XAPIC, Failure, Machine, needs_x2apic
from harness.probe import Step

APPLIANCE = """septum: 1
name: replay
board: {board}
partitions:
  culprit:
    cpus: 1
    memory: 16 MiB
    boot: {{elf: culprit.elf}}
    console: true
{culprit}  victim:
    cpus: 1
    memory: 16 MiB
    boot: {{elf: victim.elf}}
    console: true
{victim}channels:
  word: {{from: victim, to: culprit, size: 4 KiB}}
"""
SECRET_AT, SECRET = 0xF00010, 0x5A  # in the victim's RAM, far above its ELF
CHANNEL = 0xD0000000
IN_REACH = 0xA00000  # in the culprit's RAM
ENDS = r"\[culprit\] life 0 ends|septum: culprit: fault"

Answers = dict[int, int | str]


@dataclass(frozen=True)
class Scene:
    """`force` alters the image. `shows` and `honest` look at what the culprit's probe answered and at the serial line: whether
    the predicted access happened, and whether it did not. `seen` and `seen_forced` are waited for before they look."""

    ids: frozenset[str]  # violated, whatever else is
    force: Callable[[Forge], None]
    shows: Callable[[Answers, str], bool]
    honest: Callable[[Answers, str], bool]
    culprit: list[Step] | Callable[[Forge], list[Step]] = ()  # a function where they depend on where things lie
    victim: list[Step] = ()
    machine: Machine = XAPIC
    board: str = "qemu-q35-xapic"
    culprit_has: str = ""  # more lines of the appliance file
    victim_has: str = ""
    seen: tuple[str, ...] = (ENDS,)
    seen_forced: tuple[str, ...] = (ENDS,)
    never: tuple[str, ...] = BROKEN
    finish: Callable[[bytes], bytes] = lambda image: image  # what is altered outside the bundle
    unreadable: bool = False  # the verifier does not get as far as a verdict: it refuses to read the image, with these ids


class Replay:
    """A case of tests/qemu/run.py. `scene` makes the Scene; its docstring says what is shown."""

    def __init__(self, scene: Callable[[], Scene]):
        self.scene, self.__doc__ = scene, scene.__doc__

    @property
    def ids(self) -> frozenset[str]:
        return self.scene().ids

    def __call__(self, workshop: Workshop) -> None:
        scene = self.scene()
        if scene.board != "qemu-q35-xapic":
            needs_x2apic()
        with tempfile.TemporaryDirectory(prefix="septum-replay-") as name:
            folder = pathlib.Path(name)
            culprit = scene.culprit
            if callable(culprit):
                culprit = culprit(Forge(_build(workshop, folder, scene, []).read_bytes()))
            good = _build(workshop, folder, scene, list(culprit))
            forge = Forge(good.read_bytes())
            scene.force(forge)
            forced = folder / "forced.iso"
            forced.write_bytes(scene.finish(forge.sealed()))
            (_unreadable if scene.unreadable else _violated)(workshop, folder, forced, scene.ids)
            for image, predicate, seen, what in ((good, scene.honest, scene.seen, "the image as built"),
                                                 (forced, scene.shows, scene.seen_forced, "the forced image")):
                text = boot(scene.machine, str(image), 90, anywhere=seen, never=scene.never, settle=1).text()
                said = probe.answers(text, "culprit")
                print(f"{what}: {said}")
                if not predicate(said, text):
                    raise Failure(f"{what} does not behave as predicted: {said}\n--- serial line\n{text}")


def _build(workshop: Workshop, folder: pathlib.Path, scene: Scene, culprit: list[Step]) -> pathlib.Path:
    elf = (workshop.septum.parent / "payloads/probe.elf").read_bytes()
    (folder / "culprit.elf").write_bytes(probe.scripted(elf, culprit))
    (folder / "victim.elf").write_bytes(probe.scripted(elf, list(scene.victim)))
    yaml = folder / "replay.yaml"
    yaml.write_text(APPLIANCE.format(board=scene.board, culprit=scene.culprit_has, victim=scene.victim_has))
    return workshop.build(yaml, folder / "good.iso")


def _violated(workshop: Workshop, folder: pathlib.Path, forced: pathlib.Path, ids: frozenset[str]) -> None:
    """The verifier must say `violated` of `ids`, with a finding each."""
    done = subprocess.run([str(workshop.septum), "verify", str(folder / "replay.yaml"), str(forced), "--format", "json"],
                          capture_output=True, text=True, check=False)
    properties = json.loads(done.stdout)["properties"] if done.returncode == 2 else []
    found = {p["id"]: p["findings"] for p in properties if p["verdict"] == "violated"}
    if not ids <= found.keys():
        raise Failure(f"expected {sorted(ids)} violated, found {sorted(found)}, exit code {done.returncode}\n{done.stdout[-2000:]}{done.stderr}")
    for name in sorted(ids):
        print(f"{name}: {found[name][0]['message']}")


def _unreadable(workshop: Workshop, folder: pathlib.Path, forced: pathlib.Path, ids: frozenset[str]) -> None:
    """The verifier must refuse to read the image, and name `ids`."""
    done = subprocess.run([str(workshop.septum), "verify", str(folder / "replay.yaml"), str(forced)], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    if done.returncode != 1 or not all(f"error[{one}]" in said for one in ids):
        raise Failure(f"expected {sorted(ids)} and exit code 1, found exit code {done.returncode}\n{said}")
    print("\n".join(line for line in said.splitlines() if line.startswith("error[")))
