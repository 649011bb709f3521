#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-tidy over every hosted source, each with the flags that it is compiled with.

A file is looked up in the compile commands of the first build tree that has it (the fuzzers are in the sanitized one only). Properties are
compiled several in a file, so no tree lists them; clang-tidy then takes the flags of their neighbours."""

import argparse
import concurrent.futures
import json
import pathlib
import re
import subprocess
import sys

TOOL = "clang-tidy-19"
# The kernel has rules of its own (CONTRIBUTING.md). The others are no part of a build tree: a project of its own, which
# tests/package builds, and what breaks the rules for core/ on purpose.
LEFT_OUT = r"kernel/|config/examples/out-of-tree/|tests/purity/impure\.cpp"


def sources(root: pathlib.Path, wanted: list[str]) -> list[str]:
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.cpp"], cwd=root, capture_output=True,
                            text=True, check=True).stdout.split()
    return [name for name in sorted(set(listed)) if (root / name).exists() and not re.match(LEFT_OUT, name)
            and (not wanted or any(name.startswith(part) for part in wanted))]


def tree_of(root: pathlib.Path, trees: list[pathlib.Path]):
    """For each file the tree that compiles it; the first one where none lists it."""
    known: dict[str, pathlib.Path] = {}
    for tree in reversed(trees):
        for entry in json.loads((tree / "compile_commands.json").read_text()):
            known[entry["file"]] = tree
    return lambda name: known.get(str(root / name), trees[0])


def main() -> int:
    parser = argparse.ArgumentParser(description="clang-tidy over the hosted sources")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--checks", help="others than .clang-tidy asks for")
    parser.add_argument("--tree", type=pathlib.Path, action="append", required=True, help="a configured build tree; the first is preferred")
    parser.add_argument("wanted", nargs="*", help="folders or files, from the repository's root on (default: all)")
    options = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parents[1]
    files = sources(root, options.wanted)
    if not files:
        print(f"error: no source begins with {' or '.join(options.wanted)}", file=sys.stderr)
        return 1
    tree = tree_of(root, options.tree)
    checks = [f"--checks={options.checks}"] if options.checks else []

    def look(name: str) -> tuple[str, subprocess.CompletedProcess]:
        return name, subprocess.run([TOOL, "-p", str(tree(name)), "--quiet", *checks, name], cwd=root, capture_output=True, text=True)

    failed = 0
    said: set[str] = set()  # of a header, once
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for number, (name, done) in enumerate(pool.map(look, files), 1):
            failed += done.returncode != 0
            new = [part for part in re.split(r"(?m)^(?=\S+:\d+:\d+: (?:error|warning): )", done.stdout) if part.strip() and part not in said]
            said.update(new)
            if done.returncode != 0 and not new and not done.stdout:
                new = [done.stderr]
            print("".join(new), end="", flush=True)
            if sys.stderr.isatty():
                print(f"\r\x1b[K{number} of {len(files)}", end="", file=sys.stderr, flush=True)
    print(f"{len(files)} files, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
