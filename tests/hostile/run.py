#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Any bytes as an input: a clear error and an exit code of ours, never a crash, a hang or silence. That damage to what matters is found is shown by tests/mutation.

Each kind of file is damaged in many ways and given to every command that reads it."""

import argparse
import pathlib
import random
import subprocess
import sys
import tempfile

SECONDS = 60  # ten on an idle machine, without sanitizers
COMMANDS = {
    "image": (["verify"], ["flow"], ["diff", "two.iso"], ["verify", "two.yaml"]),
    "yaml": (["check"], ["verify", "--model-only"], ["flow"], ["diff", "two.yaml"], ["explain", "placement"], ["explain", "mem.disjoint"]),
    "board": (["check", "two.yaml", "--board"],),
    "approval": (["diff", "two.yaml", "two.yaml", "--approve"],),
}



def damaged(good: bytes, kind: str, seed: int) -> bytes:
    r = random.Random(f"{kind}-{seed}")
    way = seed % 6
    if way == 0:
        return r.randbytes(r.randrange(1, 70000))
    if way == 1:
        return good[:r.randrange(len(good))]
    out = bytearray(good)
    if way == 2:
        at = r.randrange(len(out))
        out[at:at + r.randrange(1, 64)] = r.randbytes(r.randrange(64))
    elif way == 3:
        for _ in range(r.randrange(1, 40)):
            out[r.randrange(len(out))] = r.randrange(256)
    elif way == 4:
        at, size = r.randrange(len(out)), r.randrange(1, 4096)
        out[at:at + size] = out[at:at + size] * 3
    else: # where structures begin: the first bytes of sectors and of the bundle
        for _ in range(8):
            at = r.randrange(0, max(1, len(out) // 2048)) * 2048 + r.randrange(0, 600)
            if at < len(out):
                out[at] ^= 1 << r.randrange(8)
    return bytes(out)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--septum", required=True)
    parser.add_argument("--source", required=True, type=pathlib.Path)
    parser.add_argument("--times", type=int, default=18, help="damaged files of each kind")
    args = parser.parse_args()
    args.septum = str(pathlib.Path(args.septum).resolve())
    wrong = runs = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        yaml = (args.source / "tests/cli/fixtures/two.yaml").read_bytes()
        (folder / "two.yaml").write_bytes(yaml)
        subprocess.run([args.septum, "build", "two.yaml", "-o", "two.iso"], cwd=folder, check=True, capture_output=True, timeout=300)
        good = {"image": (folder / "two.iso").read_bytes(), "yaml": yaml,
                "board": (args.source / "config/boards/qemu-q35.yaml").read_bytes(),
                "approval": b"# gains that are meant\nadded:flow:left:right:channel-word asked for\n"}
        for kind, commands in COMMANDS.items():
            for seed in range(args.times):
                bytes_ = damaged(good[kind], kind, seed)
                if bytes_ == good[kind]:
                    continue
                suffix = {"image": "bad.iso", "yaml": "bad.yaml", "board": "bad-board.yaml", "approval": "bad.txt"}[kind]
                (folder / suffix).write_bytes(bytes_)
                for command in commands:
                    line = [args.septum, *command, f"./{suffix}"]
                    runs += 1
                    try:
                        done = subprocess.run(line, cwd=folder, capture_output=True, timeout=SECONDS)
                    except subprocess.TimeoutExpired:
                        wrong += 1
                        print(f"{kind} {seed}: `{' '.join(command)}` takes longer than {SECONDS} s")
                        continue
                    # Damage may miss what matters: a comment, a byte between two files. What must not be is a crash or silence.
                    said = done.stdout + done.stderr
                    if done.returncode not in (0, 1, 2, 3) or (done.returncode != 0 and not said.strip()) or b"Sanitizer" in said:
                        wrong += 1
                        print(f"{kind} {seed}: `{' '.join(command)}` gives {done.returncode}: {said[-600:].decode(errors='replace')}")
    print(f"{runs} runs, {wrong} wrong")
    return 1 if wrong or not runs else 0


if __name__ == "__main__":
    sys.exit(main())
