# SPDX-License-Identifier: Apache-2.0
"""What becomes of a partition after a fault: each `on_fault` policy. Two of the board's CPUs belong to nobody and sleep."""

from harness.check import BROKEN, boot
from harness.images import Workshop
from harness.machine import XAPIC

FAULT = r"septum: intruder: fault: memory read at guest-physical 0x1000000, rip 0x[0-9a-f]+, cpu 0"
WITNESS = r"^\[witness\] hello from partition witness: 1 CPU, 16 MiB, 0 channels, launch 0"


def _boot(workshop: Workshop, name: str, seconds: float = 40, **expected) -> None:
    appliance = workshop.source / "tests/qemu/appliances" / f"{name}.yaml"
    image = workshop.build(appliance, workshop.folder / f"{name}.iso")
    boot(XAPIC, str(image), seconds, **expected)


def stop(workshop: Workshop) -> None:
    """a fault stops the partition, and nobody else"""
    _boot(workshop, "policy-stop", anywhere=(WITNESS,), in_order=(FAULT + "$", r"septum: intruder: stopped$"),
          never=(*BROKEN, r"septum: intruder: restart \d", r"try 3: "), settle=1)


def limit(workshop: Workshop) -> None:
    """a partition restarts as often as its file says, then it is stopped for good"""
    _boot(workshop, "policy-limit", anywhere=(WITNESS,),
          in_order=(r"restart 1 of 2$", r"restart 2 of 2$", r"septum: intruder: fault: ", r"septum: intruder: stopped: no restart left$"),
          never=(*BROKEN, r"restart 3"), settle=1)


def halt(workshop: Workshop) -> None:
    """a fault halts the whole machine, and nothing is said after it"""
    _boot(workshop, "policy-halt", in_order=(FAULT + ": system halted$",),
          never=(r"septum: intruder: (restart \d|stopped)", r"try 3: "), settle=2)


CASES = {"policy.stop": stop, "policy.restart-limit": limit, "policy.halt-system": halt}
