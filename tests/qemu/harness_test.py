#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The harness itself, without a machine: lines that were broken, and witnesses that stand still."""

import pathlib
import re
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import probe, witness  # noqa: E402
from harness.machine import Console, Failure, Line, Run  # noqa: E402


def console(*lines: str) -> Console:
    return Console([Line(float(number), text) for number, text in enumerate(lines)], ended=True)


class Said(Run):
    """A machine that has said all it will."""

    def __init__(self, *lines: str):
        self.console = console(*lines)
        self._changed, self._started = threading.Condition(), time.monotonic()


def waits(pattern: str, *lines: str) -> int | None:
    try:
        return Said(*lines).wait(pattern, 1)
    except Failure:
        return None


def complaint(first: dict[str, int], *more: dict[str, int]) -> str:
    """What is said of witnesses whose reports say this; what a report leaves out rises."""
    lines = [f"[{name}] {name}: watching 8 MiB, launch 0" for name in witness.WITNESSES]
    for number, counts in enumerate((first, *more), 1):
        count = {key: number for key in ("received", "sent", "ticks", "bells")} | counts
        for name in witness.WITNESSES:
            lines.append(f"[{name}] {name}: report {number}: memory intact in {number} rounds, hash 0x{7:016x}, {count['received']} messages in "
                         f"order, {count['sent']} sent, {count['ticks']} ticks, {count['bells']} bells, nothing else came")
    try:
        witness.check(console(*lines), witness.WITNESSES)
    except Failure as reason:
        return str(reason)
    return ""


def main() -> int:
    broken = ("[vault] vault: 200 answers giv", "septum: x", "[vault] en, 0 refused", "[vault] more")
    ready = r"^\[vault\] vault: 200 answers given, 0"
    still = {"received": 3}
    checks = {
        "a whole line": waits("b", "a", "b", "c") == 2,
        "from a line on": waits("a", "a", "b", "a") == 1 and Said("a", "b", "a").wait("a", 1, 1) == 3,
        "nothing": waits("d", "a", "b", "c") is None,
        "a broken line": waits(ready, *broken) == 3,
        "another's rest": waits(ready, *(line.replace("[vault] en", "[other] en") for line in broken)) is None,
        "an old line is no new one": waits("done$", "[a] done", "[a] x") == 1 and Said("[a] done", "[a] x")._matches_mended(re.compile("done"), 1) is False,
        "a probe's broken answer": probe.answers(console("[a] step 1 gives 0x5", "[a] step 2 gi", "[b] step 2 gives 0x9", "[a] ves 0xff").text(), "a")
        == {1: 5, 2: 0xFF},
        "witnesses": complaint({}, {}, {}) == "",
        "too few reports": "made 1 reports" in complaint({}),
        "a witness rests for a while": complaint({}, {}, still, still, still, still, {}, {}, {}) == "",
        "a witness stands still": "received stand still" in complaint({}, {}, *[still] * 8),
        "of few reports none may": "received stand still" in complaint(still, still),
        "a count falls": "sent fall" in complaint({"sent": 9}, {}),
    }
    for name, good in checks.items():
        print(f"{'ok    ' if good else 'FAILED'} {name}")
    return 0 if all(checks.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
