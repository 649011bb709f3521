#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An appliance on a probed board boots on the very machine that was probed: the kernel's contract holds there, and with other CPUs not."""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE.parent / "qemu")]
from capture import MACHINES, OTHER_CPUS, appliance  # noqa: E402
from harness.machine import Skip, needs_x2apic  # noqa: E402


def start(words: list[str], folder: pathlib.Path, seconds: int) -> list[str]:
    """What the machine says, until the partition has spoken or the kernel has refused."""
    machine = subprocess.Popen(["qemu-system-x86_64", *words, "-cpu", "max", "-nodefaults", "-display", "none",
                                "-serial", "stdio", "-no-reboot", "-drive", "media=cdrom,format=raw,readonly=on,file=a.iso"],
                               cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    lines = []
    timer = threading.Timer(seconds, machine.kill)
    timer.start()
    for line in machine.stdout:
        lines.append(line.decode(errors="replace").strip())
        if "[one] hello" in lines[-1] or "septum: refused" in lines[-1]:
            break
    timer.cancel()
    machine.kill()
    machine.wait()
    return [line for line in lines if "septum: " in line or "[one]" in line]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--septum", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=int, default=400, help="how long a machine may take")
    parser.add_argument("machines", nargs="+", choices=sorted(MACHINES))
    options = parser.parse_args()
    septum = options.septum.resolve()
    if shutil.which("qemu-system-x86_64") is None:
        print("skipped: there is no qemu-system-x86_64")
        return 77
    try:
        needs_x2apic()
    except Skip as reason:
        print(f"skipped: {reason}")
        return 77
    failed = []
    for name in options.machines:
        capture = HERE / "captures" / f"{name}.tar.gz"
        with tempfile.TemporaryDirectory(prefix="septum-probe-") as scratch:
            folder = pathlib.Path(scratch)
            (folder / "root").mkdir()
            subprocess.run(["tar", "-xzf", capture, "-C", folder / "root"], check=True)
            subprocess.run([septum, "board", "probe", "--root", "root", "--name", name, "-o", f"{name}.yaml"], cwd=folder, check=True,
                           capture_output=True)
            (folder / "a.yaml").write_text(appliance(name))
            built = subprocess.run([septum, "build", "a.yaml", "-o", "a.iso"], cwd=folder, capture_output=True, text=True)
            if built.returncode != 0:
                failed.append(f"{name}: {built.stdout}{built.stderr}")
                continue
            lines = start(MACHINES[name], folder, options.seconds)
            said = "\n".join(lines)
            if "contract holds" not in said or "[one] hello from partition one" not in said:
                failed.append(f"{name}: it did not start there:\n{said}")
            else:
                print(f"{name}: {next(line for line in lines if 'contract holds' in line)}")
            for cpus, refusal in OTHER_CPUS.get(name, {}).items():
                words = list(MACHINES[name])
                words[words.index("-smp") + 1] = cpus
                said = "\n".join(start(words, folder, options.seconds))
                if re.search(f"septum: refused: {refusal}", said) is None:
                    failed.append(f"{name} with -smp {cpus}: it was not refused:\n{said}")
                else:
                    print(f"{name} with -smp {cpus}: refused")
    print("\n".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
