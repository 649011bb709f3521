# SPDX-License-Identifier: Apache-2.0
"""The command as a person feels it. Each time is the least of several runs: what is above it is the machine's load."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from figures import Figure, absent, at_most


def milliseconds(words: list, folder: pathlib.Path, said: str = "") -> float:
    """One run in `folder`, which is also where it remembers earlier builds. It has to say `said`."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    begin = time.perf_counter()
    done = subprocess.run(words, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    took = (time.perf_counter() - begin) * 1000
    if said not in done.stderr:
        raise ValueError(f"`{' '.join(map(str, words))}` was to say `{said}`, and said: {done.stderr.strip()}")
    return took


def least_ms(words: list, rounds: int, folder: pathlib.Path, said: str = "") -> float:
    return min(milliseconds(words, folder, said) for _ in range(rounds))


def over_mkrescue(build: list, iso: pathlib.Path, rounds: int, folder: pathlib.Path) -> Figure:
    """Builds of which nothing stands, and grub-mkrescue alone on the three files that such a build puts into the image, in turns."""
    what = "tool: YAML to ISO / grub-mkrescue"
    missing = [name for name in ("grub-mkrescue", "xorriso", "mformat") if shutil.which(name) is None]
    if missing:
        return absent(what, "<= 2", f"there is no {missing[0]}")
    tree = folder / "tree"
    mkrescue = ["grub-mkrescue", "-o", folder / "alone.iso", tree]
    ours, theirs = [], []
    for number in range(rounds + 1):  # the first brings everything into memory and counts for nothing
        shutil.rmtree(folder / "cache", ignore_errors=True)
        iso.unlink(missing_ok=True)
        ours.append(milliseconds(build, folder, "wrote `"))
        if number == 0:
            extract = [word for path in ("grub/grub.cfg", "septum.elf", "appliance.sep") for word in ("-extract", f"/boot/{path}", tree / "boot" / path)]
            subprocess.run(["xorriso", "-osirrox", "on", "-indev", iso, *extract], check=True, capture_output=True)
        theirs.append(milliseconds(mkrescue, folder))
    return at_most(what, min(ours[1:]) / min(theirs[1:]), 2, "", 2)


def measure(septum: pathlib.Path, source: pathlib.Path, rounds: int) -> list[Figure]:
    example = source / "config/examples/gateway.yaml"
    with tempfile.TemporaryDirectory(prefix="septum-bench-") as scratch:
        folder = pathlib.Path(scratch)
        iso = folder / "gateway.iso"
        build = [septum, "build", example, "-o", iso]
        figures = [at_most("tool: septum --help", least_ms([septum, "--help"], 5 * rounds, folder), 20, "ms", 1),
                   at_most("tool: check of the example", least_ms([septum, "check", example], 5 * rounds, folder), 20, "ms", 1),
                   over_mkrescue(build, iso, 3 * rounds, folder)]
        milliseconds(build, folder)
        return [*figures, at_most("tool: build without a change", least_ms(build, 3 * rounds, folder, "unchanged: `"), 300, "ms", 0)]
