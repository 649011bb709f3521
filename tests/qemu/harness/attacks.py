# SPDX-License-Identifier: Apache-2.0
"""What must come of each attack, read from docs/attacks.md, held against what the kernel and the attacker said.

Kernel and attacker speak on two rings, so their lines may change places; each is read by itself. The kernel ends each life
with one line; the attacker's lines bear the number of the life."""

import re
from dataclasses import dataclass, field

from harness.machine import Console, Failure

ROW = re.compile(r"\| `([a-z0-9.-]+)` \| (\d+) \| (each|one|two) \| (stopped|harmless|either|restarted)(?:: `(.*)`)? \| .* \|")


WITH_DEVICE = "devices"


@dataclass(frozen=True)
class Attack:
    id: str
    lives: int
    cpus: str
    expect: str
    words: str

    @property
    def area(self) -> str:
        return self.id.partition(".")[0]

    def expected(self) -> str:
        return f"{self.expect}: {self.words}" if self.words else self.expect


def read_table(text: str) -> list[Attack]:
    """The rows of docs/attacks.md, in order."""
    attacks = []
    for line in text.splitlines():
        if line.startswith("| `"):
            row = ROW.fullmatch(line)
            if row is None:
                raise Failure(f"docs/attacks.md: not a row of the table: {line}")
            attacks.append(Attack(row[1], int(row[2]), row[3], row[4], row[5] or ""))
    if not attacks:
        raise Failure("docs/attacks.md: no table")
    return attacks


def chosen(attacks: list[Attack], partition: str, cpus: int) -> list[Attack]:
    """What a partition of that name tries: the areas that its name joins with `-`; if it names none, all that take no device."""
    areas = set(partition.split("-")) & {attack.area for attack in attacks}
    return [attack for attack in attacks
            if (attack.area in areas or (not areas and attack.area != WITH_DEVICE)) and (cpus >= 2 or attack.cpus != "two")]


@dataclass
class Life:
    """What was said of one launch."""

    name: str = ""       # the attack, as the attacker named it
    harmless: bool = False
    breach: str = ""
    faults: list[str] = field(default_factory=list)
    end: str = ""        # fault, wish, stopped

    def came_of_it(self) -> str:
        if self.breach:
            return f"BREACH: {self.breach}"
        if self.faults:
            return f"stopped: {' and '.join(self.faults)}"
        if self.end == "wish":
            return "harmless" if self.harmless else "restarted"
        return f"ended by {self.end or 'nobody'}"

    def is_as(self, attack: Attack) -> bool:
        if self.name != attack.id or self.breach:
            return False
        stopped = (bool(self.faults) and all(fault.startswith(attack.words) for fault in self.faults)
                   and self.end == "fault" and not self.harmless)
        harmless = not self.faults and self.end == "wish" and self.harmless
        match attack.expect:
            case "stopped":
                return stopped
            case "harmless":
                return harmless
            case "either":
                return stopped or harmless
            case _:
                return not self.faults and self.end == "wish" and not self.harmless


def spoken(console: Console, partition: str, begin: str = "") -> list[str]:
    """What a partition said; each of its lines begins with its name, or `begin`. A line that rests half-said is broken for another's,
    and a life may end in the middle of one: so all is joined and then parted at the beginnings."""
    prefix, begin = f"[{partition}] ", begin or f"{partition}: "
    whole = "".join(line.text.removeprefix(prefix) for line in console.lines if line.text.startswith(prefix))
    return [begin + text for text in whole.split(begin)[1:]]


def read_lives(console: Console, partition: str) -> list[Life]:
    """All launches of a partition, the last of which only says that it is through."""
    name = re.escape(partition)
    said = re.compile(rf"{name}: try (\d+): (.*)", re.DOTALL)
    fault = re.compile(rf"septum: {name}: fault: (.*), rip 0x[0-9a-f]+, cpu \d+")
    ends = ((re.compile(rf"septum: {name}: restart \d+ of \d+.*"), "fault"),
            (re.compile(rf"septum: {name}: restarts by its own wish"), "wish"),
            (re.compile(rf"septum: {name}: stopped.*"), "stopped"))
    lives = [Life()]

    def life(number: int) -> Life:
        while len(lives) <= number:
            lives.append(Life())
        return lives[number]

    for text in spoken(console, partition):
        if words := said.fullmatch(text):
            which, what = life(int(words[1]) - 1), words[2]
            if what.startswith("no harm done: "):
                which.harmless = True
            elif what.startswith("BREACH: "):
                which.breach = what.removeprefix("BREACH: ")
            elif not which.name:
                which.name = re.split(r"[ :]", what, maxsplit=1)[0]
    ended = 0
    for line in console.lines:
        if words := fault.fullmatch(line.text):
            life(ended).faults.append(words[1])
        else:
            for pattern, how in ends:
                if pattern.fullmatch(line.text):
                    life(ended).end = how
                    ended += 1
    return lives


@dataclass
class Outcome:
    attack: Attack
    found: list[str]
    good: bool


def judge(console: Console, attacks: list[Attack], partition: str) -> list[Outcome]:
    """One outcome for each attack; a life that is missing is not good."""
    lives = read_lives(console, partition)
    outcomes = []
    at = 0
    for attack in attacks:
        own = lives[at:at + attack.lives]
        at += attack.lives
        found = sorted({life.came_of_it() if life.name == attack.id else f"not seen, but {life.name or 'nothing'}: {life.came_of_it()}"
                        for life in own})
        if len(own) < attack.lives:
            found.append(f"{attack.lives - len(own)} lives are missing")
        outcomes.append(Outcome(attack, found, len(own) == attack.lives and all(life.is_as(attack) for life in own)))
    return outcomes


def table(outcomes: list[Outcome]) -> str:
    lines = [f"{'attack':42} {'lives':>5}  outcome"]
    for each in outcomes:
        lines.append(f"{each.attack.id:42} {each.attack.lives:5}  {each.found[0] if each.found else 'nothing'}")
        lines += [f"{'':49}  {more}" for more in each.found[1:]]
        if not each.good:
            lines.append(f"{'':49}  WRONG: expected {each.attack.expected()}")
    bad = sum(not each.good for each in outcomes)
    lines.append(f"{len(outcomes)} attacks, {sum(each.attack.lives for each in outcomes)} lives: "
                 f"{len(outcomes) - bad} as expected, {bad} not")
    return "\n".join(lines)
