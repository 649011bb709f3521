#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""All attacks by hand, with a table of outcomes: `./dev attack`.

Exit codes: 0 every outcome as docs/attacks.md states, 1 not so, 77 nothing could be run, 64 usage."""

import argparse
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from cases import attack  # noqa: E402
from cases.attack import CASES  # noqa: E402
from harness.images import Workshop  # noqa: E402
from harness.machine import Failure, Skip  # noqa: E402

SKIPPED = 77
PREFIX = "attack."


def main() -> int:
    source = pathlib.Path(__file__).resolve().parents[2]
    names = [name.removeprefix(PREFIX) for name in CASES]
    parser = argparse.ArgumentParser(prog="./dev attack", description="The attacks of docs/attacks.md")
    parser.add_argument("--list", action="store_true", help="name the parts and stop")
    parser.add_argument("--septum", type=pathlib.Path, default=source / "out/release/bin/septum")
    parser.add_argument("--folder", type=pathlib.Path, default=source / "out/attack", help="where images and logs go")
    parser.add_argument("--seconds", type=float, help="how long instructions at random are run (20)")
    parser.add_argument("part", nargs="*", help="all if left out")
    options = parser.parse_args()
    if options.list:
        for name in names:
            print(f"{name:14} {CASES[PREFIX + name].__doc__}")
        return 0
    for name in options.part:
        if name not in names:
            print(f"unknown part `{name}`: there are {', '.join(names)}", file=sys.stderr)
            return 64
    if options.seconds is not None:
        attack.SECONDS = options.seconds
    workshop = Workshop(options.septum.resolve(), source, options.folder.resolve())
    verdicts = {}
    for name in options.part or names:
        print(f"==> {name}: {CASES[PREFIX + name].__doc__}", flush=True)
        try:
            CASES[PREFIX + name](workshop)
            verdicts[name] = "as stated"
        except Skip as reason:
            verdicts[name] = f"skipped: {reason}"
        except Failure as reason:
            print(reason)
            verdicts[name] = "NOT as stated"
    for name, verdict in verdicts.items():
        print(f"{name:14} {verdict}")
    if any(verdict.startswith("NOT") for verdict in verdicts.values()):
        return 1
    return 0 if "as stated" in verdicts.values() else SKIPPED


if __name__ == "__main__":
    sys.exit(main())
