# SPDX-License-Identifier: Apache-2.0
"""A program on a terminal of its own: typed at, read from, and its terminal's settings looked at."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

ESCAPES = re.compile(r"\x1b(?:\[[0-9;?<>=]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9]|[=>78M])")


class Session:
    """Use it in a `with`: the program is gone afterwards."""

    def __init__(self, words: list, cwd, environment: dict, columns: int = 100):
        # The terminal outlives the program, so that its settings can be looked at: this end of it stays open.
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.text, self.code = "", None
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for fd in (0, 1, 2):
                os.dup2(self.slave, fd)
            os.closerange(3, 100)
            os.chdir(cwd)
            os.execvpe(str(words[0]), [str(word) for word in words], environment)

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_) -> None:
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.master)
        os.close(self.slave)

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def _read(self, seconds: float) -> None:
        if select.select([self.master], [], [], seconds)[0]:
            piece = os.read(self.master, 65536).decode(errors="replace")
            if "\x1b[6n" in piece:  # where is the cursor? fish waits for an answer
                self.type("\x1b[1;1R")
            if "\x1b[c" in piece or "\x1b[0c" in piece:  # what are you?
                self.type("\x1b[?62c")
            self.text += piece

    def plain(self) -> str:
        """What was written so far, without what only moves or paints."""
        return ESCAPES.sub("", self.text).replace("\r", "")

    def wait_for(self, what: str, seconds: float = 120, after: int = 0) -> bool:
        """Whether `what` is written, from character `after` of plain() on."""
        end = time.monotonic() + seconds
        while what not in self.plain()[after:]:
            if time.monotonic() > end:
                return False
            self._read(0.1)
        return True

    def end(self, seconds: float = 300):
        """The exit code, or nothing when it does not come to an end."""
        stop = time.monotonic() + seconds
        while self.code is None and time.monotonic() < stop:
            self._read(0.05)
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self.code = os.waitstatus_to_exitcode(status)
        while select.select([self.master], [], [], 0.05)[0]:
            self._read(0)
        return self.code

    def settings_are_back(self) -> bool:
        return termios.tcgetattr(self.slave) == self.before
