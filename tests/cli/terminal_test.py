#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""septum on a real terminal: keys switch the view of `run`, progress stays on one line, colour; the terminal is left as it was."""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE)]
from pty_session import Session  # noqa: E402

SAYS = "septum: two on qemu-q35, 2 partitions, 4 CPUs\\n[left] first of left\\n[right] first of right\\n"


class Broken(Exception):
    """Something was not as it must be."""


def must(good: bool, what: str, session: Session) -> None:
    if not good:
        raise Broken(f"{what}\n--- on the terminal\n{session.plain()}")


class Place:
    def __init__(self, septum: pathlib.Path, folder: str):
        self.septum, self.here, self.temporary = septum, pathlib.Path(folder, "here"), pathlib.Path(folder, "tmp")
        self.here.mkdir()
        self.temporary.mkdir()
        shutil.copy(HERE / "fixtures/two.yaml", self.here)
        self.environment = {"PATH": os.environ["PATH"], "HOME": folder, "TMPDIR": str(self.temporary), "TERM": "xterm-256color",
                            "LC_ALL": "C.UTF-8", "FAKE_SAYS": SAYS, "FAKE_SECONDS": "300"}
        subprocess.run([septum, "build", "two.yaml", "-o", "two.iso"], cwd=self.here, env=self.environment, check=True, capture_output=True)

    def start(self, *words: str, **environment: str) -> Session:
        return Session([self.septum, *words], self.here, {**self.environment, **environment})

    def run(self, *words: str) -> Session:
        return self.start("run", "two.iso", "--qemu", str(HERE / "fixtures/fake-qemu"), *words)

    def check_end(self, session: Session, code: int) -> None:
        seen = session.end()
        must(seen == code, f"exit code {seen}, not {code}", session)
        must(session.settings_are_back(), "the terminal is not as it was", session)
        must(not list(self.temporary.iterdir()), "something was left in TMPDIR", session)
        left = sorted(path.name for path in self.here.iterdir())
        must(left == ["two.iso", "two.yaml"], f"left: {left}", session)


def keys(place: Place) -> None:
    """each key shows what it says"""
    with place.run() as session:
        must(session.wait_for("first of right"), "the consoles are not shown", session)
        for key, wanted in (("?", "-- keys: 0 all consoles, c side by side, 1 septum, 2 left, 3 right, q ends --"),
                            ("2", "-- console of left --\n[left] first of left\n"), ("3", "-- console of right --\n[right] first of right\n"),
                            ("1", "-- console of septum --\nseptum: two on qemu-q35"), ("c", "septum"), ("0", "-- all consoles --")):
            after = len(session.plain())
            session.type(key)
            must(session.wait_for(wanted, after=after), f"the key {key} does not show `{wanted}`", session)
        after = len(session.plain())
        session.type("x9")  # no key of ours: nothing happens, and it is not echoed
        session.type("?")
        must(session.wait_for("-- keys", after=after), "no answer after a wrong key", session)
        must("x9" not in session.plain()[after:], "keys are echoed", session)
        session.type("q")
        place.check_end(session, 0)
        must("by a key" in session.plain(), "it does not say that a key ended it", session)


def interrupt(place: Place) -> None:
    """Ctrl-C while it records: no half recording, no emulator, 130"""
    with place.run("--record", "run.cast") as session:
        must(session.wait_for("first of right"), "the consoles are not shown", session)
        session.type("\x03")
        place.check_end(session, 130)


def views(place: Place) -> None:
    """side by side as wide as the terminal"""
    with place.run("--view", "columns") as session:
        must(session.wait_for("first of right"), "the consoles are not shown", session)
        lines = session.plain().split("\n")
        must("-" * 99 in lines or "-" * 100 in lines, "the columns are not as wide as the terminal", session)
        session.type("q")
        place.check_end(session, 0)


def gdb(place: Place) -> None:
    """--gdb says what to type into gdb, and waits"""
    with place.run("--gdb") as session:
        must(session.wait_for("target remote"), "it does not say the command for gdb", session)
        session.type("\x03")
        place.check_end(session, 130)


def progress(place: Place) -> None:
    """progress is one line that is gone in the end, and findings have colour; NO_COLOR takes it away"""
    with place.start("build", "two.yaml", "-o", "two.iso") as session:
        place.check_end(session, 0)
        must("\r\x1b[K" in session.text, "no progress on a terminal", session)
        must(session.text.rsplit("\x1b[K", 1)[1].count("\n") >= 1, "something follows the progress", session)
    place.here.joinpath("bad.yaml").write_text(place.here.joinpath("two.yaml").read_text().replace("memory", "memmory"))
    for environment, painted in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        with place.start("check", "bad.yaml", **environment) as session:
            must(session.end() == 2, "the exit code is not 2", session)
            must(("\x1b[1" in session.text) == painted, f"colour with {environment}", session)
    place.here.joinpath("bad.yaml").unlink()


def interrupted_build(place: Place) -> None:
    """Ctrl-C in the midst of a build: the old image stands, the terminal's line is clear"""
    old = place.here.joinpath("two.iso").read_bytes()
    tools = place.temporary.parent / "bin"
    tools.mkdir()
    slow = tools / "xorriso"
    slow.write_text("#!/bin/sh\nexec sleep 300\n")
    slow.chmod(0o755)
    text = place.here.joinpath("two.yaml").read_text()
    place.here.joinpath("two.yaml").write_text(text.replace("size: 4 KiB", "size: 8 KiB"))
    with place.start("build", "two.yaml", "-o", "two.iso", PATH=f"{tools}:{os.environ['PATH']}") as session:
        must(session.wait_for("making the image"), "it does not come so far", session)
        session.type("\x03")
        place.check_end(session, 130)
    if place.here.joinpath("two.iso").read_bytes() != old:
        raise Broken("the old image does not stand")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--septum", type=pathlib.Path, required=True)
    septum = parser.parse_args().septum.resolve()
    failed = 0
    for test in (keys, interrupt, views, gdb, progress, interrupted_build):
        with tempfile.TemporaryDirectory(prefix="septum-terminal-") as folder:
            try:
                test(Place(septum, folder))
                print(f"ok     {test.__doc__}")
            except Broken as reason:
                failed += 1
                print(f"FAILED {test.__doc__}\n{reason}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
