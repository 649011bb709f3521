# SPDX-License-Identifier: Apache-2.0
"""The command as a person feels it. Each time is the least of several runs: what is above it is the machine's load."""

import pathlib
import shutil
import subprocess
import tempfile
import time

from figures import Figure, absent, at_most


def least_ms(words: list, rounds: int, cwd: pathlib.Path) -> float:
    best = float("inf")
    for _ in range(rounds):
        begin = time.perf_counter()
        subprocess.run(words, cwd=cwd, check=True, capture_output=True)
        best = min(best, (time.perf_counter() - begin) * 1000)
    return best


def measure(septum: pathlib.Path, source: pathlib.Path, rounds: int) -> list[Figure]:
    example = source / "config/examples/gateway.yaml"
    with tempfile.TemporaryDirectory(prefix="septum-bench-") as scratch:
        folder = pathlib.Path(scratch)
        iso = folder / "gateway.iso"
        build = [septum, "build", example, "-o", iso]
        figures = [at_most("tool: septum --help", least_ms([septum, "--help"], 5 * rounds, folder), 20, "ms", 1),
                   at_most("tool: check of the example", least_ms([septum, "check", example], 5 * rounds, folder), 20, "ms", 1)]
        iso.unlink(missing_ok=True)
        whole = least_ms(build, rounds, folder)
        figures.append(at_most("tool: build without a change", least_ms(build, rounds, folder), 300, "ms", 0))
        if shutil.which("grub-mkrescue") is None or shutil.which("xorriso") is None:
            return figures + [absent("tool: YAML to ISO / grub-mkrescue", "<= 2", "there is no grub-mkrescue or xorriso")]
        # grub-mkrescue alone on the same files.
        tree = folder / "tree"
        subprocess.run(["xorriso", "-osirrox", "on", "-indev", iso, "-extract", "/boot", tree / "boot"], check=True, capture_output=True)
        alone = least_ms(["grub-mkrescue", "-o", folder / "alone.iso", tree], rounds, folder)
        figures.append(at_most("tool: YAML to ISO / grub-mkrescue", whole / alone, 2, "", 2))
    return figures
