#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is the kernel's core pure? Read from its LLVM bitcode, not by grep.

usage: check.py SOURCE_DIR FILE...

Compiles each file for the kernel's target, links the bitcode and refuses: inline assembly, volatile access, calls by
pointer, calls out of the core (so no heap either), recursion, run-time sized stack, writable globals, and any loop
for which LLVM's scalar evolution finds no constant bound.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

FLAGS = ["--target=x86_64-unknown-none-elf", "-std=c++20", "-ffreestanding", "-fno-exceptions", "-fno-rtti",
         "-mgeneral-regs-only", "-fno-strict-aliasing", "-O2", "-fno-unroll-loops", "-emit-llvm", "-c"]
# What the compiler itself may put in for copying and clearing; the bound is the object's size.
OWN_CALLS = ("llvm.", "memcpy", "memset", "memmove", "memcmp")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{done.stderr}")
    return done


def readable(name):
    return subprocess.run(["llvm-cxxfilt-19", name], capture_output=True, text=True, check=False).stdout.strip() or name


def find_cycle(graph):
    """A call cycle as a list of names, or None."""
    state = {}

    def visit(node, path):
        state[node] = 1
        for callee in graph.get(node, ()):
            if state.get(callee) == 1:
                return path[path.index(callee):] + [callee] if callee in path else [callee]
            if state.get(callee) is None:
                cycle = visit(callee, path + [callee])
                if cycle:
                    return cycle
        state[node] = 2
        return None

    for start in sorted(graph):
        if state.get(start) is None:
            cycle = visit(start, [start])
            if cycle:
                return cycle
    return None


def read_functions(text):
    """name -> body lines, of every function defined in the module."""
    functions = {}
    name = None
    for line in text.splitlines():
        begin = re.match(r'define .*?@"?([\w.$]+)"?\(', line)
        if begin:
            name = begin.group(1)
            functions[name] = []
        elif line == "}":
            name = None
        elif name:
            functions[name].append(line)
    return functions


def judge(source_dir, files):
    """The defects found, and how many functions and loops were looked at."""
    defects = []
    with tempfile.TemporaryDirectory() as folder:
        parts = []
        for number, file in enumerate(files):
            part = str(Path(folder) / f"{number}.bc")
            run("clang++-19", *FLAGS, "-I", source_dir, "-I", f"{source_dir}/kernel/include", file, "-o", part)
            parts.append(part)
        whole = str(Path(folder) / "core.bc")
        run("llvm-link-19", *parts, "-o", whole)
        text = run("llvm-dis-19", whole, "-o", "-").stdout
        loops = run("opt-19", "-passes=print<scalar-evolution>", "-disable-output", whole).stderr

    functions = read_functions(text)
    graph = {}
    for name, body in functions.items():
        graph[name] = set()
        said = readable(name)
        for line in body:
            if re.search(r"\b(load|store|cmpxchg|atomicrmw)\b.*\bvolatile\b", line):
                defects.append(f"volatile access in {said}")
            if re.search(r"= alloca .*, i\d+ %", line):
                defects.append(f"run-time sized stack in {said}")
            call = re.search(r"\b(?:call|invoke)\b(.*)", line)
            if not call or re.match(r"\s*;", line):
                continue
            if re.search(r"\basm\b", call.group(1)):
                defects.append(f"inline assembly in {said}")
                continue
            target = re.search(r"[@%]\"?([\w.$]+)\"?\(", call.group(1))
            if target is None or re.search(r"%\"?[\w.$]+\"?\(", call.group(1)):
                defects.append(f"call by pointer in {said}")
                continue
            callee = target.group(1)
            graph[name].add(callee)
            if callee not in functions and not callee.startswith(OWN_CALLS):
                defects.append(f"call out of the core in {said}: {readable(callee)}")
    for line in text.splitlines():
        # constants are fine; anything else would be state that no decision may have
        if re.match(r"@\S+ = .*\bglobal\b", line) and not re.search(r"\bconstant\b", line):
            defects.append(f"writable global {readable(line.split()[0].strip('@'))}")
    cycle = find_cycle({name: {c for c in callees if c in functions} for name, callees in graph.items()})
    if cycle:
        defects.append("recursion: " + " -> ".join(readable(name) for name in cycle))

    function = "?"
    looked_at = 0
    for line in loops.splitlines():
        begin = re.match(r"Determining loop execution counts for: @\"?([\w.$]+)", line)
        if begin:
            function = begin.group(1)
        elif re.match(r"Loop \S+: (?:constant max backedge-taken count is|Unpredictable constant max)", line):
            looked_at += 1
            if "Unpredictable" in line:
                defects.append(f"loop without a constant bound in {readable(function)}")
    return sorted(set(defects)), len(functions), looked_at


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    defects, functions, loops = judge(sys.argv[1], sys.argv[2:])
    for defect in defects:
        print(defect)
    print(f"{functions} functions, {loops} loops, {len(defects)} defects")
    if functions == 0:
        sys.exit("nothing was looked at")
    return 1 if defects else 0


if __name__ == "__main__":
    sys.exit(main())
