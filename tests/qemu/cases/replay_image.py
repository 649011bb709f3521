# SPDX-License-Identifier: Apache-2.0
"""Counterexamples replayed: what boots, and on which machine. And the list: every area of the catalogue has one, or says why not."""

import re
import struct

from cases import replay, replay_devices
from harness import probe
from harness.forge import SECTOR, Forge
from harness.images import Workshop
from harness.machine import XAPIC, Failure
from harness.probe import Step
from harness.replay import ENDS, Replay, Scene

BLOCK = 512  # GRUB's unit in lists of blocks
REFUSED = r"septum: refused: "
LAUNCHED = r"septum: victim: launched"
PCI_FUNCTION = 4  # septum/manifest/manifest.hpp: FactKind
NEW_AT, NEW_ID = 0x0028, 0x11E81234  # 00:05.0, `edu`


def _with_another_bundle(built: list[bytes]):
    """GRUB told to load a bundle that lies in no file, behind the file system, in place of the judged one."""
    def finish(forged: bytes) -> bytes:
        out = bytearray(built[0])
        forge = Forge(built[0])
        other = forged[forge.at:forge.at + forge.size]
        begin = (len(out) + SECTOR - 1) // SECTOR * SECTOR
        config = f"multiboot2 /boot/septum.elf\nmodule2 {begin // BLOCK}+{len(other) // BLOCK}\nboot\n".encode()
        # The directory's record: size in both byte orders at 10, name at 33 (ECMA-119 §9.1); the place of the extent at 2.
        record = out.index(b"GRUB.CFG;1") - 33
        extent, = struct.unpack_from("<I", out, record + 2)
        struct.pack_into("<I", out, record + 10, len(config))
        struct.pack_into(">I", out, record + 14, len(config))
        out[extent * SECTOR:(extent + 1) * SECTOR] = config.ljust(SECTOR, b"\0")
        return bytes(out.ljust(begin, b"\0") + other)
    return finish


def boot_path() -> Scene:
    """another bundle is loaded than the judged one: the culprit has a port in it (image.boot-path)"""
    built: list[bytes] = []

    def force(forge: Forge) -> None:
        built[:] = [bytes(forge.image)]
        for port in (replay.PORT, replay.PORT_INDEX):
            forge.grant_port("culprit", port)
    return Scene(
        frozenset({"image.boot-path"}), force, finish=_with_another_bundle(built), unreadable=True,
        culprit=[Step(probe.OUT, replay.PORT_INDEX, 0x0D), Step(probe.IN, replay.PORT)],
        shows=lambda a, _: a.get(1) == 0x80, honest=lambda a, _: a.get(1) == 0)


def board() -> Scene:
    """a fact that is not the board's: the image starts on a machine that the proof is not about (board.contract)"""
    def force(forge: Forge) -> None:
        for number in range(forge.count("facts")):
            at = forge.record("facts", number)
            if forge.get("<H", at) == PCI_FUNCTION:
                continue
            for place, form, value in ((0, "<H", PCI_FUNCTION), (2, "<H", 0), (4, "<I", NEW_AT), (8, "<I", 0), (16, "<Q", 0xFFFFFFFF), (24, "<Q", NEW_ID)):
                forge.set(form, at + place, value)
            return
    return Scene(
        frozenset({"board.contract"}), force, machine=XAPIC.but(devices=("edu,addr=05.0",)), seen=(REFUSED,), seen_forced=(ENDS,), never=(),
        shows=lambda _, text: "septum: victim: launched" in text and "septum: refused" not in text,
        honest=lambda _, text: "pci 00:05.0: expected nothing, found 1234:11e8" in text and ": launched" not in text)


# Areas whose violation no image can show on this machine.
UNSEEN = {
    "asid": "each CPU has a TLB of its own and one partition for good: a doubled ASID would be seen only on a CPU that two share",
    "cache": "not judged: no cache policy is declared",
    "sched": "not judged: no CPU is shared",
}


def areas_of(catalogue: str) -> dict[str, set[str]]:
    """The ids of the catalogue by area, which is what stands before the dot."""
    found: dict[str, set[str]] = {}
    for area, name in re.findall(r"^### `([a-z]+)\.([a-z0-9-]+)`", catalogue, re.MULTILINE):
        found.setdefault(area, set()).add(f"{area}.{name}")
    return found


def complaints(areas: dict[str, set[str]], cases: dict[str, frozenset[str]], unseen: dict[str, str]) -> list[str]:
    """What is wrong between the catalogue, the replays and the reasons."""
    known = set().union(*areas.values())
    shown = {one.split(".")[0] for ids in cases.values() for one in ids}
    wrong = [f"{name} shows `{one}`, which the catalogue does not have" for name, ids in cases.items() for one in sorted(ids - known)]
    wrong += [f"no replay shows a violation of the area `{area}`, and no reason is stated" for area in areas if area not in shown | unseen.keys()]
    wrong += [f"the area `{area}` has a replay and a reason why it has none" for area in sorted(shown & unseen.keys())]
    return wrong + [f"a reason is stated for `{area}`, which the catalogue does not have" for area in unseen if area not in areas]


def areas(workshop: Workshop) -> None:
    """every area of the catalogue has a replay, or a stated reason why the emulator cannot show one"""
    found = areas_of((workshop.source / "docs/catalogue.md").read_text())
    cases = {name: case.ids for name, case in CASES.items() if isinstance(case, Replay)}
    for area in found:
        names = [name for name, ids in cases.items() if any(one.startswith(area + ".") for one in ids)]
        print(f"{area:6} {', '.join(names) or 'none: ' + UNSEEN.get(area, 'no reason')}")
    wrong = complaints(found, cases, UNSEEN)
    # It must notice: an area more, and a replay less.
    if len(complaints({**found, "new": {"new.one"}}, cases, UNSEEN)) != len(wrong) + 1:
        wrong.append("an area without a replay is not noticed")
    if not complaints(found, {name: ids for name, ids in cases.items() if name != "replay.dma"}, UNSEEN):
        wrong.append("a lost replay is not noticed")
    if wrong or len(found) < 20:
        raise Failure(f"{len(found)} areas; " + "\n".join(wrong))


CASES = {
    **replay.CASES, **replay_devices.CASES,
    **{f"replay.{name}": Replay(scene) for name, scene in (("boot-path", boot_path), ("board", board))},
    "replay.areas": areas,
}
