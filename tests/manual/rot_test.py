#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""commands.py sees what rots: a command that is gone, an output that changed, an exit code, an option, a link, a heading."""

import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE)]
import commands  # noqa: E402

KNOWN = {"check": {"--board", "-b"}, "run": {"--timeout"}}


def run(text: str) -> list[str]:
    page = commands.ROOT / "page.md"
    page.write_text(text)
    return commands.run_page(page, HERE, False, False)[1] + commands.check_words(page, KNOWN) + commands.check_links(page)


def main() -> int:
    good = {
        "an output": "```console\n$ echo a; echo b\na\nb\n```\n",
        "left out": "```console\n$ seq 5\n1\n…\n5\n```\n",
        "inside a line": "```console\n$ echo one two three\none … three\n```\n",
        "time and digest": f"```console\n$ echo 0.12 s sha-256 {'0' * 64}\n3.45 s sha-256 {'f' * 64}\n```\n",
        "a here-document": "```console\n$ cat > f <<'END'\n$ not a command\nEND\n$ cat f\n$ not a command\n```\n".replace("$ cat f\n$ not", "$ sed 's/. //' f\nnot"),
        "one folder for the page": "```console\n$ echo x > f\n```\ntext\n```console\n$ cat f\nx\n```\n",
        "an exit code": "<!-- exit 3 -->\n```console\n$ exit 3\n```\n",
        "not run": "```\n$ false\nsudo septum check x.yaml --board b   # no --such option\n```\n",
        "qemu elsewhere": "<!-- qemu -->\n```console\n$ false\n```\n",
        "a link": "# A `b` c\n[x](#a-b-c) [y](https://example.org/) `[z](nowhere.md)`\n",
    }
    bad = {
        "another output": "```console\n$ echo a\nb\n```\n",
        "more output": "```console\n$ seq 2\n1\n```\n",
        "less output": "```console\n$ echo a\na\nb\n```\n",
        "standard error": "```console\n$ echo a >&2\n```\n",
        "a command that is gone": "```console\n$ no-such-command 2>/dev/null\n```\n",
        "an exit code that changed": "```console\n$ exit 3\n```\n",
        "another exit code": "<!-- exit 2 -->\n```console\n$ exit 3\n```\n",
        "no septum of that name": "```\nseptum chekc x.yaml\n```\n",
        "no option of that name": "```\nseptum check x.yaml --bord b\n```\n",
        "no option in a pipe": "```\nseptum check x.yaml && septum run --fast x.iso\n```\n",
        "a link to nowhere": "[x](nowhere.md)\n",
        "a heading that is gone": "# A\n[x](#b)\n",
    }
    failed = 0
    with tempfile.TemporaryDirectory(prefix="septum-rot-") as scratch:
        commands.ROOT = pathlib.Path(scratch)
        for name, text in good.items():
            if wrong := run(text):
                failed += 1
                print(f"{name}: found wrong\n" + "\n".join(wrong))
        for name, text in bad.items():
            if not run(text):
                failed += 1
                print(f"{name}: not found")
    print(f"{len(good)} good pages, {len(bad)} that rot, {failed} judged wrongly")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
