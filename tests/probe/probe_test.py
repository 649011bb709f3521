#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Probes every capture: the board file is as blessed, septum reads it, and an appliance with devices on it is proved.

The same captures without what only root may read give a board file, too, which says what was not seen."""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE)]
from capture import MACHINES, REFUSED, appliance  # noqa: E402


def run(*words, cwd=None):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, cwd=cwd)


def without_root(root: pathlib.Path) -> None:
    shutil.rmtree(root / "sys/firmware/acpi", ignore_errors=True)
    (root / "sys/firmware/acpi/tables").mkdir(parents=True)
    iomem = root / "proc/iomem"
    iomem.write_text("".join("00000000-00000000 : " + line.split(" : ", 1)[1] + "\n" for line in iomem.read_text().splitlines()))
    for config in (root / "sys/bus/pci/devices").glob("*/config"):
        config.write_bytes(config.read_bytes()[:64])


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--septum", type=pathlib.Path, required=True)
    parser.add_argument("--bless", action="store_true")
    options = parser.parse_args()
    septum = options.septum.resolve()
    captures = sorted((HERE / "captures").glob("*.tar.gz"))
    if {capture.name.removesuffix(".tar.gz") for capture in captures} != set(MACHINES):
        sys.exit("captures and machines of capture.py are not the same")
    failed = []
    for capture in captures:
        name = capture.name.removesuffix(".tar.gz")
        with tempfile.TemporaryDirectory(prefix="septum-probe-") as scratch:
            folder = pathlib.Path(scratch)
            root = folder / "root"
            root.mkdir()
            subprocess.run(["tar", "-xzf", capture, "-C", root], check=True)
            for way in ("root", "user"):
                if way == "user":
                    without_root(root)
                golden = HERE / "captures" / f"{name}-{way}.yaml"
                done = run(septum, "board", "probe", "--root", root, "--name", name, "-o", f"{name}.yaml", cwd=folder)
                if done.returncode != 0 or "saw " not in done.stderr:
                    failed.append(f"{name} ({way}): exit code {done.returncode}\n{done.stderr}")
                    continue
                text = (folder / f"{name}.yaml").read_text()
                if options.bless:
                    golden.write_text(text)
                elif text != golden.read_text():
                    failed.append(f"{name} ({way}): not as blessed:\n{text}")
                again = run(septum, "board", "probe", "--root", root, "--name", name, cwd=folder)
                if again.stdout != text:
                    failed.append(f"{name} ({way}): two runs, two files")
                if way == "user":
                    if "run it as root" not in text or "# Not seen:" not in text:
                        failed.append(f"{name}: without root it does not say so")
                    continue
                show = run(septum, "board", "show", f"./{name}.yaml", cwd=folder)
                if show.returncode != 0:
                    failed.append(f"{name}: septum does not read what it wrote\n{show.stderr}")
                if run(septum, "fmt", "--check", f"{name}.yaml", cwd=folder).returncode != 0:
                    failed.append(f"{name}: not in form")
                (folder / "a.yaml").write_text(appliance(name))
                verify = run(septum, "verify", "a.yaml", cwd=folder)
                if verify.returncode != 0:
                    failed.append(f"{name}: an appliance on it is not proved\n{verify.stdout}{verify.stderr}")
                if name in REFUSED:
                    device, why = REFUSED[name]
                    (folder / "a.yaml").write_text(appliance(name, [device], "restart"))
                    verify = run(septum, "verify", "a.yaml", "--format", "short", cwd=folder)
                    if verify.returncode != 2 or f"error[{why}" not in verify.stdout:
                        failed.append(f"{name}: granting `{device}` is not refused by {why}\n{verify.stdout}{verify.stderr}")
            print(f"{name}: probed")
    # A machine with Intel's processors is seen and drawn; that nothing can be built for it is a warning, and a finding of the appliance.
    with tempfile.TemporaryDirectory(prefix="septum-probe-") as scratch:
        folder = pathlib.Path(scratch)
        subprocess.run(["tar", "-xzf", HERE / "captures/q35-vtd.tar.gz", "-C", folder], check=True)
        cpus = folder / "proc/cpuinfo"
        cpus.write_text(cpus.read_text().replace("AuthenticAMD", "GenuineIntel"))
        probed = run(septum, "board", "probe", "--root", ".", "-o", "laptop.yaml", cwd=folder)
        show = run(septum, "board", "show", "./laptop.yaml", cwd=folder)
        (folder / "a.yaml").write_text(appliance("laptop", []))
        check = run(septum, "check", "a.yaml", cwd=folder)
        if probed.returncode != 0 or "these are Intel's" not in probed.stderr:
            failed.append(f"a laptop: {probed.returncode}\n{probed.stderr}")
        if show.returncode != 0 or "Intel processor" not in show.stdout or "warning: no appliance can be built for `laptop`" not in show.stderr:
            failed.append(f"a laptop is not drawn: {show.returncode}\n{show.stdout}{show.stderr}")
        if check.returncode != 2 or "error[board.vendor-unsupported]" not in check.stdout:
            failed.append(f"an appliance on a laptop: {check.returncode}\n{check.stdout}{check.stderr}")
    # What is not there is no reason to fall over.
    with tempfile.TemporaryDirectory(prefix="septum-probe-") as scratch:
        done = run(septum, "board", "probe", "--root", scratch)
        if done.returncode != 1 or "not seen" not in done.stderr or "septum-board: 1" not in done.stdout:
            failed.append(f"an empty folder: {done.returncode}\n{done.stderr}")
    print("\n".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
