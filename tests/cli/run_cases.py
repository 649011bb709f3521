#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the cases of tests/cli/cases: what a person types, what septum answers, on which stream, with which exit code.

A case file has lines of these kinds, told apart by how they begin:

    #     a comment
    +     a line of shell to set things up; must succeed
    $     a command (one line of shell) whose outcome is compared with what follows:
    >       a line of standard output        (`> ...` stands for any lines, `<*>` inside a line for anything)
    !       a line of standard error         (the same)
    ?       the exit code (0 when left out)
    =     the files that are there in the end, hidden ones too, separated by spaces; compared exactly

Each case runs in a fresh folder with nothing but what its `+` lines put there. $FIXTURES are the files beside this
program, $MADE has the images of two.yaml (two.iso, two.img, two.tar), made once for all cases, $BIN is the folder of septum,
$TMPDIR must be empty in the end. `--bless` writes what was seen into the files.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SECONDS = 400  # for one command, which hangs then


class Broken(Exception):
    """What was seen is not what the case says."""


def matches(expected: list[str], seen: list[str]) -> bool:
    parts = []
    for line in expected:
        if line == "...":
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append("".join(".*" if piece == "<*>" else re.escape(piece) for piece in re.split(r"(<\*>)", line)) + r"\n")
    return re.fullmatch("".join(parts), "".join(line + "\n" for line in seen)) is not None


def lines_of(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


def marked(mark: str, lines: list[str]) -> list[str]:
    return [f"{mark} {line}".rstrip() for line in lines]


class Step:
    def __init__(self, command: str):
        self.command = command
        self.expected = {">": [], "!": []}
        self.code = 0
        self.files = None


def general(lines: list[str]) -> list[str]:
    """What differs from run to run, as `<*>`."""
    for what, instead in ((r"[0-9]+\.[0-9]+ s\b", "<*> s"), (r"sha-256 [0-9a-f]{64}", "sha-256 <*>"),
                          (r"[0-9]+\.[0-9] MiB, sha", "<*> MiB, sha"), (r"[0-9]+ properties: [0-9]+ proved", "<*> properties: <*> proved"),
                          (r"[0-9]+ checked at boot, [0-9]+ not applicable", "<*> checked at boot, <*> not applicable")):
        lines = [re.sub(what, instead, line) for line in lines]
    return lines


def parse(path: pathlib.Path) -> list:
    """A list of comments (str with their mark), set-up lines (str beginning with `+`) and Steps."""
    items = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        mark, rest = line[:1], line[2:]
        step = items[-1] if items and isinstance(items[-1], Step) else None
        if mark in ("", "#", "+"):
            items.append(line)
        elif mark == "$":
            items.append(Step(rest))
        elif mark in (">", "!") and step:
            step.expected[mark].append(rest)
        elif mark == "?" and step:
            step.code = int(rest)
        elif mark == "=" and step:
            step.files = rest.split()
        else:
            sys.exit(f"{path}:{number}: what is this line? {line!r}")
    return items


def shell(command: str, folder: pathlib.Path, environment: dict) -> subprocess.CompletedProcess:
    return subprocess.run(["/bin/sh", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, errors="replace", timeout=SECONDS)


def run_case(path: pathlib.Path, binaries: pathlib.Path, made: pathlib.Path, bless: bool) -> str:
    """Empty when all is as the case says, else what is not."""
    items = parse(path)
    with tempfile.TemporaryDirectory(prefix="septum-case-") as scratch:
        folder, temporary = pathlib.Path(scratch, "here"), pathlib.Path(scratch, "tmp")
        folder.mkdir()
        temporary.mkdir()
        environment = {"PATH": f"{binaries}:{os.environ['PATH']}", "HOME": scratch, "LC_ALL": "C.UTF-8", "TERM": "dumb",
                       "TMPDIR": str(temporary), "FIXTURES": str(HERE / "fixtures"), "MADE": str(made), "BIN": str(binaries),
                       "ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1"}
        report, written = [], []
        for item in items:
            if isinstance(item, str):
                written.append(item)
                if item.startswith("+"):
                    done = shell(item[2:], folder, environment)
                    if done.returncode != 0:
                        return f"{path.name}: set-up failed: {item[2:]}\n{done.stdout}{done.stderr}"
                continue
            done = shell(item.command, folder, environment)
            seen = {">": lines_of(done.stdout.replace(scratch, "SCRATCH").replace(str(binaries), "BIN")),
                    "!": lines_of(done.stderr.replace(scratch, "SCRATCH").replace(str(binaries), "BIN"))}
            files = sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if not file.is_dir())
            good = done.returncode == item.code and (item.files is None or files == sorted(item.files))
            for mark in (">", "!"):
                good = good and matches(item.expected[mark], seen[mark])
            written.append(f"$ {item.command}")
            for mark in (">", "!"):
                same = matches(item.expected[mark], seen[mark])
                written += marked(mark, item.expected[mark] if same else general(seen[mark]))
            written += [f"? {done.returncode}"] if done.returncode else []
            written += ["= " + " ".join(files)] if item.files is not None else []
            if not good:
                wanted = marked(">", item.expected[">"]) + marked("!", item.expected["!"]) + [f"? {item.code}"]
                wanted += ["= " + " ".join(sorted(item.files))] if item.files is not None else []
                got = marked(">", seen[">"]) + marked("!", seen["!"]) + [f"? {done.returncode}"]
                got += ["= " + " ".join(files)] if item.files is not None else []
                report.append(f"{path.name}: $ {item.command}\n--- expected\n" + "\n".join(wanted) + "\n--- seen\n" +
                              "\n".join(got) + "\n")
        left = sorted(os.listdir(temporary))
        if left:
            report.append(f"{path.name}: left behind in $TMPDIR: {left}\n")
    if bless and report:
        path.write_text("\n".join(written) + "\n")
    return "".join(report)


def main() -> int:
    parser = argparse.ArgumentParser(description="cases of the septum command")
    parser.add_argument("--septum", type=pathlib.Path, required=True)
    parser.add_argument("--bless", action="store_true", help="write what was seen into the cases")
    parser.add_argument("cases", nargs="*", help="names of cases (default: all)")
    options = parser.parse_args()
    cases = sorted((HERE / "cases").glob("*.case"))
    if options.cases:
        cases = [case for case in cases if case.stem in options.cases]
    if not cases:
        sys.exit("no such case")
    failed = 0
    binaries = options.septum.resolve().parent
    with tempfile.TemporaryDirectory(prefix="septum-made-") as made, \
            concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        shutil.copy(HERE / "fixtures/two.yaml", made)  # beside it, as in the cases: names of files stand in messages
        subprocess.run([options.septum.resolve(), "build", "two.yaml", "-o", "two", "--target", "iso,disk,netboot"], cwd=made, check=True,
                       capture_output=True, timeout=SECONDS)
        for case, report in zip(cases, pool.map(lambda case: run_case(case, binaries, pathlib.Path(made), options.bless), cases)):
            print(f"{'FAILED' if report else 'ok':6} {case.stem}")
            if report:
                failed += 1
                print(report)
    print(f"{len(cases)} cases, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
