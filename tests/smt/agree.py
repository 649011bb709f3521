#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts every question of the verifier to a second solver.

For each appliance: builds an image, has `septum verify --smt-lib` write the questions with the answers that Z3 gave, and
asks cvc5. All must agree. With `--seeds N` (by hand), each solver is asked N times with different seeds; no answer may
flip.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77


def answer(command: list[str], seconds: int) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return "timeout"
    lines = done.stdout.split()
    return lines[0] if lines and lines[0] in ("sat", "unsat", "unknown") else f"error: {(done.stdout + done.stderr).strip()[:200]}"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--septum", required=True)
    parser.add_argument("--z3", help="septum-ask: asks Z3 about one file with one seed")
    parser.add_argument("--seeds", type=int, default=0)
    parser.add_argument("--seconds", type=int, default=300, help="for one question")
    parser.add_argument("appliances", nargs="+", type=pathlib.Path)
    args = parser.parse_args()
    cvc5 = shutil.which("cvc5")
    if cvc5 is None:
        print("skipped: there is no cvc5 here")
        return SKIPPED
    wrong = asked = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for appliance in args.appliances:
            iso, questions = folder / f"{appliance.stem}.iso", folder / appliance.stem
            for command in ([args.septum, "build", str(appliance), "-o", str(iso)],
                            [args.septum, "verify", str(appliance), str(iso), "--smt-lib", str(questions)]):
                done = subprocess.run(command, capture_output=True, text=True, timeout=600)
                if done.returncode != 0:
                    print(f"{appliance.name}: {' '.join(command[1:3])} failed:\n{done.stdout}{done.stderr}")
                    return 1
            files = sorted(questions.glob("*.smt2"))
            here = 0
            for file in files:
                expected = re.search(r"\(set-info :status (sat|unsat)\)", file.read_text())[1]
                commands = [[cvc5, "--lang=smt2", str(file)]]
                for seed in range(1, args.seeds + 1):
                    commands.append([cvc5, "--lang=smt2", f"--seed={seed}", f"--sat-random-seed={seed}", str(file)])
                    if args.z3:
                        commands.append([args.z3, str(file), str(seed)])
                for command in commands:
                    found = answer(command, args.seconds)
                    asked += 1
                    if found != expected:
                        wrong += 1
                        here += 1
                        print(f"{appliance.name}: {file.name}: expected {expected}, {pathlib.Path(command[0]).name} says {found}")
            print(f"{appliance.name}: {len(files)} questions, {here} disagreements")
            if not files:
                print("nothing was asked")
                return 1
    print(f"{asked} answers, {wrong} disagreements")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
