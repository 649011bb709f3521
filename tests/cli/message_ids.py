# SPDX-License-Identifier: Apache-2.0
"""Which messages the sources have, and which of them a case shows."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ("config", "build", "cli", "verifier", "probe")

# What looks like the id of a message and is a file's name, a field or a word of a format.
FILES = (".cat", ".cfg", ".elf", ".img", ".iso", ".lock", ".lst", ".sep", ".so", ".yaml")
NO_MESSAGES = {"cs.base": "a field of the VMCB", "septum.input": "a class name of JUnit's format",
               "sarif.more-results": "a notification inside a SARIF file, behind 5000 results"}

# Commands that point at no line of a file print the message without its id: these words of it stand in a case.
WORDS = {
    "approval": "` without a reason",
    "build.scratch": "cannot make a temporary folder in `",
    "build.tool-failed": "` failed with exit code ",
    "build.tool-missing": "` is needed and not installed",
    "file": "error: cannot read `",
    "image": "` is not an image made by septum: ",
    "image.kernel": "error: the kernel is not an ELF file",
    "qemu": "` is needed to run an appliance here and not installed",
    "walk.address": "error: a guest-physical address has 48 bits",
    "walk.partition": "error: the image has no partition `",
}

# No input reaches these. With an id: the message that says it earlier, which has a case of its own.
UNREACHABLE = {
    "child": (None, "QEMU is removed after it said its version"),
    "plan.name": ("config.bad-name", "names have at most 31 bytes, which the manifest has room for"),
    "plan.empty": ("config.no-partitions", "an appliance has a partition"),
    "plan.vendor": ("board.vendor-unsupported", "a board has processors by AMD"),
    "plan.trampoline": ("config.out-of-range", "a board's trampoline is a page below 640 KiB"),
    "plan.channel": ("config.channel-to-itself", "a channel joins two partitions that are there"),
    "build.digest": (None, "only an OpenSSL without SHA-256"),
    "image.unreadable": (None, "an image that cannot be read has a message of its decoder; this guards against none"),
    "fmt.changes-meaning": (None, "a defect of the formatter, which tests/unit/config/format_test.cpp looks for"),
    "cache.policy": (None, "not applicable in this version: no cache policy is declared"),
    "sched.complete": (None, "not applicable in this version: no CPU is shared"),
    "sched.equal-major": (None, "not applicable in this version: no CPU is shared"),
    "sched.fits": (None, "not applicable in this version: no CPU is shared"),
    "sched.no-overlap": (None, "not applicable in this version: no CPU is shared"),
    "sched.sanitised": (None, "not applicable in this version: no CPU is shared"),
    "irq.ioapic-masked": (None, "the kernel checks it at boot: nothing is found in a file"),
    "mem.scrubbed": (None, "the kernel checks it at boot: nothing is found in a file"),
}


def ids() -> set[str]:
    found = set()
    for folder in SOURCES:
        for file in sorted((ROOT / folder).rglob("*.[ch]pp")):
            found.update(re.findall(r'(?:\bid = |\bproblem\()"([a-z]+)"', file.read_text()))
            found.update(re.findall(r'"([a-z][a-z0-9]*\.[a-z][a-z0-9]*(?:-[a-z0-9]+)*)"', file.read_text()))
    return {name for name in found if not name.endswith(FILES) and name not in NO_MESSAGES}


def shown() -> str:
    """All that the cases say is printed."""
    expected = [file.read_bytes().decode("utf-8", "replace") for file in (ROOT / "tests/cases").rglob("expected.txt")]
    for file in (ROOT / "tests/cli/cases").glob("*.case"):
        expected += [line for line in file.read_text().splitlines() if line.startswith((">", "!"))]
    return "\n".join(expected)


def wrong() -> list[str]:
    """What is wrong with ids() and the lists above, a line each."""
    known, said = ids(), shown()
    has_case = {name for name in known if f"[{name}]" in said or (name in WORDS and WORDS[name] in said)}
    lines = [f"{name}: no case shows it, and nothing says why none can" for name in sorted(known - has_case - set(UNREACHABLE))]
    lines += [f"{name}: said to be unreachable, and a case shows it" for name in sorted(has_case & set(UNREACHABLE))]
    lines += [f"{name}: listed here, and no source has it" for name in sorted((set(WORDS) | set(UNREACHABLE)) - known)]
    lines += [f"{name}: `{earlier}` is said to come first, and has no case"
              for name, (earlier, _) in UNREACHABLE.items() if earlier is not None and earlier not in has_case]
    return lines
