#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The official multitool validates the SARIF of every kind of answer, and the limits are kept."""

import argparse
import json
import os
import pathlib
import re
import stat
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parent / "node"))
import tools  # noqa: E402

TWO = (HERE / "fixtures/two.yaml").read_text()
APPLIANCES = {
    "good": TWO,
    "violated": TWO + "  - never: {from: left, to: right}\n",
    "invalid": TWO.replace("16 MiB", "16"),
    "umlaut": TWO.replace("boot: {elf: hello.elf}", "boot: {elf: größe.elf, cpus: ä}"),
    "broken": "septum: 1\nname: [\n",
    "with space": TWO.replace("cpus: 1", "cpus: 0"),
}


def check_shape(log: dict) -> None:
    run = log["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(rules) == len(set(rules)), "a rule twice"
    assert len(run["results"]) <= 5000
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"], result
        assert len(result["locations"]) + len(result.get("relatedLocations", [])) <= 1000
        assert result["partialFingerprints"]["septum/v1"] and result["partialFingerprints"]["primaryLocationLineHash"]
        for location in result["locations"]:
            place = location["physicalLocation"]
            assert place["artifactLocation"]["uri"], result
            region = place["region"]
            assert region["startLine"] >= 1 and region["startColumn"] >= 1, result
            assert region.get("endColumn", region["startColumn"]) >= 1, result


def validate(multitool: pathlib.Path, folder: pathlib.Path, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run([multitool, "validate", *words, "--level", "Error"], cwd=folder, capture_output=True, text=True, timeout=600,
                          env={**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"})


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--septum", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="where npm packages are kept")
    options = parser.parse_args()
    multitool = tools.modules(options.out.resolve()) / "@microsoft/sarif-multitool-linux/Sarif.Multitool"
    multitool.chmod(multitool.stat().st_mode | stat.S_IXUSR)
    failed = []
    with tempfile.TemporaryDirectory(prefix="septum-sarif-") as scratch:
        folder = pathlib.Path(scratch)
        for name, text in APPLIANCES.items():
            (folder / f"{name}.yaml").write_text(text)
        runs = [(name, "verify" if name in ("good", "violated") else "check", [f"{name}.yaml"], []) for name in APPLIANCES]
        (folder / "accepted.yaml").write_text("acknowledged: 1\nfindings:\n  - {fingerprint: 'flow.policy:left+right:never', "
                                              "reason: known, expires: 2027-01-31}\n")
        runs += [("absent", "verify", ["absent.yaml"], []),
                 ("acknowledged", "verify", ["violated.yaml"], ["--acknowledged", "accepted.yaml", "--today", "2027-01-31"]),
                 ("model", "verify", ["violated.yaml"], ["--model-only"])]
        logs = []
        for name, command, files, more in runs:
            log = folder / f"{name.replace(' ', '-')}.sarif"
            done = subprocess.run([options.septum.resolve(), command, *files, *more, "--format", "sarif", "--output", log.name], cwd=folder,
                                  capture_output=True, text=True)
            if not log.exists():
                failed.append(f"{name}: no log: {done.stderr}")
                continue
            try:
                check_shape(json.loads(log.read_text()))
            except (AssertionError, KeyError) as e:
                failed.append(f"{name}: {e!r}")
            logs.append(log.name)
        # One call for all: its start takes longer than its work.
        done = validate(multitool, folder, *logs, "--kind", "Fail")
        errors = [line for line in done.stdout.splitlines() if re.search(r"\berror\b", line)]
        if done.returncode != 0 or errors or f"Done. {len(logs)} files scanned." not in done.stdout:
            failed.append(f"the validator says {done.returncode}\n{done.stdout}{done.stderr}")
        print(f"{len(logs)} logs validated: {', '.join(logs)}")
        # The validator itself must be able to refuse.
        (folder / "bad.sarif").write_text('{"version": "2.1.0", "runs": [{"tool": {}}]}')
        done = validate(multitool, folder, "bad.sarif")
        if done.returncode == 0 and "error" not in done.stdout:
            failed.append("the validator accepts what is no SARIF")
    print("\n".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
