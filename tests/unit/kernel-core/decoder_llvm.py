#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The kernel's instruction decoder against LLVM's disassembler, over many generated encodings.

usage: decoder_llvm.py DECODE_LINES [COUNT]

Both see the same bytes. Where either takes them for one of the moves that the kernel carries out (88 to 8B, A0 to A3, C6 /0,
C7 /0, 0F B6, 0F B7, with a memory operand), both must, and agree on length, direction, width, register and immediate.
Exit 77 when the machine has no libLLVM 19."""

import ctypes
import ctypes.util
import random
import re
import subprocess
import sys

TRIPLES = {16: b"i386-unknown-linux-code16", 32: b"i386-unknown-linux", 64: b"x86_64-unknown-linux"}
LIBRARIES = ["libLLVM.so.19.1", "libLLVM-19.so.1", "libLLVM-19.so"]
SEGMENTS = [0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65]
MOVES = [0x88, 0x89, 0x8A, 0x8B, 0xA0, 0xA1, 0xA2, 0xA3, 0xC6, 0xC7, 0x1B6, 0x1B7]
SIZES = {"b": 1, "w": 2, "l": 4, "q": 8}
NAMES = {}  # register name -> number, bytes, whether it is bits 15:8
for number, name in enumerate(["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"]):
    NAMES[f"r{name}"], NAMES[f"e{name}"], NAMES[name] = (number, 8, 0), (number, 4, 0), (number, 2, 0)
    NAMES[name[0] + "l" if number < 4 else name + "l"] = (number, 1, 0)
    if number < 4:
        NAMES[name[0] + "h"] = (number, 1, 1)
for number in range(8, 16):
    for suffix, size in (("", 8), ("d", 4), ("w", 2), ("b", 1)):
        NAMES[f"r{number}{suffix}"] = (number, size, 0)


class Disassembler:
    def __init__(self, library, mode):
        library.LLVMCreateDisasm.restype = ctypes.c_void_p
        library.LLVMCreateDisasm.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
        library.LLVMDisasmInstruction.restype = ctypes.c_size_t
        library.LLVMDisasmInstruction.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint64, ctypes.c_uint64,
                                                  ctypes.c_char_p, ctypes.c_size_t]
        self.library, self.handle = library, library.LLVMCreateDisasm(TRIPLES[mode], None, 0, None, None)
        if not self.handle:
            sys.exit(f"no disassembler for {TRIPLES[mode].decode()}")

    def __call__(self, code):
        """Length and text; 0 when the bytes are no instruction."""
        text = ctypes.create_string_buffer(200)
        length = self.library.LLVMDisasmInstruction(self.handle, code, len(code), 0, text, len(text))
        return length, text.value.decode().strip()


def load_library():
    for name in LIBRARIES:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        for part in ("TargetInfo", "Target", "TargetMC", "Disassembler"):
            getattr(library, f"LLVMInitializeX86{part}")()
        return library
    print("skipped: no libLLVM 19 on this machine")
    sys.exit(77)


def generate(random_source, mode):
    """Bytes of an instruction of interest, sometimes broken, always fifteen of them."""
    draw = random_source.random
    if draw() < 0.15:
        return bytes(random_source.randrange(256) for _ in range(15))
    code = []
    if draw() < 0.3:
        code.append(0x66)
    if draw() < 0.2:
        code.append(0x67)
    if draw() < 0.15:
        code.append(random_source.choice(SEGMENTS))
    random_source.shuffle(code)
    if mode == 64 and draw() < 0.6:
        code.append(0x40 | random_source.randrange(16))
    opcode = random_source.choice(MOVES)
    if draw() < 0.1:  # a neighbour
        opcode = random_source.randrange(256)
    code += [0x0F, opcode & 0xFF] if opcode > 0xFF else [opcode]
    modrm = random_source.randrange(256)
    if opcode in (0xC6, 0xC7) and draw() < 0.8:
        modrm &= 0xC7
    if draw() < 0.8:
        modrm &= 0x3F | random_source.choice([0x00, 0x40, 0x80])
    code.append(modrm)
    while len(code) < 15:
        code.append(random_source.randrange(256))
    return bytes(code)


def is_memory(operand):
    return "(" in operand or ":" in operand or re.fullmatch(r"-?(0x)?[0-9a-f]+", operand) is not None


def split(operands):
    """At the commas outside brackets."""
    return [part.strip() for part in re.split(r",(?![^(]*\))", operands)]


def understand(mode, code, length, text):
    """The same line as the decoder's, from LLVM's text; `none` for other instructions."""
    if mode == 64 and re.match(rb"[\x66\x67\x26\x2e\x36\x3e\x64\x65]*\xd5", code):
        return "none"  # REX2 of APX, which LLVM knows and no AMD processor has
    text = re.sub(r"^addr(16|32)\s+", "", text)
    found = re.fullmatch(r"(mov(?:abs)?|movz)([bwlq]?)([bwlq])?\s+(.*?)(?:\s+#.*)?", text)
    if length == 0 or not found:
        return "none"
    name, size, wider, operands = found.group(1), found.group(2), found.group(3), split(found.group(4))
    if len(operands) != 2 or is_memory(operands[0]) == is_memory(operands[1]):
        return "none"  # between registers
    store = is_memory(operands[1])
    other = operands[0] if store else operands[1]
    if other.startswith("$"):
        if name == "movz":
            return "none"
        value = int(other[1:], 0)
        return f"{length} store {SIZES[size]} {SIZES[size]} 0 0 immediate {value % 2**64}"
    known = NAMES.get(other.lstrip("%"))
    if known is None:  # a segment, control or debug register
        return "none"
    number, bytes_, high = known
    if name == "movz":
        return f"{length} load {SIZES[size]} {SIZES[wider]} {number} {high} register 0"
    return f"{length} {'store' if store else 'load'} {bytes_} {bytes_} {number} {high} register 0"


def sign(line):
    """The immediate's sign extension is ours to choose where it is narrower than a quadword: compare what is stored."""
    fields = line.split()
    if len(fields) == 8 and fields[6] == "immediate":
        fields[7] = str(int(fields[7]) % 2 ** (8 * int(fields[2])))
    return " ".join(fields)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 60_000
    library = load_library()
    source = random.Random(20_16)
    cases = [(mode, generate(source, mode)) for _ in range(count // 3) for mode in (16, 32, 64)]
    asked = "".join(f"{mode} {code.hex()}\n" for mode, code in cases)
    said = subprocess.run([sys.argv[1]], input=asked, capture_output=True, text=True, check=True).stdout.splitlines()
    if len(said) != len(cases):
        sys.exit(f"{len(cases)} lines asked, {len(said)} answered")
    theirs = {mode: Disassembler(library, mode) for mode in TRIPLES}
    moves = differences = 0
    for (mode, code), ours in zip(cases, said):
        length, text = theirs[mode](code)
        expected = understand(mode, code, length, text)
        moves += expected != "none"
        if sign(ours) != sign(expected):
            differences += 1
            if differences <= 20:
                print(f"{mode} bits, {code.hex(' ')}: LLVM `{text}`, {length} bytes = `{expected}`; ours `{ours}`")
    print(f"{len(cases)} encodings, {moves} moves, {differences} differences")
    if moves < count // 3:
        sys.exit("too few moves among them: the generator is wrong")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
