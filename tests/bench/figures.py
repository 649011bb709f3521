# SPDX-License-Identifier: Apache-2.0
"""A figure beside its goal. A miss is printed as a miss."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    what: str
    goal: str
    figure: str
    met: bool | None  # None: no goal, or not measured here

    @property
    def verdict(self) -> str:
        return {True: "met", False: "MISS", None: "-"}[self.met]


def at_most(what: str, value: float, goal: float, unit: str, digits: int = 0) -> Figure:
    return Figure(what, f"<= {goal:,g} {unit}".rstrip(), f"{value:,.{digits}f} {unit}".rstrip(), value <= goal)


def at_least(what: str, value: float, goal: float, unit: str, digits: int = 0) -> Figure:
    return Figure(what, f">= {goal:,g} {unit}".rstrip(), f"{value:,.{digits}f} {unit}".rstrip(), value >= goal)


def plain(what: str, figure: str) -> Figure:
    return Figure(what, "", figure, None)


def absent(what: str, goal: str, why: str) -> Figure:
    """What could not be measured. It is neither met nor missed, and says so."""
    return Figure(what, goal, f"not measured: {why}", None)


def table(figures: list[Figure]) -> str:
    head = Figure("what", "goal", "figure", None)
    rows = [(f.what, f.goal, f.figure, f.verdict) for f in figures]
    rows = [(head.what, head.goal, head.figure, "verdict"), *rows]
    widths = [max(len(row[n]) for row in rows) for n in range(3)]
    lines = [f"{what:{widths[0]}} | {goal:{widths[1]}} | {figure:{widths[2]}} | {verdict}" for what, goal, figure, verdict in rows]
    lines.insert(1, "-+-".join("-" * width for width in widths) + "-+--------")
    return "\n".join(lines)
