# SPDX-License-Identifier: Apache-2.0
"""The serial line itself."""

import fcntl
import os
import re
import select
import subprocess
import time

from harness.images import Workshop
from harness.machine import PATIENCE, XAPIC, Failure

PIPE = 4096  # bytes that QEMU gets rid of while nobody reads: a page, the least that a pipe takes
LINES = 100  # of partitions/talker


def _read(stream, pattern: bytes, seconds: float, piece_size: int = PIPE) -> bytes:
    """What comes, by pieces, until it holds `pattern`, or for so many seconds."""
    text, deadline = b"", time.monotonic() + seconds
    while re.search(pattern, text) is None and (left := deadline - time.monotonic()) > 0:
        if select.select([stream], [], [], left)[0]:
            piece = os.read(stream.fileno(), piece_size)
            if not piece:
                break
            text += piece
    return text


def slow_line(workshop: Workshop) -> None:
    """a serial line that takes nothing for a while: what was said meanwhile comes out, though no guest exits any more"""
    image = workshop.build(workshop.source / "tests/qemu/appliances/console-slow.yaml", workshop.folder / "console-slow.iso")
    machine = subprocess.Popen(XAPIC.command(str(image)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
    try:
        fcntl.fcntl(machine.stdout, fcntl.F_SETPIPE_SZ, PIPE)
        before = _read(machine.stdout, rb"talker: launched", 60 * PATIENCE, 16)  # little of what the talker says is taken yet
        if b"talker: launched" not in before:
            raise Failure(f"it did not start:\n{before.decode(errors='replace')}")
        time.sleep(8)  # the partition has said all by then, and sleeps
        after = _read(machine.stdout, rb"line %d of" % LINES, 30 * PATIENCE)
    finally:
        machine.kill()
        machine.wait()
    said = [int(number) for number in re.findall(rb"\[talker\] line (\d+) of", before + after)]
    if said != list(range(1, LINES + 1)):
        raise Failure(f"lines {said}\n--- after the pause\n{after.decode(errors='replace')}")
    if len(after) <= PIPE:
        raise Failure(f"the line was never slow: {len(after)} bytes after the pause")


CASES = {"console.slow-line": slow_line}
