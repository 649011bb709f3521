#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every C++ source is as the nearest .clang-format says (the kernel's says that it is laid out by hand)."""

import pathlib
import re
import shutil
import subprocess
import sys

TOOL = "clang-format-19"
VERSION = "19.1"  # another one breaks lines elsewhere
PARTS = ("build", "cli", "config", "kernel", "partitions", "probe", "recheck", "tests", "verifier")
CROOKED = "int  f( ) {return 0 ;}\n"


def sources(root: pathlib.Path) -> list[str]:
    found = [file for part in PARTS for kind in ("cpp", "hpp") for file in (root / part).rglob(f"*.{kind}")]
    return sorted(str(file.relative_to(root)) for file in found)


def check(root: pathlib.Path, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess:
    return subprocess.run([TOOL, "--dry-run", "--Werror", *arguments], cwd=root, input=text, text=True, capture_output=True)


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    if shutil.which(TOOL) is None:
        print(f"skipped: {TOOL} is not installed")
        return 77
    version = subprocess.run([TOOL, "--version"], text=True, capture_output=True).stdout.strip()
    if not re.search(rf"version {re.escape(VERSION)}\.", version):
        print(f"skipped: the layout is that of clang-format {VERSION}, and here is {version}")
        return 77
    files = sources(root)
    result = check(root, *files)
    others = sorted(set(re.findall(r"^([^:\n]+):\d+:\d+: ", result.stderr, re.MULTILINE)))
    if result.returncode != 0:
        print(f"{len(others)} of {len(files)} files are not as .clang-format says; `./dev format` mends them:")
        print(*(f"  {name}" for name in others), sep="\n")
        print(result.stderr[:4000])
        return 1
    # What is crooked is seen, and each .clang-format is read: the parts' are not the kernel's.
    for part in PARTS:
        seen = check(root, f"--assume-filename={part}/crooked.cpp", text=CROOKED).returncode != 0
        if seen != (part != "kernel"):
            print(f"{part}/: a crooked line is {'' if seen else 'not '}complained of")
            return 1
    print(f"{len(files)} files are as .clang-format says")
    return 0


if __name__ == "__main__":
    sys.exit(main())
