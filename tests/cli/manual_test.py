#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scdoc accepts every page of the manual, and each command has one with its options and examples. What an option is for stands in
docs/, too."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile


ROOT = pathlib.Path(__file__).resolve().parents[2]


def main() -> int:
    if shutil.which("scdoc") is None:
        print("skipped: scdoc is not installed (Debian: `scdoc`)")
        return 77
    septum, manual = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
    help_text = subprocess.run([septum, "--help"], capture_output=True, text=True, check=True).stdout
    commands = re.findall(r"^  ([a-z]+) ", help_text.split("commands:")[1].split("\n\n")[0], re.MULTILINE)
    docs = "".join(page.read_text() for page in (ROOT / "docs").glob("*.md"))
    with tempfile.TemporaryDirectory(prefix="septum-man-") as scratch:
        subprocess.run([manual, scratch], check=True)
        pages = {page.name for page in pathlib.Path(scratch).iterdir()}
        assert pages == {"septum.1.scd"} | {f"septum-{name}.1.scd" for name in commands}, pages
        for page in sorted(pathlib.Path(scratch).iterdir()):
            done = subprocess.run(["scdoc"], stdin=page.open(), capture_output=True, text=True)
            if done.returncode != 0 or done.stderr:
                print(f"{page.name}: {done.stderr}")
                return 1
            name = page.name.removesuffix(".1.scd").removeprefix("septum").lstrip("-")
            if not name:
                continue
            said = subprocess.run([septum, name, "--help"], capture_output=True, text=True, check=True).stdout
            roff = done.stdout.replace("\\-", "-").replace("\\(cq", "'").replace("\\(dq", '"')
            for option in re.findall(r"--[a-z-]+", said.split("\noptions:")[1].split("\nexamples:")[0]):
                assert option in roff, f"{page.name} lacks {option}"
                assert option in ("--help", "--version") or re.search(rf"{option}\b", docs), f"docs/ lack {option} of `septum {name}`"
    print(f"{len(pages)} pages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
