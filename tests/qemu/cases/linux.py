# SPDX-License-Identifier: Apache-2.0
"""Unmodified Linux kernels of several kinds, with one CPU to four, little memory to much; CPUs that go and come; restarts; and
nothing to complain about that the bare machine would not give cause for."""

import pathlib
import re
import textwrap

from harness import vmlinux
from harness.check import BROKEN, boot
from harness.images import Workshop
from harness.machine import X2APIC, XAPIC, Failure, Machine, Run, Skip, needs_x2apic

SECONDS = 150
CMDLINE = "console=ttyS0 quiet"
NEVER = (*BROKEN, r"matrix: failed", r"septum: guest: fault")


def _appliance(workshop: Workshop, name: str, *, cpus: int = 2, memory: str = "256 MiB", words: str = "", kernel: str = "vmlinuz-cloud",
               board: str = "qemu-q35", pvh: bool = False) -> pathlib.Path:
    protocol, module = ("pvh", "module") if pvh else ("linux", "initrd")
    cmdline = f"{'noapic ' if pvh else ''}{CMDLINE}{' ' + words if words else ''}"
    folder = workshop.folder / "linux" / name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "appliance.yaml"
    path.write_text(textwrap.dedent(f"""\
        septum: 1
        name: {name}
        board: {board}
        partitions:
          guest:
            cpus: {cpus}
            memory: {memory}
            boot: {{{protocol}: {{kernel: {kernel}, {module}: matrix.cpio.gz, cmdline: "{cmdline}"}}}}
            console: true
        """))
    return path


def _boot(workshop: Workshop, name: str, expected: tuple[str, ...], machine: Machine = XAPIC, **choices) -> list[str]:
    appliance = _appliance(workshop, name, **choices)
    board = "qemu-q35-xapic" if "board" not in choices and machine is XAPIC else ""
    image = workshop.build(appliance, workshop.folder / f"linux-{name}.iso", board)
    console = boot(machine, str(image), SECONDS, in_order=expected, never=NEVER)
    return [line.text for line in console.lines]


def _up(cpus: int, least: int, most: int) -> str:
    """A pattern for the line, with a memory between the two, as far as a pattern can say it."""
    sizes = "|".join(str(size) for size in range(least, most + 1))
    return rf"^\[guest\] matrix: Linux \S+, {cpus} CPUs, ({sizes}) MiB$"


DONE = (r"^\[guest\] matrix: done$", r"septum: guest: stopped")


def one_cpu(workshop: Workshop) -> None:
    """one CPU"""
    _boot(workshop, "cpus-1", (_up(1, 190, 256), *DONE), cpus=1)


def four_cpus(workshop: Workshop) -> None:
    """four CPUs, all of the machine, over physical x2APIC; each but the first goes offline and comes back"""
    needs_x2apic()
    _boot(workshop, "cpus-4", (_up(4, 180, 256), r"^\[guest\] matrix: every CPU went and came back$", *DONE), X2APIC, cpus=4,
          words="septum.hotplug")


def hotplug(workshop: Workshop) -> None:
    """of two CPUs over physical xAPIC the second goes offline and comes back"""
    _boot(workshop, "hotplug", (r"^\[guest\] matrix: every CPU went and came back$", *DONE), words="septum.hotplug")


def little_memory(workshop: Workshop) -> None:
    """as little memory as the kernel's own header asks for, rounded up to 8 MiB"""
    bzimage = (workshop.septum.parent / "payloads" / "vmlinuz-cloud").read_bytes()
    needs = int.from_bytes(bzimage[0x258:0x260], "little") + int.from_bytes(bzimage[0x260:0x264], "little")  # pref_address, init_size
    megabytes = (needs + (2 << 20) + (8 << 20) - 1) // (8 << 20) * 8  # 2 MiB for the initial RAM disk
    _boot(workshop, "memory-little", (_up(1, 10, megabytes), *DONE), cpus=1, memory=f"{megabytes} MiB")


