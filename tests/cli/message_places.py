# SPDX-License-Identifier: Apache-2.0
"""Every place in cli/ that says why a command cannot do its work, or what is wrong with its command line.

These messages point at no line of a file: a terminal shows them without their id, and one id (`file`, `image`, `qemu`, ...)
stands for several. So the words are looked for: of each place the longest piece of text of the message stands in a case."""

import re

import message_ids

# Functions that take a message, and which of their arguments it is.
SAYERS = {"problem": 1, "failure": 0, "error": 0, "fail": 0, "usage": 0, "not_ours": 1}

# No input reaches these, or not on every machine.
UNREACHABLE = {
    "not enough memory": "under a limit that lets septum start, the sanitizers do not",
    "cannot run `": "QEMU is removed after it said its version",
    "the system refused what the work needs:": "under such a limit, too",
    "internal error:": "a defect of septum",
    "the image changed while it was proved": "somebody else writes to the file in these milliseconds",
    "it cannot be read": "a guard: the decoder says why",
    "its manifest cannot be read": "a guard: the decoder says why",
    "ovmf is needed for `--uefi` and not installed": "only a machine without ovmf",
}


def arguments(text: str, at: int) -> list[str]:
    """The arguments of a call whose opening parenthesis is before `at`."""
    found, start, depth = [], at, 0
    while True:
        literal = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)\'|//[^\n]*').match(text, at)
        if literal:
            at = literal.end()
            continue
        depth += (text[at] in "([{") - (text[at] in ")]}")
        if depth < 0 or (depth == 0 and text[at] == ","):
            found.append(text[start:at])
            start = at + 1
        if depth < 0:
            return found
        at += 1


def words(argument: str) -> str:
    """The longest piece of what it says; empty when the words come from elsewhere."""
    joined = re.sub(r'"\s*\n\s*"', "", argument)
    pieces = [piece.replace('\\"', '"').strip() for literal in re.findall(r'"((?:[^"\\]|\\.)*)"', joined)
              for piece in re.split(r"\{[^}]*\}|\\n", literal)]
    return max(pieces, key=len, default="")


def places() -> dict[str, str]:
    """Words, and where they stand."""
    found = {}
    for file in sorted((message_ids.ROOT / "cli").rglob("*.cpp")):
        text = file.read_text()
        for call in re.finditer(rf"\b({'|'.join(SAYERS)})\(", text):
            given = arguments(text, call.end())
            said = words(given[SAYERS[call[1]]]) if len(given) > SAYERS[call[1]] else ""
            if said:
                line = text.count("\n", 0, call.start()) + 1
                found[said] = f"{file.relative_to(message_ids.ROOT)}:{line}"
    return found


def wrong(found: dict[str, str]) -> list[str]:
    """What is wrong with these places and the list above, a line each."""
    said = message_ids.shown()
    lines = [f"{where}: no case shows {words!r}, and nothing says why none can"
             for words, where in found.items() if words not in said and words not in UNREACHABLE]
    lines += [f"{words!r}: said to be unreachable, and a case shows it" for words in UNREACHABLE if words in said]
    return lines + [f"{words!r}: listed here, and no source says it" for words in sorted(set(UNREACHABLE) - set(found))]
