#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The package on a machine without a compiler: a root of the distribution's smallest set of packages, with nothing but what the
package asks for. An appliance made there is, bit for bit, the one that is made here; with a compiler added, a guest of one's own."""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))
from package import COMPILER, ROOT, pack, run  # noqa: E402

SKIPPED = 77
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
IMAGE_TOOLS = ("grub-common", "grub-pc-bin", "grub-efi-amd64-bin", "xorriso", "mtools")  # whose bytes stand in an image
GUEST_TOOLS = ("clang-19", "lld-19", "cmake", "make")  # what building a guest of one's own takes


class Skip(Exception):
    """The test cannot be run here; the text says why."""


def suites() -> list[tuple[str, str]]:
    """Suite and mirror of this machine's release, its updates and its security updates, the release first."""
    release = {}
    for line in pathlib.Path("/etc/os-release").read_text().splitlines():
        name, _, value = line.partition("=")
        release[name] = value.strip('"')
    codename = release.get("VERSION_CODENAME", "")
    targets = run("apt-get", "indextargets", "--format", "$(CREATED_BY) $(RELEASE) $(COMPONENT) $(REPO_URI)")
    found = {}
    for line in targets.splitlines():
        kind, suite, component, mirror = (line.split() + [""] * 4)[:4]
        if kind == "Packages" and component == "main" and suite in (codename, f"{codename}-updates", f"{codename}-security"):
            found.setdefault(suite, mirror)
    if codename not in found:
        raise Skip(f"apt knows no mirror of `{codename}`")
    return sorted(found.items())


class Root:
    """A root file system, entered with a file system of processes of its own; nothing of it is left when a command ends."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder

    def make(self) -> None:
        (codename, mirror), *_ = here = suites()
        line = ["debootstrap", "--variant=minbase", f"--keyring={KEYRING}", codename, self.folder, mirror]
        done = subprocess.run(["unshare", "--mount", *map(str, line)], capture_output=True, text=True)
        if done.returncode != 0:
            said = done.stdout + done.stderr
            if not (self.folder / "debootstrap/debootstrap.log").exists() or "Failed getting release" in said or "Couldn't download" in said:
                raise Skip(f"the mirror of `{codename}` could not be used: {said.strip().splitlines()[-1:]}")
            sys.exit(f"failed: {' '.join(map(str, line))}\n{said}")
        apt = self.folder / "etc/apt"
        (apt / "sources.list").write_text("".join(f"deb [signed-by={KEYRING}] {mirror} {suite} main\n" for suite, mirror in here))
        acquire = [line for line in run("apt-config", "dump").splitlines() if line.startswith("Acquire::")]
        (apt / "apt.conf.d/90here").write_text("\n".join(acquire) + "\n")  # proxies, and mirrors of another day
        if pathlib.Path("/etc/resolv.conf").exists():
            shutil.copy("/etc/resolv.conf", self.folder / "etc/resolv.conf")

    def run(self, *words, cwd: str = "/") -> str:
        # Of this machine's environment only the way to the mirror: what else stands there may name programs that the root has not.
        environment = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
        environment |= {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        return run("unshare", "--mount", "--pid", "--fork", f"--root={self.folder}", f"--wd={cwd}", "--mount-proc", *words, env=environment)

    def install(self, *packages: str) -> None:
        self.run("apt-get", "install", "-y", "--no-install-recommends", *packages)

    def version(self, package: str) -> str:
        return self.run("dpkg-query", "-W", "-f", "${Version}", package).strip()

    def compilers(self) -> list[str]:
        places = ("usr/bin", "usr/sbin", "bin", "sbin", "usr/local/bin", "usr/lib/gcc", "usr/libexec")
        return sorted(str(path.relative_to(self.folder)) for place in places for path in (self.folder / place).rglob("*")
                      if not path.is_dir() and COMPILER.fullmatch(path.name))


def make_appliance(say, septum, cwd) -> None:
    """What a user does, from nothing to images that are proved."""
    say(septum, "init", "demo", "--board", "qemu-q35", cwd=cwd)
    say(septum, "check", "demo/appliance.yaml", cwd=cwd)
    said = say(septum, "build", "demo/appliance.yaml", "-o", "demo", "--target", "iso,disk,netboot", cwd=cwd)
    assert "0 violated, 0 inconclusive" in said, said
    for image in IMAGES:
        say(septum, "verify", "demo/appliance.yaml", image, cwd=cwd)


IMAGES = ("demo.iso", "demo.img", "demo.tar")


def test(options, scratch: pathlib.Path) -> None:
    package = pack(options.build, options.cpack, scratch / "pack")
    root = Root(scratch / "root")
    root.make()
    root.run("apt-get", "update")
    shutil.copy(package, root.folder / "root" / package.name)
    root.install(f"/root/{package.name}")
    assert not root.compilers(), root.compilers()
    installed = root.run("dpkg-query", "-W", "-f", "${Package}\n").split()
    print(f"{len(installed)} packages in the root, none of them a compiler")

    (root.folder / "root/work").mkdir()
    make_appliance(root.run, "septum", "/root/work")
    print("init, check, build and verify in the root: an appliance in every form, proved")

    unpacked = scratch / "unpacked"
    run("dpkg-deb", "-x", package, unpacked)
    (scratch / "here").mkdir()
    make_appliance(run, unpacked / "usr/bin/septum", scratch / "here")
    there, here = ({tool: version(tool) for tool in IMAGE_TOOLS} for version in (
        root.version, lambda tool: run("dpkg-query", "-W", "-f", "${Version}", tool).strip()))
    if there == here:
        for image in IMAGES:
            assert (root.folder / "root/work" / image).read_bytes() == (scratch / "here" / image).read_bytes(), f"{image} is not the one made here"
        print(f"{', '.join(IMAGES)}: bit for bit those made here")

    shutil.copytree(ROOT / "config/examples/out-of-tree", root.folder / "root/counter")
    root.install(*GUEST_TOOLS)
    root.run("cmake", "-B", "out", "-DCMAKE_CXX_COMPILER=clang++-19", "-DCMAKE_C_COMPILER=clang-19", cwd="/root/counter")
    root.run("cmake", "--build", "out", cwd="/root/counter")
    root.run("septum", "build", "appliance.yaml", "-o", "counter.iso", "--payloads", "out", cwd="/root/counter")
    print("with a compiler added: a guest of one's own by find_package(septum-guest)")
    if there != here:
        raise Skip(f"all but the comparison: the image's tools are {there} there and {here} here")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--cpack", required=True)
    options = parser.parse_args()
    try:
        if os.geteuid() != 0:
            raise Skip("a root of another system takes root")
        for tool in ("debootstrap", "unshare", "dpkg-deb", "apt-get"):
            if shutil.which(tool) is None:
                raise Skip(f"there is no {tool}")
        # Not below /tmp, which may allow no devices and no programs.
        with tempfile.TemporaryDirectory(prefix="bare-root-", dir=options.build) as scratch:
            test(options, pathlib.Path(scratch).resolve())
    except Skip as reason:
        print(f"skipped: {reason}")
        return SKIPPED
    return 0


if __name__ == "__main__":
    sys.exit(main())
