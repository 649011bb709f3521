#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Any bytes as an input: a clear error and an exit code of ours, never a crash, a hang, silence or a pass. That damage to what
matters is found is shown by tests/mutation; here it is only that nothing passes whose judged bytes are not the good ones.

Each kind of file is given, damaged in many ways, to every command that reads it."""

import argparse
import concurrent.futures
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass

SECONDS = 400  # what takes so long has no end
PROCESSOR_SECONDS = 30  # of processor time, whatever else the machine does; ten without sanitizers
BOUNDED = ("prlimit", f"--cpu={PROCESSOR_SECONDS}:{2 * PROCESSOR_SECONDS}", "--")
MAGIC = b"\x7fSEPTUM1"
# `{}` is the damaged file.
COMMANDS = {
    "image": ("septum verify {}", "septum flow {}", "septum diff {} two.iso", "septum diff two.iso {}", "septum verify two.yaml {}",
              "septum walk {} left 0x100000", "septum explain mem.exact two.yaml {}", "septum run {} --print-command",
              "septum-recheck {} two.json"),
    "archive": ("septum verify {}", "septum flow {}", "septum verify two.yaml {}", "septum walk {} left 0x100000",
                "septum run {} --print-command"),
    "yaml": ("septum check {}", "septum verify {} --model-only", "septum flow {}", "septum diff {} two.yaml", "septum diff two.yaml {}",
             "septum explain placement {}", "septum explain mem.disjoint {}", "septum plan {} -o plan.lock", "septum verify {} two.iso",
             "septum fmt --check {}"),
    "board": ("septum check two.yaml --board {}", "septum verify two.yaml --model-only --board {}", "septum board show {}",
              "septum verify two.yaml two.iso --board {}"),
    "certificate": ("septum-recheck two.iso {}",),
    "lock": ("septum plan two.yaml -o {}",),
    "approval": ("septum diff two.yaml two.yaml --approve {}",),
}
NAMES = {"image": "bad.iso", "archive": "bad.tar", "yaml": "bad.yaml", "board": "bad-board.yaml", "certificate": "bad.json", "lock": "bad.lock", "approval": "bad.txt"}
TEXT = ("yaml", "board")


@dataclass(frozen=True)
class Damage:
    what: str
    bytes: bytes
    whole: bool  # nothing of the good file is left to be read: only exit code 1 will do


def damaged(good: bytes, kind: str, times: int) -> list[Damage]:
    out = [Damage("nothing", b"", True), Damage("one zero", b"\0", True), Damage("a megabyte of zeros", bytes(1 << 20), True),
           Damage("a megabyte of ones", b"\xff" * (1 << 20), True), Damage("text", b"hello\n", True),
           Damage("brackets", b"[" * 50000, True), Damage("braces", b'{"a":' * 20000, True)]
    r = random.Random(kind)
    # Cut at both ends, at whole sectors and anywhere.
    cuts = {1, 16, 4095, 4096, 32768, 34816, len(good) // 2, len(good) - 2048, len(good) - 1} | {r.randrange(len(good)) for _ in range(times)}
    out += [Damage(f"cut to {size}", good[:size], False) for size in sorted(cuts) if 0 < size < len(good)]
    for seed in range(times):
        r = random.Random(f"{kind}-{seed}")
        out.append(Damage(f"noise {seed}", r.randbytes(r.randrange(1, 70000)), kind not in ("lock", "approval")))
        bad = bytearray(good)
        at = r.randrange(len(bad))
        bad[at:at + r.randrange(1, 64)] = r.randbytes(r.randrange(64))
        out.append(Damage(f"replaced {seed}", bytes(bad), False))
        bad = bytearray(good)
        for _ in range(r.randrange(1, 40)):
            bad[r.randrange(len(bad))] = r.randrange(256)
        out.append(Damage(f"bytes {seed}", bytes(bad), False))
        bad = bytearray(good)
        bad[r.randrange(len(bad))] ^= 1 << r.randrange(8)
        out.append(Damage(f"bit {seed}", bytes(bad), False))
        bad = bytearray(good)
        at, size = r.randrange(len(bad)), r.randrange(1, 4096)
        bad[at:at + size] = bad[at:at + size] * 3
        out.append(Damage(f"repeated {seed}", bytes(bad), False))
        bad = bytearray(good)  # where structures begin: the first bytes of sectors and of the bundle; sizes become huge
        for _ in range(8):
            at = r.randrange(0, max(1, len(bad) // 2048)) * 2048 + r.randrange(0, 600)
            if at + 8 <= len(bad):
                bad[at:at + 8] = r.choice((b"\xff" * 8, b"\xff\xff\xff\x7f" * 2, bytes(8), r.randbytes(8)))
        out.append(Damage(f"structures {seed}", bytes(bad), False))
        if kind in (*TEXT, "certificate"):  # numbers, and what may not be
            numbers = list(re.finditer(rb"\b(0x[0-9a-f_]+|\d+)\b", good))
            one = r.choice(numbers)
            new = r.choice((b"18446744073709551615", b"18446744073709551616", b"0xffffffffffffffff", b"-1", b"9" * 400, b"1e999", b"0x", b"''"))
            out.append(Damage(f"number {seed}", good[:one.start()] + new + good[one.end():], False))
    return [one for one in out if one.bytes != good]


def special(folder: pathlib.Path, kind: str) -> dict[str, str]:
    """What is no file with bytes: name and path."""
    (folder / "folder").mkdir(exist_ok=True)
    pipe, huge = folder / "pipe", folder / f"huge{pathlib.Path(NAMES[kind]).suffix}"
    if not pipe.exists():
        os.mkfifo(pipe)
    huge.touch()
    os.truncate(huge, 1 << 40)  # holes
    return {"a folder": "./folder", "a device without end": "/dev/zero", "a pipe of nobody": "./pipe", "a tebibyte": f"./{huge.name}",
            "no file": "./missing"}


class Bench:
    def __init__(self, folder: pathlib.Path, programs: dict[str, str]):
        self.folder, self.programs = folder, programs
        self.runs = self.wrong = 0

    def run(self, command: str, path: str, folder: pathlib.Path):
        first, *rest = command.split()
        line = [*BOUNDED, self.programs[first], *(path if word == "{}" else word for word in rest)]
        try:
            return subprocess.run(line, cwd=folder, capture_output=True, stdin=subprocess.DEVNULL, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return None

    def judge(self, command: str, what: str, done, codes: tuple[int, ...]) -> None:
        self.runs += 1
        said = b"" if done is None else done.stdout + done.stderr
        why = ""
        if done is None:
            why = f"takes longer than {SECONDS} s"
        elif done.returncode == -signal.SIGXCPU:
            why = f"takes more than {PROCESSOR_SECONDS} s of processor time"
        elif done.returncode not in codes:
            why = f"gives {done.returncode}, expected one of {codes}"
        elif b"Sanitizer" in said or b"runtime error:" in said:
            why = "trips a sanitizer"
        elif done.returncode != 0 and not command.startswith("septum fmt") and not re.search(rb"error|warning|violated|inconclusive|approved", said):
            why = f"gives {done.returncode} without a word of why"
        if why:
            self.wrong += 1
            print(f"`{command}` with {what} {why}: {said[-500:].decode(errors='replace')}")


def may_pass(kind: str, command: str, good: bytes, bad: bytes) -> bool:
    """Damage may miss what matters: a comment, a byte between two files. Where it cannot, exit code 0 is wrong."""
    if command.startswith("septum-recheck"):
        return False
    if kind in ("image", "archive") and command == "septum verify two.yaml {}":
        at = good.find(MAGIC)
        size = int.from_bytes(good[at + 144:at + 152], "little")
        return bad[at:at + size] == good[at:at + size]
    return True


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--septum", required=True)
    parser.add_argument("--recheck", required=True)
    parser.add_argument("--source", required=True, type=pathlib.Path)
    parser.add_argument("--times", type=int, default=1, help="damaged files of each way and kind; by hand: 20")
    args = parser.parse_args()
    programs = {"septum": str(pathlib.Path(args.septum).resolve()), "septum-recheck": str(pathlib.Path(args.recheck).resolve())}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        yaml = (args.source / "tests/cli/fixtures/two.yaml").read_bytes()
        (folder / "two.yaml").write_bytes(yaml)
        for line in ("build two.yaml -o two --target iso,netboot", "verify two.yaml two.iso --certificate two.json", "plan two.yaml -o two.lock"):
            subprocess.run([programs["septum"], *line.split()], cwd=folder, check=True, capture_output=True, timeout=300)
        good = {"image": (folder / "two.iso").read_bytes(), "archive": (folder / "two.tar").read_bytes(), "yaml": yaml, "board": (args.source / "config/boards/qemu-q35.yaml").read_bytes(),
                "certificate": (folder / "two.json").read_bytes(), "lock": (folder / "two.lock").read_bytes(),
                "approval": b"# gains that are meant\nadded:flow:left:right:channel-word:doorbell=no:size=4KiB asked for\n"}
        bench = Bench(folder, programs)

        def one(job) -> None:
            kind, number, damage = job
            own = folder / f"{kind}-{number}"
            own.mkdir()
            for file in ("two.yaml", "two.iso", "two.json"):
                (own / file).symlink_to(folder / file)
            bad = own / NAMES[kind]
            for command in COMMANDS[kind]:
                bad.write_bytes(damage.bytes)
                done = bench.run(command, f"./{bad.name}", own)
                if kind == "lock":  # whatever it was, it is now the plan
                    codes = (0,) if bad.read_bytes() == good["lock"] else ()
                elif kind == "approval":
                    codes = (0, 1)
                elif damage.whole and not command.startswith("septum fmt"):  # which puts any YAML in form
                    codes = (1,)
                else:
                    codes = (0, 1, 2, 3) if may_pass(kind, command, good[kind], damage.bytes) else (1, 2, 3)
                bench.judge(command, f"{kind}, {damage.what}", done, codes)
                bad.unlink()
            for file in own.iterdir():
                file.unlink()
            own.rmdir()

        jobs = [(kind, number, damage) for kind in COMMANDS for number, damage in enumerate(damaged(good[kind], kind, args.times))]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(one, jobs))
        for kind, commands in COMMANDS.items():
            for what, path in special(folder, kind).items():
                for command in commands:
                    # A plan goes wherever it is told to, unless that cannot be written; a list of ids may be a pipe's.
                    codes = (0, 1) if kind in ("lock", "approval") else (1,)
                    bench.judge(command, f"{kind}, {what}", bench.run(command, path, folder), codes)
                    if kind == "lock" and path == "./missing":
                        (folder / path).unlink(missing_ok=True)
        print(f"{bench.runs} runs, {bench.wrong} wrong")
        return 1 if bench.wrong or bench.runs < 400 else 0


if __name__ == "__main__":
    sys.exit(main())
