#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Corpora of fuzzers, one input a line in hexadecimal, so that a folder of small files is one file in the repository.

  corpus.py unpack FILE FOLDER    what libFuzzer reads
  corpus.py pack FOLDER FILE      after a long run: FOLDER is what `fuzz-… -set_cover_merge=1 FOLDER CORPUS` left"""

import hashlib
import pathlib
import sys


def main() -> int:
    if len(sys.argv) != 4 or sys.argv[1] not in ("pack", "unpack"):
        print(__doc__, file=sys.stderr)
        return 64
    source, target = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    if sys.argv[1] == "unpack":
        target.mkdir(parents=True, exist_ok=True)
        for line in source.read_text().splitlines():
            data = bytes.fromhex(line)
            (target / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    else:
        lines = {file.read_bytes().hex() for file in source.iterdir()}
        target.write_text("".join(line + "\n" for line in sorted(lines, key=lambda line: (len(line), line))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