def smallest_memory(workshop: Workshop) -> None:
    """exactly 64 MiB: by PVH to userland; the bzImage, which would not fit, is refused with what it asks for"""
    payloads = workshop.septum.parent / "payloads"
    header = (payloads / "vmlinuz-cloud").read_bytes()[:0x268]
    at, size = int.from_bytes(header[0x258:0x260], "little"), int.from_bytes(header[0x260:0x264], "little")  # pref_address, init_size
    initrd = -((payloads / "matrix.cpio.gz").stat().st_size // -4096) * 4096
    enough = -((at + size + initrd) // -(1 << 20))
    said = workshop.refusal(_appliance(workshop, "memory-64-bzimage", cpus=1, memory="64 MiB"), workshop.folder / "linux-memory-64-bzimage.iso",
                            "qemu-q35-xapic")
    for words in (f"vmlinuz-cloud` asks for memory up to {at + size:#x}, but `guest` has 64 MiB", f"init_size {size:#x} (",
                  f"from pref_address {at:#x} on", f"give `guest` at least {enough} MiB, or boot the `vmlinux` inside it by `pvh`"):
        if words not in said:
            raise Failure(f"expected `{words}` in:\n{said}")
    folder = workshop.folder / "linux" / "memory-64"
    folder.mkdir(parents=True, exist_ok=True)
    vmlinux.extract(payloads / "vmlinuz-cloud", folder / "vmlinux-cloud")
    _boot(workshop, "memory-64", (_up(1, 10, 64), *DONE), cpus=1, memory="64 MiB", kernel="vmlinux-cloud", pvh=True,
          words="initcall_blacklist=tracer_init_tracefs")


def much_memory(workshop: Workshop) -> None:
    """4 GiB, a part of it above 4 GiB guest-physical"""
    source = (workshop.source / "config/boards/qemu-q35-xapic.yaml").read_text()
    text = source.replace("{base: 0x100_0000, size: 944 MiB}", "{base: 0x100_0000, size: 944 MiB}\n  - {base: 0x1_0000_0000, size: 4 GiB}")
    text = re.sub(r"^name: .*$", "name: large", text, flags=re.M)
    text = re.sub(r"^  memory: 1 GiB$", "  memory: 6 GiB", text, flags=re.M)
    if text.count("4 GiB") != 1 or "memory: 6 GiB" not in text:
        raise Failure("the board file is not as this test expects it")
    folder = workshop.folder / "linux" / "memory-4g"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "large.yaml").write_text(text)
    _boot(workshop, "memory-4g", (_up(2, 3800, 4096), *DONE), XAPIC.but(memory=6144), memory="4 GiB", board="large")


def restarts(workshop: Workshop) -> None:
    """a guest's own reboot restarts its partition"""
    again = (r"^\[guest\] matrix: Linux \S+, 2 CPUs", r"^\[guest\] matrix: restarting$", r"septum: guest: restarts by its own wish")
    _boot(workshop, "reboot", again * 3, words="septum.reboot")


def _plain(line: str) -> str:
    """A kernel message without its time and without numbers, which may differ."""
    line = re.sub(r"^<\d+>", "", line.strip())
    line = re.sub(r"^\[ *\d+\.\d+\] *", "", line)
    return re.sub(r"0x[0-9a-f]+|\d+", "N", line)


# What Linux measures of the emulator, which is slower or faster from run to run.
MEASURED = re.compile(r"hrtimer: interrupt took N ns"
                      r"|workqueue: \S+ hogged CPU for >Nus N times, consider switching to WQ_UNBOUND"
                      r"|(perf: interrupt took too long|INFO: NMI handler \(.*\) took too long to run).*"
                      r"|sched: RT throttling activated")


def _warnings(lines: list[str]) -> set[str]:
    found = (re.search(r"matrix: said: (.*)$", line) for line in lines)
    plain = {_plain(said.group(1)) for said in found if said}
    return {said for said in plain if not MEASURED.fullmatch(said)}


def _kernel(workshop: Workshop, name: str) -> str:
    """A kernel that `tests/qemu/fetch_kernels.sh` has brought."""
    path = workshop.source / "out" / "cache" / name
    if not path.exists():
        raise Skip(f"{name} is not here: tests/qemu/fetch_kernels.sh brings it")
    return str(path)


def _no_warnings(workshop: Workshop, name: str, bare: pathlib.Path, machine: Machine = XAPIC, **choices) -> None:
    ours = _warnings(_boot(workshop, name, DONE, machine, words="septum.warnings", **choices))
    extra = ("-kernel", str(bare), "-initrd", str(workshop.septum.parent / "payloads" / "matrix.cpio.gz"), "-append",
             f"{CMDLINE} septum.warnings")
    with Run(machine.but(cpus=2, memory=256, extra=extra)) as run:
        run.wait(r"matrix: done", 2 * SECONDS)  # the bare machine has timers and controllers to try out
        theirs = _warnings([line.text for line in run.console.lines])
    more = sorted(ours - theirs)
    if more:
        raise Failure("Linux complains in a partition of what it does not on the bare machine:\n" + "\n".join(more))


def no_warnings(workshop: Workshop) -> None:
    """no kernel message of level warning or worse that the bare machine does not give as well"""
    _no_warnings(workshop, "warnings", workshop.septum.parent / "payloads" / "vmlinuz-cloud")


def no_warnings_pvh(workshop: Workshop) -> None:
    """the same for a Linux that is entered by PVH"""
    bzimage = workshop.septum.parent / "payloads" / "vmlinuz-cloud"
    folder = workshop.folder / "linux" / "warnings-pvh"
    folder.mkdir(parents=True, exist_ok=True)
    vmlinux.extract(bzimage, folder / "vmlinux-cloud")
    _no_warnings(workshop, "warnings-pvh", bzimage, kernel="vmlinux-cloud", pvh=True)


def standard(workshop: Workshop) -> None:
    """the distribution's standard kernel"""
    _boot(workshop, "standard", (_up(2, 180, 256), *DONE), kernel=_kernel(workshop, "vmlinuz-standard"), words="septum.hotplug")


def newer(workshop: Workshop) -> None:
    """Linux 6.12"""
    needs_x2apic()
    _boot(workshop, "newer", (_up(2, 180, 256), *DONE), X2APIC, kernel=_kernel(workshop, "vmlinuz-6.12"), words="septum.hotplug")


def no_warnings_standard(workshop: Workshop) -> None:
    """the same for the distribution's standard kernel"""
    kernel = _kernel(workshop, "vmlinuz-standard")
    _no_warnings(workshop, "warnings-standard", pathlib.Path(kernel), kernel=kernel)


def no_warnings_newer(workshop: Workshop) -> None:
    """the same for Linux 6.12"""
    needs_x2apic()
    kernel = _kernel(workshop, "vmlinuz-6.12")
    _no_warnings(workshop, "warnings-newer", pathlib.Path(kernel), X2APIC, kernel=kernel)


CASES = {
    "linux.cpus-1": one_cpu,
    "linux.cpus-4": four_cpus,
    "linux.hotplug": hotplug,
    "linux.memory-64": smallest_memory,
    "linux.memory-little": little_memory,
    "linux.memory-4g": much_memory,
    "linux.reboot": restarts,
    "linux.no-warnings": no_warnings,
    "linux.no-warnings-pvh": no_warnings_pvh,
    "linux.no-warnings-standard": no_warnings_standard,
    "linux.no-warnings-6-12": no_warnings_newer,
    "linux.standard": standard,
    "linux.6-12": newer,
}
