#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the commands of the manual and compares what they print with what the pages say.

A block that begins with ```console is run: each line `$ COMMAND` by bash, in one fresh folder for each page, and what
follows is what it prints on both streams. `…` alone on a line stands for any lines, inside a line for anything; durations, digests and
how many properties there are are not compared. A command is expected to end with 0; `<!-- exit 2 -->` on the line before the block says otherwise for
its last one. `<!-- qemu -->` there marks a block that needs QEMU.

Commands of `septum` in other blocks are not run, but they and their options must exist. Every link must lead somewhere.
`--bless` writes what was seen into the pages.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECONDS = 600
PATIENCE = 5  # the time that a page gives to a machine, this many times: it may have to do other things as well
# What differs from run to run or with the number of properties, and is not compared.
VARIES = (r"\b\d+\.\d+ s\b", r"\b\d+\.\d MiB, sha-256 [0-9a-f]{64}", r"\bsha-256 [0-9a-f]{64}", r"\b\d+ properties: \d+ proved",
          r"\b\d+ checked at boot, \d+ not applicable")


def pages() -> list[pathlib.Path]:
    return [ROOT / "README.md", ROOT / "config/README.md", ROOT / "partitions/README.md", *sorted((ROOT / "docs").rglob("*.md"))]


class Block:
    """A fenced block: what kind, from which line to which (the fences themselves left out), and the remark before it."""

    def __init__(self, kind: str, remark: str, first: int):
        self.kind, self.remark, self.first, self.lines = kind, remark, first, []


def blocks_of(text: str) -> list[Block]:
    found, block, before = [], None, ""
    for number, line in enumerate(text.split("\n")):
        if block is None and line.startswith("```"):
            block = Block(line[3:].strip(), before, number + 1)
        elif block is not None and line.startswith("```"):
            found.append(block)
            block = None
        elif block is not None:
            block.lines.append(line)
        before = line
    return found


def commands_of(block: Block) -> list[tuple[str, list[str]]]:
    """(command, lines that it prints); a command goes on after a backslash at the end, and to the end of a here-document."""
    found, end = [], None
    for line in block.lines:
        if end is not None or (found and found[-1][0].endswith("\\") and not found[-1][1]):
            found[-1] = (found[-1][0] + "\n" + line, [])
            end = None if line == end else end
        elif line.startswith("$ "):
            found.append((line[2:], []))
            here = re.search(r"<<\s*'?(\w+)'?", line)
            end = here[1] if here else None
        elif found:
            found[-1][1].append(line)
        else:
            raise ValueError("a console block begins with `$ `")
    return found


def matches(expected: list[str], seen: list[str]) -> bool:
    varies = "(…|" + "|".join(VARIES) + ")"
    pattern = ""
    for line in expected:
        if line == "…":
            pattern += r"(?:.*\n)*?"
            continue
        for piece in re.split(varies, line):
            if piece == "…":
                pattern += ".*"
            else:
                pattern += next((kind for kind in VARIES if re.fullmatch(kind, piece)), re.escape(piece))
        pattern += "\n"
    return re.fullmatch(pattern, "".join(line + "\n" for line in seen)) is not None


def run_page(page: pathlib.Path, binaries: pathlib.Path, with_qemu: bool, bless: bool) -> tuple[int, list[str]]:
    """How many commands were run, and what was wrong."""
    text = page.read_text()
    blocks = [block for block in blocks_of(text) if block.kind == "console" and (with_qemu or "qemu" not in block.remark)]
    lines, count, wrong = text.split("\n"), 0, []
    with tempfile.TemporaryDirectory(prefix="septum-manual-") as scratch:
        folder = pathlib.Path(scratch, "work")
        folder.mkdir()
        environment = {"PATH": f"{binaries}:{os.environ['PATH']}", "HOME": scratch, "LC_ALL": "C.UTF-8", "TERM": "dumb",
                       "CAPTURES": str(ROOT / "tests/probe/captures")}
        replaced = []
        for block in blocks:
            commands = commands_of(block)
            written = []
            for index, (command, expected) in enumerate(commands):
                patient = re.sub(r"--timeout (\d+)", lambda given: f"--timeout {int(given[1]) * PATIENCE}", command)
                done = subprocess.run(["bash", "-c", patient], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS)
                said = done.stdout.decode(errors="replace").replace(str(binaries), "/usr/share/septum").replace(scratch, "~").rstrip("\n")
                seen = [line.rstrip() for line in said.split("\n")] if said else []
                marked = re.search(r"exit (\d+)", block.remark) if index + 1 == len(commands) else None
                code = int(marked[1]) if marked else 0
                count += 1
                same = matches([line.rstrip() for line in expected], seen)
                if not same or done.returncode != code:
                    wrong.append(f"{page.relative_to(ROOT)}:{block.first + 1}: $ {command}\n--- the page says (exit code {code})\n" +
                                 "\n".join(expected) + f"\n--- it printed (exit code {done.returncode})\n" + "\n".join(seen) + "\n")
                written += ("$ " + command).split("\n") + (expected if same else seen)
            replaced.append((block.first, len(block.lines), written))
        if bless:
            for first, size, written in reversed(replaced):
                lines[first:first + size] = written
            page.write_text("\n".join(lines))
    return count, wrong


