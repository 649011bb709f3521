#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C, SIGTERM and being killed: exit code 130, no half file, no temporary folder, no emulator left."""

import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent


def wait_for(what, seconds: float = 120) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return False


def alive(pid: int) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Place:
    """A folder with an appliance, a TMPDIR, and tools that never come to their end but say their process id."""

    def __init__(self, septum: pathlib.Path, folder: str):
        self.septum = septum
        self.here = pathlib.Path(folder, "here")
        self.temporary = pathlib.Path(folder, "tmp")
        self.tools = pathlib.Path(folder, "bin")
        for path in (self.here, self.temporary, self.tools):
            path.mkdir()
        shutil.copy(HERE / "fixtures" / "two.yaml", self.here)
        self.pid_file = pathlib.Path(folder, "pid")

    def slow(self, name: str) -> pathlib.Path:
        tool = self.tools / name
        tool.write_text(f'#!/bin/sh\nif [ "$1" = --version ]; then echo "QEMU emulator version 10.0.2"; exit; fi\n'
                        f'echo $$ > {self.pid_file}.new && mv {self.pid_file}.new {self.pid_file}\nexec sleep 300\n')
        tool.chmod(0o755)
        return tool

    def start(self, *words: str) -> subprocess.Popen:
        environment = dict(os.environ, TMPDIR=str(self.temporary), PATH=f"{self.tools}:{os.environ['PATH']}")
        return subprocess.Popen([self.septum, *words], cwd=self.here, env=environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def check(self, process: subprocess.Popen, number: int) -> list[str]:
        if not wait_for(self.pid_file.exists):
            process.kill()
            return ["the tool was never started: " + process.communicate()[1].decode()]
        tool = int(self.pid_file.read_text())
        process.send_signal(number)
        code = process.wait(120)
        process.communicate()
        wrong = []
        if number != signal.SIGKILL:
            if code != 130:
                wrong.append(f"exit code {code}, not 130")
            if list(self.temporary.iterdir()):
                wrong.append(f"left in TMPDIR: {list(self.temporary.iterdir())}")
            if [path.name for path in self.here.iterdir()] != ["two.yaml"]:
                wrong.append(f"left: {[path.name for path in self.here.iterdir()]}")
        if not wait_for(lambda: not alive(tool)):
            wrong.append("the tool is still at work")
            os.kill(tool, signal.SIGKILL)
        return wrong


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--septum", type=pathlib.Path, required=True)
    septum = parser.parse_args().septum.resolve()
    failed = 0
    for title, tool, words, number in (
            ("build, Ctrl-C", "xorriso", ["build", "two.yaml", "-o", "two.iso"], signal.SIGINT),
            ("build, SIGTERM", "xorriso", ["build", "two.yaml", "-o", "two.iso"], signal.SIGTERM),
            ("run, Ctrl-C", "qemu-system-x86_64", ["run", "two.yaml"], signal.SIGINT),
            ("run, SIGHUP", "qemu-system-x86_64", ["run", "two.yaml"], signal.SIGHUP),
            ("run, killed", "qemu-system-x86_64", ["run", "two.yaml"], signal.SIGKILL)):
        with tempfile.TemporaryDirectory(prefix="septum-interrupt-") as folder:
            place = Place(septum, folder)
            place.slow(tool)
            wrong = place.check(place.start(*words), number)
        print(f"{'FAILED' if wrong else 'ok':6} {title}" + "".join(f"\n       {text}" for text in wrong))
        failed += bool(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
