# SPDX-License-Identifier: Apache-2.0
"""All cases, by name. The docstring of each says what it shows."""

from cases import alter, boot, devices, dma, policy, protect, protocol, refuse, reproduce
from harness.images import make_all


def images(workshop):
    """makes the images that the other cases boot"""
    make_all(workshop)


CASES = {
    "images": images,
    **boot.CASES,
    **alter.CASES,
    **refuse.CASES,
    **policy.CASES,
    **protect.CASES,
    **devices.CASES,
    **protocol.CASES,
    **reproduce.CASES,
    **dma.CASES,
}
