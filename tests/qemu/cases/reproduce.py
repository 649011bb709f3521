# SPDX-License-Identifier: Apache-2.0
"""The same input gives the same bytes, whoever builds it, when and where: every kind of image, and what is told of it."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from harness.images import Workshop
from harness.machine import Failure

TARGETS = (".iso", ".img", ".tar")
BESIDE = ("", ".spdx.json", ".provenance.json")
TOOLS = ("grub-mkimage", "grub2-mkimage", "mcopy", "mformat", "mmd", "xorriso")
NOBODY = 65534

# Loaded before the C library, it makes every clock a year and some days late.
ANOTHER_DAY = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>
static const long kLate = 34567890;
time_t time(time_t* out) {
    time_t now = ((time_t(*)(time_t*))dlsym(RTLD_NEXT, "time"))(0) + kLate;
    if (out) *out = now;
    return now;
}
int gettimeofday(struct timeval* restrict out, void* restrict zone) {
    int failed = ((int (*)(struct timeval*, void*))dlsym(RTLD_NEXT, "gettimeofday"))(out, zone);
    out->tv_sec += kLate;
    return failed;
}
int clock_gettime(clockid_t id, struct timespec* out) {
    int failed = ((int (*)(clockid_t, struct timespec*))dlsym(RTLD_NEXT, "clock_gettime"))(id, out);
    if (id == CLOCK_REALTIME) out->tv_sec += kLate;
    return failed;
}
"""


def _later_tools(folder: pathlib.Path) -> str:
    """A PATH whose tools see another day; "" when there is no compiler to make it."""
    compiler = shutil.which("clang-19") or shutil.which("cc")
    if compiler is None:
        return ""
    source, library, tools = folder / "day.c", folder / "day.so", folder / "tools"
    source.write_text(ANOTHER_DAY)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    tools.mkdir()
    for name in TOOLS:
        if (real := shutil.which(name)) is not None:
            wrapper = tools / name
            wrapper.write_text(f'#!/bin/sh\nLD_PRELOAD={library} exec {real} "$@"\n')
            wrapper.chmod(0o755)
    said = subprocess.run(["date", "+%s"], env={**os.environ, "LD_PRELOAD": str(library)}, capture_output=True, text=True, check=True)
    if int(said.stdout) < time.time() + 30_000_000:
        raise Failure("the other day is none: `date` was not taken in")
    return f"{tools}:{os.environ['PATH']}"


def _build(workshop: Workshop, yaml: pathlib.Path, out: pathlib.Path, **how) -> None:
    done = subprocess.run([str(workshop.septum), "build", str(yaml), "-o", str(out / "image"), "--target", "iso,disk,netboot", "--sbom"],
                          capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, **how)
    if done.returncode != 0:
        raise Failure(f"building {yaml} gave {done.returncode}\n{done.stdout}{done.stderr}")


def _another_user(workshop: Workshop) -> dict[str, int]:
    """Somebody else than who runs this, where that is possible."""
    if os.geteuid() != 0:
        return {}
    readable = subprocess.run([str(workshop.septum), "version"], capture_output=True, user=NOBODY, group=NOBODY, check=False)
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if readable.returncode == 0 else {}


def _twice(workshop: Workshop, example: str) -> None:
    with tempfile.TemporaryDirectory(prefix="septum-a-") as one, tempfile.TemporaryDirectory(prefix="septum-bb-") as two:
        first, second = pathlib.Path(one), pathlib.Path(two)
        _build(workshop, workshop.example(example), first)
        # The second from a copy of the appliance file with another date.
        second.chmod(0o777)
        copy = second / workshop.example(example).name
        shutil.copyfile(workshop.example(example), copy)
        copy.chmod(0o644)
        os.utime(copy, (86400, 86400))
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TZ": "Pacific/Kiritimati", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8",
                       "TMPDIR": two}
        different = ["path", "umask", "home", "time zone", "locale", "date of the input"]
        if path := _later_tools(second):
            environment["PATH"] = path
            different.append("day")
        else:
            time.sleep(2.1)  # FAT keeps two seconds, ISO 9660 one
        user = _another_user(workshop)
        different += ["user"] if user else []
        _build(workshop, copy, second, env=environment, umask=0o077, **user)
        for suffix in (target + beside for target in TARGETS for beside in BESIDE):
            a, b = (folder / f"image{suffix}" for folder in (first, second))
            a_bytes, b_bytes = a.read_bytes(), b.read_bytes()
            if a_bytes != b_bytes:
                at = next((n for n, (x, y) in enumerate(zip(a_bytes, b_bytes)) if x != y), min(len(a_bytes), len(b_bytes)))
                raise Failure(f"two builds of {example}{suffix} differ from byte 0x{at:x} on (sizes {len(a_bytes)} and {len(b_bytes)})")
        print(f"the same {len(TARGETS) * len(BESIDE)} files with another {', '.join(different)}")


def native(workshop: Workshop) -> None:
    """two builds of the native example, by another user, elsewhere and on another day, are identical in every form"""
    _twice(workshop, "gateway-native")


def linux(workshop: Workshop) -> None:
    """two builds of the Linux example, by another user, elsewhere and on another day, are identical in every form"""
    _twice(workshop, "gateway")


CASES = {"reproduce.native": native, "reproduce.linux": linux}
