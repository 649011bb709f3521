#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `--help` gives as examples can be typed: each is run beside an appliance as `septum init` writes it. Those that expect something
of a machine are run in QEMU, when there is one that can be the board; those that need another program or a second terminal are not."""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parent / "qemu"))
from harness.machine import PATIENCE, Skip, needs_x2apic  # noqa: E402

# Not run: what they need is not in a test's folder.
ELSEWHERE = r"^sudo |\| dot |--gdb|--record|--view|--uefi"


def examples(septum: pathlib.Path) -> list[str]:
    def said(*words: str) -> str:
        return subprocess.run([septum, *words, "--help"], capture_output=True, text=True, check=True).stdout

    commands = re.findall(r"^  ([a-z]+) ", said().split("commands:")[1].split("\n\n")[0], re.MULTILINE)
    lines = [line.strip() for name in commands for line in said(name).split("\nexamples:\n")[1].splitlines() if line.strip()]
    return [re.sub(r"\s{3,}.*", "", line) for line in lines]


def prepare(folder: pathlib.Path, septum: pathlib.Path) -> None:
    """All that the examples name."""
    def run(*words: str) -> None:
        subprocess.run(words, cwd=folder, check=True, capture_output=True)

    run(str(septum), "init", ".", "--board", "qemu-q35")
    text = (folder / "appliance.yaml").read_text()
    (folder / "main.yaml").write_text(text)
    for name in ("guests", "kernels", "plans", "out", "capture", ".zfunc", ".config/fish/completions", ".local/share/bash-completion/completions"):
        (folder / name).mkdir(parents=True)
    run(str(septum), "build", "appliance.yaml", "-o", "appliance", "--target", "iso,disk")
    for name in ("v1.iso", "v2.iso"):
        (folder / name).symlink_to("appliance.iso")
    (folder / "accepted.yaml").write_text("acknowledged: 1\nfindings: []\n")
    (folder / "approved.txt").write_text("")
    board = (ROOT / "config/boards/qemu-q35.yaml").read_text()
    (folder / "my-box.yaml").write_text(re.sub(r"^name: .*", "name: my-box", board, flags=re.MULTILINE))
    run("tar", "-xzf", str(HERE.parent / "probe/captures/q35-vtd.tar.gz"), "-C", "capture")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--septum", type=pathlib.Path, required=True)
    septum = parser.parse_args().septum.resolve()
    try:
        needs_x2apic()
        machine = True
    except Skip as why:
        print(f"without a machine: {why}")
        machine = False
    failed, ran, left = [], 0, []
    with tempfile.TemporaryDirectory(prefix="septum-examples-") as scratch:
        folder = pathlib.Path(scratch)
        prepare(folder, septum)
        for line in examples(septum):
            on_machine = line.startswith("septum run") and "--print-command" not in line
            if re.search(ELSEWHERE, line) or (on_machine and (not machine or "--expect" not in line)):
                left.append(line)
                continue
            # What suits whoever types it may be too short for a machine that does other things as well.
            patient = re.sub(r"--timeout (\d+)", lambda given: f"--timeout {int(given[1]) * PATIENCE}", line)
            done = subprocess.run(["/bin/sh", "-c", patient], cwd=folder, capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL,
                                  env={"PATH": f"{septum.parent}:/usr/local/bin:/usr/bin:/bin", "HOME": scratch, "TMPDIR": scratch})
            ran += 1
            if done.returncode != 0:
                failed.append(f"{line}: exit code {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    print("\n".join(failed))
    print(f"{ran} examples of --help run, {len(failed)} failed; not run here: {len(left)}")
    return 1 if failed or ran < 40 else 0


if __name__ == "__main__":
    sys.exit(main())
