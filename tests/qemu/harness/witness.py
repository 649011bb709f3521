# SPDX-License-Identifier: Apache-2.0
"""What the two witnesses must have said, whatever happened beside them."""

import re

from harness.attacks import spoken
from harness.machine import Console, Failure

WITNESSES = ("witness-a", "witness-b")
STANDSTILL = 6  # reports, three seconds: shorter, and the other may only have had no time from the emulator's host

REPORT = (r"report (?P<report>\d+): memory intact in (?P<rounds>\d+) rounds, hash (?P<hash>0x[0-9a-f]{16}), (?P<received>\d+) messages in "
          r"order, (?P<sent>\d+) sent, (?P<ticks>\d+) ticks, (?P<bells>\d+) bells, nothing else came")


def reports(console: Console, name: str) -> list[dict[str, int]]:
    found = (re.fullmatch(f"{name}: {REPORT}", text) for text in spoken(console, name))
    return [{key: int(value, 0) for key, value in match.groupdict().items()} for match in found if match]


def check(console: Console, guests: tuple[str, ...]) -> None:
    """Every line of a witness is one that it says when all is well, its counts only rise, and no line is anybody's who did
    not launch. `guests`: all partitions."""
    for name in WITNESSES:
        own = spoken(console, name)
        watching = rf"{name}: watching \d+ MiB, launch 0"
        if own and not own[-1].endswith(" came"):
            own.pop()  # the emulator was ended in the middle of it
        for number, text in enumerate(own):
            if not re.fullmatch(watching if number == 0 else f"{name}: {REPORT}", text):
                raise Failure(f"{name} said: {text}")
        seen = reports(console, name)
        if len(seen) < 2:
            raise Failure(f"{name} made {len(seen)} reports")
        apart = min(STANDSTILL, len(seen) - 1)
        for key in ("received", "sent", "ticks", "bells"):
            for number, (before, after) in enumerate(zip(seen, seen[1:])):
                if after[key] < before[key]:
                    raise Failure(f"{name}: its {key} fall from {before[key]} to {after[key]} after report {number + 1}")
            for number, (before, after) in enumerate(zip(seen, seen[apart:])):
                if after[key] == before[key]:
                    raise Failure(f"{name}: its {key} stand still between reports {number + 1} and {number + 1 + apart}: {after[key]}")
        for before, after in zip(seen, seen[1:]):
            if after["report"] != before["report"] + 1:
                raise Failure(f"{name}: after report {before['report']} came {after['report']}")
            if before["rounds"] >= 1 and after["hash"] != before["hash"]:
                raise Failure(f"{name}: its memory's hash changed at report {after['report']}")
        for line in console.lines:
            if re.match(rf"septum: {name}: (?!launched)", line.text):
                raise Failure(f"a witness was touched: {line.text}")
    _check_names(console, guests)


def _check_names(console: Console, guests: tuple[str, ...]) -> None:
    """From the first launch on, each line begins with the kernel's name or a partition's in brackets."""
    launched = False
    names = "|".join(re.escape(name) for name in guests)
    for line in console.lines:
        if launched and line.text and not re.match(rf"(septum: |\[({names})\] )", line.text):
            raise Failure(f"a line is nobody's: {line.text!r}")
        launched = launched or bool(re.match(r"septum: \S+: launched", line.text))
