#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what Septum promises and prints each figure beside its goal. docs/bench.md says how each is taken."""

import argparse
import json
import math
import os
import pathlib
import random
import re
import resource
import shlex
import statistics
import subprocess
import sys
from dataclasses import dataclass

sys.dont_write_bytecode = True
SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(SOURCE / "tests/bench"), str(SOURCE / "tests/qemu")]

import disk  # noqa: E402
import kernel_size  # noqa: E402
import linux_guest  # noqa: E402
import many  # noqa: E402
import peers  # noqa: E402
import tool  # noqa: E402
from figures import Figure, absent, at_least, at_most, plain, table  # noqa: E402
from harness import bundle  # noqa: E402
from harness.images import Workshop  # noqa: E402
from harness.machine import X2APIC, XAPIC, Failure, Machine, Run, Skip, needs_x2apic  # noqa: E402


def say(text: str) -> None:
    print(f"==> {text}", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class AsRun(Machine):
    """What `septum run` starts for an image."""

    septum: str = ""
    disks: str = ""
    unit: str = ""  # further properties of the VT-d unit

    def command(self, image: str) -> list[str]:
        line = [self.septum, "run", image, "--print-command", "--disks", self.disks]
        done = subprocess.run(line, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            raise Failure(f"`{' '.join(line)}` gave {done.returncode}\n{done.stdout}{done.stderr}")
        words = shlex.split(done.stdout)
        return [*(word + self.unit if word.startswith("intel-iommu") else word for word in words), *self.extra]


class Bench:
    def __init__(self, build: pathlib.Path, out: pathlib.Path, rounds: int):
        self.build, self.out, self.rounds = build, out, rounds
        self.bin = build / "bin"
        self.kernel = self.bin / "septum.elf"
        self.workshop = Workshop(self.bin / "septum", SOURCE, out)
        self.appliances = SOURCE / "tests/bench/appliances"
        try:
            needs_x2apic()
            self.machine, self.board = X2APIC, ""
        except Skip:
            self.machine, self.board = XAPIC, "qemu-q35-xapic"

    def image(self, name: str) -> pathlib.Path:
        return self.workshop.build(self.appliances / f"{name}.yaml", self.out / f"{name}.iso", self.board)

    def layout(self) -> dict:
        return json.loads(subprocess.run([self.bin / "septum-bench-layout"], check=True, capture_output=True).stdout)

    def verifier(self) -> list[Figure]:
        say("the verifier over large systems")
        process = subprocess.Popen([self.bin / "septum-bench-verify", "--benchmark_format=json"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env={**os.environ, "SEPTUM_KERNEL": str(self.kernel)})
        said, complaint = process.communicate()
        goals = {"model of 64 partitions": 100.0, "4 M entries, both ways": 1000.0, "4 M entries, enumeration only": None}
        if process.returncode != 0:
            return [absent(f"verify: {name}", "", complaint.strip().splitlines()[-1] if complaint else "failed") for name in goals]
        found = {}
        for run in json.loads(said)["benchmarks"]:
            found[run["name"].split("/")[0]] = run
        figures = []
        for name, goal in goals.items():
            run = found.get(name, {"error_occurred": True, "error_message": "no such run"})
            what = f"verify: {name}"
            if run.get("error_occurred"):
                figures.append(absent(what, f"<= {goal:,g} ms" if goal else "", run["error_message"]))
            elif goal:
                figures.append(at_most(what, run["real_time"], goal, "ms", 1))
            else:
                figures.append(plain(what, f"{run['real_time']:,.1f} ms"))
        both = found.get("4 M entries, both ways", {})
        if "peak_MiB" in both:  # of the process, which has made the tables as well
            figures.append(at_most("verify: 4 M entries, both ways, peak memory", both["peak_MiB"], 1024, "MiB"))
        return [self.many()] + figures + self.growth() + self.over_sha256sum()

    def many(self) -> Figure:
        """Processor time of the whole command on 64 partitions, 200 channels and 64 devices; the least of seven."""
        what = "verify: 64 partitions, 200 channels, 64 devices, whole process"
        folder = self.out / "many"
        many.write(folder)
        command = [str(self.bin / "septum"), "verify", str(folder / "appliance.yaml"), "--model-only"]
        least = math.inf
        for _ in range(7):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            if done.returncode != 0:
                return absent(what, "<= 100 ms", (done.stdout + done.stderr).strip().splitlines()[0])
            least = min(least, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return at_most(what, least * 1000, 100, "ms", 1)

    def growth(self) -> list[Figure]:
        """From 100 to 1,000 partitions: near-linear work has an exponent of 1."""
        done = subprocess.run([self.bin / "septum-bench-scale", "--benchmark_format=json"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return [absent("verify: growth", "<= 1.2", done.stderr.strip() or "failed")]
        runs = {run["name"].split("/min_time")[0]: run for run in json.loads(done.stdout)["benchmarks"]}
        figures = []
        for name, goal in (("all-pairs flow", 1000.0), ("model properties", None)):
            small, large = runs.get(f"{name}/100"), runs.get(f"{name}/1000")
            wrong = next((run["error_message"] for run in (small, large) if run and run.get("error_occurred")), "")
            if not small or not large or wrong:
                figures.append(absent(f"verify: {name}, 1,000 partitions", "", wrong or "no such run"))
                continue
            what = f"verify: {name}, 1,000 partitions, 11,000 regions, 5,000 channels"
            time = large["real_time"]
            figures.append(at_most(what, time, goal, "ms", 1) if goal else plain(what, f"{time:,.1f} ms"))
            exponent = math.log10(time / small["real_time"])
            # All pairs are a hundred times as many for ten times the partitions: one pair is what may grow near-linearly.
            if name == "all-pairs flow":
                exponent -= 1
            figures.append(at_most(f"verify: {name}, exponent from 100 to 1,000" + (" per source" if goal else ""), exponent, 1.2, "", 2))
        return figures

    def over_sha256sum(self) -> list[Figure]:
        """Processor time of `septum verify` over that of `sha256sum` on the same file, taking turns; the least of each."""
        example = self.workshop.example("gateway-native" if self.board else "gateway")
        image = self.workshop.build(example, self.out / "verified.iso", self.board)
        verify = [str(self.workshop.septum), "verify", str(example), str(image)] + (["--board", self.board] if self.board else [])
        commands = {"sum": ["sha256sum", str(image)], "enumeration": [*verify, "--no-solver"], "both ways": verify}
        least = dict.fromkeys(commands, math.inf)
        for _ in range(5):
            for name, command in commands.items():
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                done = subprocess.run(command, capture_output=True, check=False)
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                if done.returncode != 0:
                    return [absent("verify over sha256sum", "", done.stderr.decode().strip())]
                least[name] = min(least[name], after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return [at_most(f"verify over sha256sum: {name}", least[name] / least["sum"], goal, "times", 1)
                for name, goal in (("enumeration", 2), ("both ways", 10))]

    def exits(self, machine: Machine, image: pathlib.Path, goals: dict, unit: str = "") -> list[Figure]:
        """What the guest `bench` in `image` says of its own exits, when every instruction is a tick."""
        with Run(machine.but(extra=("-icount", "shift=0,sleep=off")), str(image)) as run:
            run.wait(r"bench: done", 180)
            lines = [line.text for line in run.console.lines]
        medians = {}
        for line in lines:
            said = re.search(r"bench: ([a-z-]+) (\d+) (\d+)$", line)
            if said:
                medians[said.group(1)] = int(said.group(3))
        figures = []
        for name, goal in goals.items():
            what = f"instructions: {name}{unit}"
            if name not in medians:
                figures.append(absent(what, f"<= {goal}" if goal else "", "the guest did not say"))
            elif goal:
                figures.append(at_most(what, medians[name], goal, ""))
            else:
                figures.append(plain(what, f"{medians[name]:,}"))
        return figures

    def instructions(self) -> list[Figure]:
        say("instructions per exit (-icount)")
        goals = {"cpuid": 120, "hypercall": 120, "msr": 150, "port": 150, "console-port": None, "ipi": 250,
                 "ipi-to-handler": None, "timer-wake": None, "empty": None}
        return self.exits(self.machine, self.image("exits"), goals) + self.device_instructions()

    def device_instructions(self) -> list[Figure]:
        """Behind either unit: VT-d, and AMD-Vi in QEMU 9.2 or later."""
        goals = {"config-read": None, "msix-data": 600, "msix-unmask": 600, "msix-reroute": 600, "msix-mask": 600}
        figures = []
        for board, unit in (("qemu-q35-devices", ""), ("qemu-q35-amd-iommu", ", AMD-Vi")):
            try:
                if self.board:
                    raise Failure("the boards with devices need QEMU 9.0 or later")
                (self.out / f"{board}.disk0.img").write_bytes(bytes(1 << 20))
                image = self.workshop.build(self.appliances / "exits-device.yaml", self.out / f"exits-{board}.iso", board)
                figures += self.exits(AsRun(septum=str(self.bin / "septum"), disks=str(self.out)), image, goals, unit)
            except Failure as reason:
                figures += [absent(f"instructions: {name}{unit}", f"<= {goal}" if goal else "", str(reason).splitlines()[0])
                            for name, goal in goals.items()]
        return figures

    def peers(self) -> list[Figure]:
        say("the same guest bare, in a partition and under KVM (-icount)")
        return peers.compare(self.machine, self.image("exits-multiboot"), self.bin / "payloads")

    def steady_state(self) -> list[Figure]:
        figures, layout = [], self.layout()
        for name, what, ready in (("linux-stay", "idle", r"gateway: idle from now on"), ("linux-busy", "busy", r"gateway: busy from now on")):
            say(f"exits per second of a Linux that is {what}")
            found = linux_guest.exits(self.machine, self.image(name), layout, ready, 15)
            # IPIs are MSR writes and, when a CPU must be interrupted for one, NMIs; the console is ports.
            allowed = {"cpuid", "msr write", "port in", "port out"} | {"NMI", "window", "iret"}
            others = [kind for kind, rate in found.rates.items() if rate > 0 and kind not in allowed]
            figures.append(Figure(f"exits: {what} Linux, 2 CPUs", "only IPIs, CPUID, console", found.text(), not others))
        return figures

    def device(self) -> list[Figure]:
        if self.board:
            return [absent("NVMe", ">= 0.95", "the board with devices needs QEMU 9.0 or later")]
        machines = [AsRun(septum=str(self.bin / "septum"), disks=str(self.out / f"disk{n}")) for n in range(2)]
        for machine in machines:
            path = pathlib.Path(machine.disks, "qemu-q35-devices.disk0.img")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(random.Random(1).randbytes(64 << 20))
        say("exits of a Linux partition per NVMe interrupt")
        found = disk.quiet(machines[0], str(self.image("linux-disk-quiet")), self.layout())
        figures = [Figure("exits: per NVMe interrupt by MSI-X", "0", found.text(), found.each == 0)]
        image = str(self.image("linux-disk"))
        payloads = self.bin / "payloads"
        for name, how in disk.BARE.items():
            pair_count = self.rounds if how.goal else 1
            say(f"an NVMe disk in a partition and bare{name}, in turns, {pair_count} times")
            # Without the check: on a busy host the emulated timer comes late, and the kernel takes it for broken.
            line = f"quiet no_timer_check nr_cpus=2 mem=640M septum.rounds={disk.ROUNDS} {how.words}"
            bare = machines[1].but(unit=how.unit, extra=("-kernel", str(payloads / "vmlinuz-cloud"), "-initrd",
                                                         str(payloads / "measure.cpio.gz"), "-append", line))
            tasks = (disk.Task("the partition", machines[0], image, r"untranslated"),
                     disk.Task(f"the bare kernel ({how.words})", bare, image, how.translated))
            try:
                pairs = [disk.side_by_side(tasks) for _ in range(pair_count)]
            except Failure as reason:
                figures.append(absent(f"NVMe in a partition and bare{name}", ">= 0.95" if how.goal else "", str(reason).splitlines()[0]))
                continue
            for what, title in (("throughput", "throughput: partition / bare"), ("latency", "latency: bare / partition"),
                                ("single", "throughput, one request at a time, small pages: partition / bare")):
                ratio = statistics.median(getattr(theirs, what) / getattr(ours, what) for ours, theirs in pairs)
                if how.goal:
                    figures.append(at_least(f"NVMe {title}{name}", ratio, 0.95, "", 2))
                else:
                    figures.append(plain(f"NVMe {title}{name}", f"{ratio:.2f}"))
        return figures

    def start(self) -> list[Figure]:
        say(f"kernel entry to userland, in a partition and bare, {self.rounds} times each")
        ours, theirs = linux_guest.compare(self.machine, self.image("linux-stay"), self.bin / "payloads", self.rounds)
        return [
            at_most("start: partition / bare", ours.userland / theirs.userland, 1.0, "", 2),
            plain("start: QEMU to launch", f"{ours.before:.2f} s (firmware, GRUB, Septum's checks, copies and digests)"),
            plain("start: launch to userland", f"{ours.userland:.2f} s"),
            plain("start: bare, QEMU to kernel", f"{theirs.before:.2f} s (firmware)"),
            plain("start: bare, kernel to userland", f"{theirs.userland:.2f} s"),
        ]

    def tool(self) -> list[Figure]:
        say("the command")
        return tool.measure(self.bin / "septum", SOURCE, self.rounds)

    def size(self) -> list[Figure]:
        say("the kernel's size")
        elf = self.kernel.read_bytes()
        lines, boot_lines = kernel_size.source_lines(SOURCE / "kernel")
        found = bundle.find(self.image("linux-stay").read_bytes())
        memory = kernel_size.resident_memory(elf) + found.workspace_size
        return [
            at_most("kernel: resident .text", kernel_size.resident_text(elf) / 1024, 40, "KiB", 1),
            at_most("kernel: memory", memory / 1024, 512, "KiB", 0),
            plain("kernel: sealed tables beside it", f"{found.tables.size / 1024:,.0f} KiB"),
            at_most("kernel: source lines after launch", lines, 6000, ""),
            plain("kernel: source lines of boot/", f"{boot_lines:,}"),
        ]


def main() -> int:
    parser = argparse.ArgumentParser(description="Septum's figures")
    parser.add_argument("--build", type=pathlib.Path, default=SOURCE / "out/release")
    parser.add_argument("--out", type=pathlib.Path, default=SOURCE / "out/bench")
    parser.add_argument("--rounds", type=int, default=3, help="how often start and device are measured")
    parser.add_argument("parts", nargs="*", help="verifier, instructions, peers, steady_state, device, start, size, tool; all when none is named")
    options = parser.parse_args()
    bench = Bench(options.build.resolve(), options.out.resolve(), options.rounds)
    parts = {"verifier": bench.verifier, "instructions": bench.instructions, "peers": bench.peers, "steady_state": bench.steady_state,
             "device": bench.device, "start": bench.start, "size": bench.size, "tool": bench.tool}
    unknown = [part for part in options.parts if part not in parts]
    if unknown:
        print(f"bench: no part `{unknown[0]}`; there are {', '.join(parts)}", file=sys.stderr)
        return 64
    figures, failed = [], 0
    for name, measure in parts.items():
        if options.parts and name not in options.parts:
            continue
        try:
            figures += measure()
        except (Failure, Skip, OSError, subprocess.CalledProcessError, ValueError) as reason:
            figures.append(absent(name, "", str(reason).splitlines()[0]))
            failed = 1
    print(table(figures))
    missed = [figure.what for figure in figures if figure.met is False]
    print(f"{sum(figure.met is True for figure in figures)} met, {len(missed)} missed" + (f": {', '.join(missed)}" if missed else ""))
    return failed


if __name__ == "__main__":
    sys.exit(main())
