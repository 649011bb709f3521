# SPDX-License-Identifier: Apache-2.0
"""The npm packages of package.json here or in a folder below: installed once into out/node (out/node-FOLDER) when npm may,
else the test is skipped with the reason."""

import fcntl
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def skip(reason: str) -> None:
    print(f"skipped: {reason}")
    sys.exit(77)


def modules(out: pathlib.Path, kind: str = "") -> pathlib.Path:
    """node_modules with every package of kind/package.json. Ends the program with 77 when it cannot be had."""
    folder = out / (f"node-{kind}" if kind else "node")
    package = HERE / kind / "package.json"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = package.read_bytes()
        done = folder / "installed.json"
        if done.exists() and done.read_bytes() == wanted:
            return folder / "node_modules"
        if os.environ.get("SEPTUM_NO_INSTALL"):
            skip(f"npm packages of {package.relative_to(HERE.parents[1])} are not installed, and SEPTUM_NO_INSTALL forbids it")
        if not shutil.which("npm"):
            skip("npm is not installed (Debian: `npm`)")
        shutil.copy(package, folder / "package.json")
        try:
            npm = subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=folder,
                                 capture_output=True, text=True, timeout=300)
        except subprocess.TimeoutExpired:
            skip("npm did not answer within 300 s")
        if npm.returncode != 0:
            last = (npm.stderr.strip() or npm.stdout.strip() or "no reason given").splitlines()[-1]
            skip(f"npm could not install the packages: {last}")
        done.write_bytes(wanted)
    return folder / "node_modules"
