#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The purity check finds every defect of impure.cpp."""

import sys
from pathlib import Path

from check import judge

EXPECTED = ["volatile access in uses_volatile", "run-time sized stack in sizes_at_run_time",
            "inline assembly in uses_assembly", "call by pointer in uses_pointer",
            "call out of the core in calls_out: outside", "writable global state", "recursion: recurses -> recurses",
            "loop without a constant bound in loops_forever"]

defects, _, _ = judge(sys.argv[1], [str(Path(__file__).parent / "impure.cpp")])
missing = [expected for expected in EXPECTED if expected not in defects]
print("\n".join(defects))
if missing:
    sys.exit("not found:\n" + "\n".join(missing))