def options_of(septum: pathlib.Path) -> dict[str, set[str]]:
    def said(*words: str) -> str:
        return subprocess.run([septum, *words, "--help"], capture_output=True, text=True, check=True).stdout

    names = re.findall(r"^  ([a-z]+) ", said().split("commands:")[1].split("\n\n")[0], re.MULTILINE)
    return {name: set(re.findall(r"(?<![\w-])--?[a-z][a-z0-9-]*", said(name))) for name in names}


def check_words(page: pathlib.Path, known: dict[str, set[str]]) -> list[str]:
    """Commands and options that are written down and do not exist."""
    wrong = []
    for block in blocks_of(page.read_text()):
        if block.kind not in ("", "sh", "console"):
            continue
        for line in block.lines:
            for found in re.finditer(r"(?:^|[;&|] |\$ |sudo )septum ((?:[^|;#&'\"]|'[^']*'|\"[^\"]*\")*)", line):
                words = re.split(r"\s{2,}", found[1].strip())[0].split()
                place = f"{page.relative_to(ROOT)}:{block.first + block.lines.index(line) + 1}"
                if not words or words[0].startswith("--"):
                    continue
                if not re.fullmatch(r"[a-z]+", words[0]):
                    continue
                if words[0] not in known and words[0] != "help":
                    wrong.append(f"{place}: there is no `septum {words[0]}`")
                    continue
                for word in words[1:]:
                    option = word.split("=")[0]
                    if re.fullmatch(r"--?[a-z][a-z0-9-]*", option) and option not in known.get(words[0], set()):
                        wrong.append(f"{place}: `septum {words[0]}` has no `{option}`")
    return wrong


def anchors_of(page: pathlib.Path) -> set[str]:
    """As GitHub and mkdocs name headings: lower case, no punctuation, hyphens for spaces."""
    found, fenced = set(), False
    for line in page.read_text().split("\n"):
        fenced ^= line.startswith("```")
        if not fenced and (heading := re.match(r"#+ (.*)", line)):
            plain = re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", r"\1", heading[1]).lower()
            found.add(re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-"))
    return found


def links_of(page: pathlib.Path) -> list[str]:
    found, fenced = [], False
    for line in page.read_text().split("\n"):
        fenced ^= line.startswith("```")
        if not fenced:
            found += re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", line))
    return found


def check_links(page: pathlib.Path) -> list[str]:
    wrong = []
    for link in links_of(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            wrong.append(f"{page.relative_to(ROOT)}: `{link}` leads nowhere")
        elif anchor and target.suffix == ".md" and anchor not in anchors_of(target):
            wrong.append(f"{page.relative_to(ROOT)}: there is no heading `{anchor}` for `{link}`")
    return wrong


def has_qemu() -> str:
    """Empty, or why a block that needs QEMU cannot be run."""
    sys.path.insert(0, str(ROOT / "tests/qemu"))
    from harness.machine import Skip, needs_x2apic  # noqa: PLC0415
    try:
        needs_x2apic()
    except Skip as reason:
        return str(reason)
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description="the commands of the manual")
    parser.add_argument("--septum", type=pathlib.Path, required=True)
    parser.add_argument("--qemu", action="store_true", help="only pages with a block that needs QEMU, that block included")
    parser.add_argument("--bless", action="store_true")
    parser.add_argument("pages", nargs="*", type=pathlib.Path, help="only these")
    options = parser.parse_args()
    sys.dont_write_bytecode = True
    septum = options.septum.resolve()
    chosen = [page.resolve() for page in options.pages] or pages()
    if options.qemu:
        if reason := has_qemu():
            print(f"skipped: {reason}")
            return 77
        chosen = [page for page in chosen if any("qemu" in block.remark and block.kind == "console" for block in blocks_of(page.read_text()))]
    known = options_of(septum)
    wrong, count = [], 0
    for page in chosen:
        wrong += check_words(page, known) + check_links(page)
        number, more = run_page(page, septum.parent, options.qemu, options.bless)
        count, wrong = count + number, wrong + more
    print("\n".join(wrong))
    print(f"{len(chosen)} pages, {count} commands run, {len(wrong)} wrong")
    return 1 if wrong or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
