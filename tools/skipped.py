#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lists the tests that were skipped, each with its reason, from CTest's JUnit report.

A test says why in a line `skipped: REASON`; GoogleTest prints `[  SKIPPED ] NAME` for a single case."""

import re
import sys
import xml.etree.ElementTree as tree


def reasons(report: str) -> list[tuple[str, str]]:
    found = []
    for case in tree.parse(report).getroot().iter("testcase"):
        name = case.get("name", "?")
        output = "".join(part.text or "" for part in case.iter("system-out"))
        if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            said = re.search(r"^skipped: (.*)$", output, re.MULTILINE)
            skip = case.find("skipped")
            why = said.group(1) if said else (skip.get("message") if skip is not None else None)
            found.append((name, why or "no reason given"))
            continue
        # GoogleTest repeats the list at the end, without times; the first mention follows the message.
        for single in sorted(set(re.findall(r"^\[  SKIPPED \] (\S+) \(", output, re.MULTILINE))):
            said = re.search(r"Skipped\n(.*)\n+\[  SKIPPED \] " + re.escape(single), output)
            found.append((f"{name}: {single}", said.group(1).strip() if said else "no reason given"))
    return found


def main() -> int:
    found = reasons(sys.argv[1])
    print(f"skipped: {len(found) if found else 'none'}")
    for name, why in found:
        print(f"  {name}: {why}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
