#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the .deb, unpacks it, and does with it what a user does: an appliance without a compiler, a guest with one."""

import argparse
import os
import pathlib
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from package import COMPILER, ROOT, pack, run  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--cpack", required=True)
    parser.add_argument("--cmake", required=True)
    options = parser.parse_args()
    if shutil.which("dpkg-deb") is None:
        print("skipped: there is no dpkg-deb")
        return 77
    with tempfile.TemporaryDirectory(prefix="septum-package-") as scratch:
        folder = pathlib.Path(scratch)
        package = pack(options.build, options.cpack, folder / "pack")
        fields = run("dpkg-deb", "-f", package)
        for wanted in ("Package: septum", "Architecture: amd64", "grub-common", "xorriso", "mtools", "libz3"):
            assert wanted in fields, (wanted, fields)
        root = folder / "root"
        run("dpkg-deb", "-x", package, root)
        files = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
        for wanted in ("usr/bin/septum", "usr/lib/septum/septum.elf", "usr/lib/septum/payloads/hello.elf",
                       "usr/share/septum/boards/qemu-q35.yaml", "usr/share/septum/schema/appliance.schema.json",
                       "usr/share/septum/guest.ld", "usr/share/bash-completion/completions/septum"):
            assert wanted in files, (wanted, sorted(files))
        assert not any("test" in name for name in files), [name for name in files if "test" in name]
        # A PATH with everything that the package depends on, and no compiler.
        tools = folder / "tools"
        tools.mkdir()
        for place in os.environ["PATH"].split(":"):
            for program in pathlib.Path(place).iterdir() if pathlib.Path(place).is_dir() else ():
                if not COMPILER.fullmatch(program.name) and not (tools / program.name).exists():
                    (tools / program.name).symlink_to(program)
        assert not any(shutil.which(name, path=str(tools)) for name in ("cc", "gcc", "clang-19", "x86_64-linux-gnu-gcc", "ld", "cmake"))
        septum = root / "usr/bin/septum"
        bare = {**os.environ, "PATH": str(tools)}
        here = folder / "here"
        here.mkdir()
        run(septum, "init", "demo", "--board", "qemu-q35", cwd=here, env=bare)
        said = run(septum, "build", "demo/appliance.yaml", "-o", "demo", "--target", "iso,disk,netboot", "--sbom", cwd=here, env=bare)
        assert "0 violated, 0 inconclusive" in said, said
        for image in ("demo.iso", "demo.img", "demo.tar"):
            assert (here / image).stat().st_size > 1 << 19, said
            assert (here / f"{image}.spdx.json").is_file() and (here / f"{image}.provenance.json").is_file()
            run(septum, "verify", "demo/appliance.yaml", image, cwd=here, env=bare)
        print("an appliance in every form from the package, without a compiler")
        # A guest of one's own, in a CMake project of one's own.
        project = folder / "project"
        shutil.copytree(ROOT / "config/examples/out-of-tree", project)
        run(options.cmake, "-B", project / "out", "-S", project, f"-DCMAKE_PREFIX_PATH={root}/usr", "-DCMAKE_CXX_COMPILER=clang++-19",
            "-DCMAKE_C_COMPILER=clang-19", "-DCMAKE_BUILD_TYPE=Release")
        run(options.cmake, "--build", project / "out")
        run(septum, "build", project / "appliance.yaml", "-o", here / "counter.iso", "--payloads", project / "out", env=bare)
        print("a guest out of the tree")
    return 0


if __name__ == "__main__":
    sys.exit(main())
