#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every message of tests/cases as the command gives it: `septum check` for config/ and lint/, `septum verify --model-only`
for verifier/, `septum plan` for plan/, in the case's own folder. What is printed must be what expected.txt has, and the exit code the one that
tests/cases/exit-codes.txt has. `--bless` writes the exit codes and what is expected of lint/ and plan/ anew: the other two
have tests of their own, which bless them. Every message of the sources has a case, here or in tests/cli/cases: message_ids.py."""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

import message_ids
import message_places

CASES = pathlib.Path(__file__).resolve().parent.parent / "cases"
CODES = CASES / "exit-codes.txt"
COMMANDS = {"config": ["check", "input.yaml"], "lint": ["check", "input.yaml"],
            "plan": ["plan", "input.yaml"], "verifier": ["verify", "input.yaml", "--model-only", "--no-solver"]}


def lines(text: str) -> list[str]:
    """Without what differs between the library's view and the command's: blank lines, the folder of the boards."""
    kept = [line for line in text.splitlines() if line.strip()]
    kept = [re.sub(r"(the kernel|in all,) [0-9.]+ (KiB|MiB)", r"\1 … \2", line) for line in kept]  # they grow
    return [re.sub(r"\S*/boards\b|\bBOARDS\b", "BOARDS", line) for line in kept]


def run(septum: str, case: str) -> tuple[int, list[str]]:
    kind, name = case.split("/")
    done = subprocess.run([septum, *COMMANDS[kind]], cwd=CASES / kind / name, capture_output=True, timeout=300)
    text = done.stdout.decode("utf-8", "replace")
    if kind == "config":  # a case of the reader: what `check` adds has cases of its own
        text = "\n\n".join(message for message in text.split("\n\n") if not message.startswith("warning[lint."))
    return done.returncode, lines(text)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--septum", type=pathlib.Path, required=True)
    parser.add_argument("--bless", action="store_true")
    options = parser.parse_args()
    cases = [f"{kind}/{folder.name}" for kind in COMMANDS for folder in sorted((CASES / kind).iterdir()) if folder.is_dir()]
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        seen = dict(zip(cases, pool.map(lambda case: run(str(options.septum.resolve()), case), cases)))
    if options.bless:
        CODES.write_text("".join(f"{case} {code}\n" for case, (code, _) in seen.items()))
        for case, (_, said) in seen.items():
            if case.startswith(("lint/", "plan/")):
                (CASES / case / "expected.txt").write_text("\n".join(said) + "\n")
    codes = dict(line.rsplit(" ", 1) for line in CODES.read_text().splitlines())
    failed = sorted(set(codes) - set(seen))
    for case in failed:
        print(f"{case}: has an exit code and is no case")
    for case, (code, said) in seen.items():
        expected = lines((CASES / case / "expected.txt").read_bytes().decode("utf-8", "replace"))
        if case.startswith("verifier/"):  # the library's view ends with the verdict and shows fingerprints
            expected = [line for line in expected if not re.match(r"fingerprint: |(not )?proved$", line)]
        if str(code) != codes.get(case):
            print(f"{case}: exit code {code}, expected {codes.get(case, 'one in exit-codes.txt')}")
            failed.append(case)
        elif said != expected:
            print(f"{case}: said\n  " + "\n  ".join(said) + "\nexpected\n  " + "\n  ".join(expected))
            failed.append(case)
    said_of_lint = "".join((CASES / case / "expected.txt").read_text() for case in cases if case.startswith("lint/"))
    for rule in sorted(set(re.findall(r'"(lint\.[a-z-]+)"', (CASES.parents[1] / "cli/lint.cpp").read_text()))):
        if f"[{rule}]" not in said_of_lint:
            print(f"{rule} has no case")
            failed.append(rule)
    places = message_places.places()
    for line in message_ids.wrong() + message_places.wrong(places):
        print(line)
        failed.append(line)
    print(f"{len(seen)} cases, {len(message_ids.ids())} messages and {len(places)} places, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
