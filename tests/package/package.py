# SPDX-License-Identifier: Apache-2.0
"""The Debian package, made from a build tree; and what counts as a compiler."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Programs that turn source into code, by whatever version and target they are called: gcc-12, x86_64-linux-gnu-ld.bfd …
COMPILER = re.compile(r"(.*-)?(clang|clang\+\+|clang-cpp|gcc|g\+\+|cc|c\+\+|cpp|c89|c99|tcc|as|ld|ld\.(bfd|gold|lld)|lld|collect2|rustc|go|"
                      r"cmake|ninja|make|gmake)(-[0-9.]+)?(-posix|-win32)?")


def run(*words, **more) -> str:
    """What the command says; ends the test when it fails."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **more)
    if done.returncode != 0:
        sys.exit(f"failed: {' '.join(map(str, words))}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def pack(build: pathlib.Path, cpack: str, folder: pathlib.Path) -> pathlib.Path:
    """The package of a build tree, in a folder."""
    run(cpack, "--config", build / "CPackConfig.cmake", "-B", folder, cwd=build)
    packages = list(folder.glob("*.deb"))
    assert len(packages) == 1, packages
    return packages[0]
