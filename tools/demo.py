#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The demo: verifies and builds the example, boots it in QEMU, shows every partition's console by name, and sums up.

Exit code 0: proved, booted, and every partition did what it is there for."""

import argparse
import pathlib
import re
import subprocess
import sys
import time

SOURCE = pathlib.Path(__file__).resolve().parents[1]
EXAMPLE = "config/examples/gateway.yaml"
SECONDS = 100

# What must be on the serial line before the demo ends.
EXPECTED = ("200 of 200 answers verified", "200 answers given", "tries, nothing gained")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def say(text: str) -> None:
    print(f"==> {text}", flush=True)


def has_x2apic() -> bool:
    """Whether this QEMU can be the example's own board."""
    said = subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"version (\d+)\.", said)
    return version is not None and int(version.group(1)) >= 9


def stream(command: list[str]) -> tuple[int, list[str]]:
    """Runs it, showing what it says as it comes; gives the exit code and the lines without colours."""
    lines = []
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=SOURCE,
                          text=True, errors="replace", bufsize=1) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(ESCAPES.sub("", line).rstrip())
    return process.returncode, lines


def first(pattern: str, lines: list[str]) -> str:
    found = (re.search(pattern, line) for line in lines)
    return next((match.group(match.lastindex or 0) for match in found if match), "")


def count(pattern: str, lines: list[str]) -> int:
    return sum(re.search(pattern, line) is not None for line in lines)


def summary(built: list[str], ran: list[str], seconds: float) -> list[tuple[str, str]]:
    tries = count(r"\[intruder\].* try \d+: [a-z]+\.[a-z0-9-]+: ", ran)
    stopped = count(r"septum: intruder: fault: ", ran)
    harmless = count(r"\[intruder\].*no harm done: ", ran)
    breaches = count(r"BREACH", ran)
    return [
        ("proof", first(r"\d+ properties: .*", built)),
        ("image", first(r"(?:wrote|unchanged:) .*: (.* MiB, sha-256 \w+)", built)),
        ("board", first(r"septum: contract holds: .*", ran).removeprefix("septum: ")),
        ("gateway", ", ".join(part for part in (first(r"gateway: (Linux .* s)\b", ran),
                                                first(r"\d+ of \d+ answers verified", ran)) if part)),
        ("vault", first(r"vault: (\d+ answers given, .*)", ran)),
        ("intruder", f"{tries} tries: {stopped} stopped by the kernel, {harmless} without effect, {breaches} breaches"),
        ("time", f"{seconds:.0f} s from power-on to the last answer"),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description="Septum's demo")
    parser.add_argument("--septum", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    image = options.out / "gateway.iso"
    color = "--color=always" if sys.stdout.isatty() else "--color=never"
    board = [] if has_x2apic() else ["--board", "qemu-q35-xapic"]

    say(f"verifying and building {EXAMPLE}" + (" for a machine without x2APIC" if board else ""))
    code, built = stream([options.septum, "build", EXAMPLE, "-o", str(image), color, *board])
    if code != 0:
        return code

    say("booting it in QEMU; each line says whose it is")
    began = time.monotonic()
    command = [options.septum, "run", str(image), color, "--timeout", str(SECONDS)]
    for text in EXPECTED:
        command += ["--expect", text]
    code, ran = stream(command)
    rows = summary(built, ran, time.monotonic() - began)
    broken = count(r"BREACH|septum: refused|septum: halted|Kernel panic", ran)
    print()
    for name, what in rows:
        print(f"  {name:9} {what or '(nothing)'}")
    print()
    if code != 0 or broken:
        say(f"the demo failed (`septum run` gave {code})")
        return code or 1
    say("the demo is over: every try was contained, and the others finished their work")
    return 0


if __name__ == "__main__":
    sys.exit(main())
