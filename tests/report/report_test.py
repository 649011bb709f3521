#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes reports of several appliances and opens each in headless Chromium (browser.mjs). `--bless` writes the pictures."""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parent / "node"))
import tools  # noqa: E402

TWO = (ROOT / "tests/cli/fixtures/two.yaml").read_text()


def chain(count: int) -> str:
    """Many partitions in a row, so that flows through others are many."""
    text = "septum: 1\nname: chain\nboard: qemu-q35\npartitions:\n"
    for i in range(count):
        text += f"  p{i:02}: {{cpus: 1, memory: 4 MiB, boot: {{elf: hello.elf}}}}\n"
    text += "channels:\n"
    for i in range(count - 1):
        text += f"  c{i:02}: {{from: p{i:02}, to: p{i + 1:02}, size: 4 KiB}}\n"
    return text + f"policy:\n  - only: {{from: p00, to: p{count - 1:02}, via: [p01]}}\n  - never: {{from: p00, to: p02}}\n"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--septum", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="where npm packages are kept")
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--bless", action="store_true")
    options = parser.parse_args()
    septum = options.septum.resolve()
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        tools.skip("there is no Chromium (Debian: `chromium`)")
    if shutil.which("node") is None:
        tools.skip("there is no node (Debian: `nodejs`)")
    modules = tools.modules(options.out.resolve())
    work = options.work.resolve() / "reports"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    (work / "two.yaml").write_text(TWO)
    (work / "violated.yaml").write_text(TWO + "  - never: {from: left, to: right}\n")
    (work / "invalid.yaml").write_text(TWO.replace("cpus: 1", "cpus: 0 # <script>alert(1)</script>"))
    (work / "chain.yaml").write_text(chain(4))
    (work / "log.yaml").write_text(TWO.replace("  right:\n", "  right:\n    event-log: true\n").split("policy:")[0])
    runs = {
        "two": (["build", "two.yaml", "-o", "two.iso", "--report", "two.html"], 0),
        "violated": (["verify", "violated.yaml", "--model-only", "-o", "violated.html"], 2),
        "invalid": (["check", "invalid.yaml", "-o", "invalid.html"], 2),
        "chain": (["verify", "chain.yaml", "-o", "chain.html"], 2),
        "log": (["verify", "log.yaml", "-o", "log.html"], 0),
        "absent": (["check", "absent.yaml", "-o", "absent.html"], 1),
    }
    failed = []
    for name, (words, code) in runs.items():
        done = subprocess.run([septum, *words, "--format", "html"], cwd=work, capture_output=True, text=True)
        if done.returncode != code:
            failed.append(f"{name}: exit code {done.returncode}, expected {code}\n{done.stderr}")
            continue
        text = (work / f"{name}.html").read_text()
        for pattern in (r"(?:src|href)=\"(?!#|data:)", r"https?://(?!www\.w3\.org)", re.escape(str(septum.parent)), "<script>alert"):
            if re.search(pattern, text):
                failed.append(f"{name}: the report is not self-contained: {pattern}")
        if name in ("two", "log"):  # what is proved to be granted as declared has a name in the map
            wanted = ["the crash record"] + ["the event log"] * (name == "log")
            if any(f">{what}</th>" not in text for what in wanted) or "nothing that was declared" in text:
                failed.append(f"{name}: the memory map does not name all of {wanted}")
        again = work / "again.html"
        words = [word if word != f"{name}.html" else again.name for word in words]
        subprocess.run([septum, *words, "--format", "html"], cwd=work, capture_output=True)
        if again.read_text() != text:
            failed.append(f"{name}: two runs, two reports")
    if not failed:
        done = subprocess.run(["node", HERE / "browser.mjs", work, HERE / "pictures", "bless" if options.bless else "compare"],
                              env={**os.environ, "CHROMIUM": browser, "NODE_FOLDER": str(modules)}, timeout=2000)
        if done.returncode != 0:
            failed.append("the browser found something")
    print("\n".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
