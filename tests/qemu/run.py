#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs one case: an image in QEMU and what its serial line must and must not say.

Exit codes: 0 passed, 1 failed, 77 skipped (the reason is printed), 64 usage."""

import argparse
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from cases import CASES  # noqa: E402
from harness.images import Workshop  # noqa: E402
from harness.machine import Failure, Skip  # noqa: E402

SKIPPED = 77


def main() -> int:
    source = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description="Septum's tests in QEMU")
    parser.add_argument("--list", action="store_true", help="name the cases and stop")
    parser.add_argument("--septum", type=pathlib.Path, default=source / "out/release/bin/septum")
    parser.add_argument("--folder", type=pathlib.Path, default=source / "out/qemu", help="where images are")
    parser.add_argument("case", nargs="?", choices=[*CASES, []], default=[])
    options = parser.parse_args()
    if options.list or not options.case:
        for name, case in CASES.items():
            print(f"{name:28} {(case.__doc__ or '').strip().splitlines()[0]}")
        return 0 if options.list else 64
    workshop = Workshop(options.septum.resolve(), source, options.folder.resolve())
    try:
        CASES[options.case](workshop)
    except Skip as reason:
        print(f"skipped: {reason}")
        return SKIPPED
    except Failure as reason:
        print(f"failed: {reason}")
        return 1
    print("passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
