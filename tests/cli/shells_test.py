#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Completions in the shells themselves, each on a terminal: what stands on the line after TAB."""

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

# What is typed before TAB, and what must then be on the line, or below it among the choices.
CASES = [
    ("septum bu", ["septum build "]),
    ("septum verify --smt", ["septum verify --smt-lib "]),
    ("septum verify --format sar", ["septum verify --format sarif "]),
    ("septum check --board qemu-q35-x", ["septum check --board qemu-q35-xapic "]),
    ("septum board sho", ["septum board show "]),
    ("septum board show qemu-q35-am", ["septum board show qemu-q35-amd-iommu "]),
    ("septum explain dma.conf", ["septum explain dma.confined "]),
    ("septum check app", ["septum check appliance.yaml "]),
    ("septum check -b ./my-b", ["septum check -b ./my-board.yaml "]),
    ("septum completion ", ["bash", "zsh", "fish"]),
]


def start(shell: str, septum: pathlib.Path, folder: pathlib.Path) -> Session:
    script = subprocess.run([septum, "completion", shell], capture_output=True, text=True, check=True).stdout
    environment = {"PATH": f"{septum.parent}:{os.environ['PATH']}", "HOME": str(folder), "TERM": "xterm", "LC_ALL": "C.UTF-8", "PS1": "ready> ",
                   "HISTFILE": "/dev/null"}
    here = folder / "here"
    if shell == "bash":
        (folder / "rc").write_text(script + "\nPS1='ready> '\nbind 'set completion-query-items 0'; bind 'set page-completions off'\n")
        return Session(["bash", "--rcfile", folder / "rc", "-i"], here, environment, 300)
    if shell == "zsh":
        (folder / "functions").mkdir()
        (folder / "functions/_septum").write_text(script)
        (folder / ".zshrc").write_text(f"fpath=({folder}/functions $fpath)\nautoload -Uz compinit\ncompinit -u -d {folder}/dump\nPS1='ready> '\n"
                                       "unsetopt beep zle_bracketed_paste prompt_sp\n")
        return Session(["zsh", "-i"], here, {**environment, "ZDOTDIR": str(folder)}, 300)
    completions = folder / ".config/fish/completions"
    completions.mkdir(parents=True)
    (completions / "septum.fish").write_text(script)
    (folder / ".config/fish/config.fish").write_text("function fish_prompt; echo -n 'ready> '; end\nset -g fish_greeting\n"
                                                     "set -g fish_autosuggestion_enabled 0\n")
    return Session(["fish", "-i"], here, environment, 300)


def try_shell(shell: str, septum: pathlib.Path) -> list[str]:
    wrong = []
    with tempfile.TemporaryDirectory(prefix="septum-shell-") as scratch:
        folder = pathlib.Path(scratch)
        (folder / "here").mkdir()
        for name in ("appliance.yaml", "my-board.yaml"):
            (folder / "here" / name).touch()
        with start(shell, septum, folder) as session:
            if not session.wait_for("ready> "):
                return [f"{shell} does not come up:\n{session.plain()}"]
            for typed, wanted in CASES:
                after = len(session.plain())
                session.type(typed + "\t\t")
                for text in wanted:
                    # The line is redrawn in pieces: what is new on it follows what was typed.
                    rest = text.removeprefix(typed).strip() if text.startswith(typed) else text
                    if not session.wait_for(rest, after=after + (len(typed) if text.startswith(typed) else 0)):
                        wrong.append(f"{shell}: after `{typed}` TAB there is no `{text}`:\n{session.plain()[after:]}")
                        break
                after = len(session.plain())
                session.type("\x05\x15")  # to the end of the line, and away with it
                session.type("echo cle''ar\r")
                # What is typed before the shell reads again might stand there before its prompt.
                if not session.wait_for("clear\n", after=after) or not session.wait_for("ready> ", after=session.plain().index("clear\n", after)):
                    return wrong + [f"{shell}: it hangs after `{typed}` TAB:\n{session.plain()[after:]}"]
            if "rror" in session.plain() or "not found" in session.plain():
                wrong.append(f"{shell}: an error on the way:\n{session.plain()}")
            session.type("\x04")
            session.end(10)
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--septum", type=pathlib.Path, required=True)
    parser.add_argument("shell", choices=["bash", "zsh", "fish"])
    options = parser.parse_args()
    if shutil.which(options.shell) is None:
        print(f"skipped: {options.shell} is not installed (Debian: `{options.shell}`)")
        return 77
    wrong = try_shell(options.shell, options.septum.resolve())
    print("\n".join(wrong) if wrong else f"{options.shell}: {len(CASES)} lines completed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
