# SPDX-License-Identifier: Apache-2.0
"""All cases, by name. The docstring of each says what it shows."""

from cases import alter, attack, boot, boundary, console, devices, dma, health, linux, media, policy, protect, protocol, refuse, replay_image, reproduce
from harness.images import make_all


def images(workshop):
    """makes the images that the other cases boot"""
    make_all(workshop)


CASES = {
    "images": images,
    **boot.CASES,
    **alter.CASES,
    **attack.CASES,
    **refuse.CASES,
    **policy.CASES,
    **protect.CASES,
    **devices.CASES,
    **linux.CASES,
    **media.CASES,
    **health.CASES,
    **protocol.CASES,
    **replay_image.CASES,
    **boundary.CASES,
    **reproduce.CASES,
    **dma.CASES,
    **console.CASES,
}
