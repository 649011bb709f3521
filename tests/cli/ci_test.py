#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""action.yml as far as it goes without GitHub: its script on a repository with a pull request and a `gh` that writes down
what it was asked; and the hooks of .pre-commit-hooks.yaml, run as pre-commit runs them, and by pre-commit itself where it is
installed."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TWO = (ROOT / "tests/cli/fixtures/two.yaml").read_text()


def main() -> int:
    septum = pathlib.Path(sys.argv[1]).resolve()
    action = (ROOT / "action.yml").read_text()
    assert "tools/ci/verify.sh" in action and "using: composite" in action
    given = set(re.findall(r"^        (SEPTUM_[A-Z_]+):", action, re.MULTILINE))
    used = set(re.findall(r"\$\{?(SEPTUM_[A-Z_]+)", (ROOT / "tools/ci/verify.sh").read_text()))
    assert given == used, (given, used)
    with tempfile.TemporaryDirectory(prefix="septum-ci-") as scratch:
        folder = pathlib.Path(scratch)
        (folder / "bin").mkdir()
        (folder / "bin/gh").write_text('#!/bin/sh\necho "$*" > "$GH_LOG"\nwhile [ "$1" != --body-file ]; do shift; done\ncat "$2" >> "$GH_LOG"\n')
        (folder / "bin/gh").chmod(0o755)
        environment = {**os.environ, "PATH": f"{folder}/bin:{septum.parent}:{os.environ['PATH']}", "GH_LOG": f"{folder}/gh.log",
                       "GITHUB_OUTPUT": f"{folder}/output", "SEPTUM_APPLIANCE": "appliance.yaml", "SEPTUM_ARGUMENTS": "--model-only",
                       "SEPTUM_BASE": "main", "SEPTUM_PULL_REQUEST": "7", "HOME": scratch, "GIT_CONFIG_NOSYSTEM": "1",
                       "GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x@x", "GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x@x"}

        def shell(command, where, code=0):
            done = subprocess.run(["bash", "-euc", command], cwd=where, env=environment, capture_output=True, text=True)
            assert done.returncode == code, (command, done.returncode, done.stdout, done.stderr)
            return done

        (folder / "origin").mkdir()
        (folder / "origin/appliance.yaml").write_text(TWO)
        shell("git init -q -b main && git add -A && git commit -qm one", folder / "origin")
        shell("git clone -q origin work && cd work && git checkout -qb more", folder)
        work = folder / "work"
        (work / "appliance.yaml").write_text(TWO.replace("policy:", "  back: {from: right, to: left, size: 4 KiB}\npolicy:"))
        shell("git commit -qam two", work)
        done = shell(str(ROOT / "tools/ci/verify.sh"), work, code=2)
        assert "::error file=appliance.yaml" in done.stdout, done.stdout
        assert (work / "septum.sarif").exists() and (work / "septum.html").exists()
        assert (folder / "output").read_text() == "verdict=violated\n"
        comment = (folder / "gh.log").read_text()
        assert "pr comment 7" in comment and "back" in comment and "violated" in comment, comment
        assert shell("git worktree list", work).stdout.count("\n") == 1
        # What is gone is shown as the branch's, not as a temporary folder's; what cannot be said leaves the verdict alone.
        (work / "appliance.yaml").write_text(TWO.replace("  word:", "  wort:"))
        shell(str(ROOT / "tools/ci/verify.sh"), work)
        comment = (folder / "gh.log").read_text()
        assert "main:appliance.yaml:" in comment and "/tmp" not in comment.split("\n", 1)[1] and "--approve" in comment, comment
        (folder / "bin/gh").rename(folder / "bin/good-gh")
        (folder / "bin/gh").write_text("#!/bin/sh\nexit 1\n")
        (folder / "bin/gh").chmod(0o755)
        done = shell(str(ROOT / "tools/ci/verify.sh"), work)
        assert "::warning title=septum::no comment" in done.stdout, done.stdout
        (folder / "bin/good-gh").rename(folder / "bin/gh")
        environment["SEPTUM_BASE"] = "elsewhere"
        done = shell(str(ROOT / "tools/ci/verify.sh"), work)
        assert "`fetch-depth: 0`" in done.stdout and not done.stderr.count("fatal"), done
        environment["SEPTUM_BASE"] = "main"
        (folder / "output").write_text("")
        # Without a pull request nothing is said, and what is proved is a success.
        environment["SEPTUM_PULL_REQUEST"] = ""
        (folder / "gh.log").unlink(missing_ok=True)
        (work / "appliance.yaml").write_text(TWO)
        shell(str(ROOT / "tools/ci/verify.sh"), work)
        assert not (folder / "gh.log").exists() and (folder / "output").read_text().endswith("verdict=proved\n")

        hooks = (ROOT / ".pre-commit-hooks.yaml").read_text()
        entries = dict(zip(re.findall(r"^- id: (.*)$", hooks, re.MULTILINE), re.findall(r"^  entry: (.*)$", hooks, re.MULTILINE)))
        files = dict(zip(entries, re.findall(r"^  files: (.*)$", hooks, re.MULTILINE)))
        for hook in entries:
            assert re.search(files[hook], "boxes/appliance.yaml") and not re.search(files[hook], "other.yml"), hook
        shell(entries["septum-check"] + " appliance.yaml", work)
        shell(entries["septum-fmt"] + " appliance.yaml", work)
        (work / "appliance.yaml").write_text(TWO.replace("cpus: 1", "cpus:    0"))
        (work / "appliance-b.yaml").write_text(TWO.replace("memory:", "memroy:"))
        said = shell(entries["septum-check"] + " appliance.yaml appliance-b.yaml", work, code=2).stdout # of each file
        assert "out of range" in said and "memroy" in said, said
        (work / "appliance-b.yaml").unlink()
        shell(entries["septum-fmt"] + " appliance.yaml", work)
        assert "cpus: 0" in (work / "appliance.yaml").read_text() # pre-commit sees that the file changed

        by = "as pre-commit runs them: it is not installed (Debian: `pre-commit`)"
        if shutil.which("pre-commit"):
            by = "by pre-commit"
            (folder / "hooks").mkdir()
            shutil.copy(ROOT / ".pre-commit-hooks.yaml", folder / "hooks")
            shell("git init -q -b main && git add -A && git commit -qm hooks", folder / "hooks")
            (work / "appliance.yaml").write_text(TWO)
            shell("pre-commit try-repo ../hooks --files appliance.yaml", work)
            (work / "appliance.yaml").write_text(TWO.replace("cpus: 1", "cpus:    0"))
            said = shell("pre-commit try-repo ../hooks --files appliance.yaml", work, code=1).stdout
            assert "out of range" in said and "files were modified by this hook" in said, said
    print(f"the action's script, and both hooks {by}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
