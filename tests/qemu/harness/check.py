# SPDX-License-Identifier: Apache-2.0
"""What a serial line must say. A failure shows the whole line, so that it can be understood from a log."""

import re
import time
from collections.abc import Iterable, Sequence

from harness.machine import Console, Failure, Machine, Run

# Never in a good boot, whatever else is said.
BROKEN = (r"septum: refused", r"septum: halted", r"septum: exception", r"Kernel panic", r"\bBUG:", r"Call Trace")


def boot(machine: Machine, image: str, seconds: float, *, anywhere: Iterable[str] = (), in_order: Sequence[str] = (),
         never: Iterable[str] = BROKEN, settle: float = 0) -> Console:
    """Boots until all has been said that must be, then `settle` seconds more; nothing of `never` may be said."""
    with Run(machine, image) as run:
        try:
            for pattern in anywhere:
                run.wait(pattern, seconds)
            at = 0
            for pattern in in_order:
                at = run.wait(pattern, seconds, at)
            time.sleep(settle)
            for pattern in never:
                for line in run.console.lines:
                    if re.search(pattern, line.text):
                        raise Failure(f"/{pattern}/ was said")
        except Failure as reason:
            run.stop()
            raise Failure(f"{reason}\n--- serial line\n{run.console.text()}") from None
        return run.console


def refused(machine: Machine, image: str, pattern: str, seconds: float = 30) -> Console:
    """Boots an image that must be refused, with a reason that matches; no partition may have been launched."""
    console = boot(machine, image, seconds, in_order=(r"septum: (refused: |\S+: launched)",), never=(r": launched",), settle=0.5)
    said = next(line.text for line in console.lines if "septum: refused: " in line.text)
    if re.search(r"septum: refused: (" + pattern + ")", said) is None:
        raise Failure(f"refused, but not for /{pattern}/: {said}")
    return console
