# SPDX-License-Identifier: Apache-2.0
"""The largest model that the issue of speed asks for: 64 partitions, 200 channels, 64 devices behind a root port each."""

import pathlib

PARTITIONS, CHANNELS = 64, 200
PORTS = PARTITIONS  # one device each
WINDOW = 0xC000_0000


def board() -> str:
    lines = ["septum-board: 1", "name: many", "vendor: amd", "apic: x2apic", "physical-address-bits: 40", "huge-pages-1g: true",
             "trampoline: 0x8000", "iommu: {kind: vt-d, registers: 0xfed9_0000, address-bits: 39, largest-page: 1 GiB, extended-interrupts: true}",
             "ecam: 0xb000_0000", "memory:", "  - {base: 0x20_0000, size: 1000 MiB}", "  - {base: 0x1_0000_0000, size: 8 GiB}", "cpus:"]
    lines += [f"  - {{apic: {n}, core: {n}}}" for n in range(PARTITIONS)]
    lines += ["pci:", "  host-bridge: {at: 00:00.0, id: 8086:29c0}"]
    for n in range(PORTS):
        base = WINDOW + n * 0x10_0000
        lines += [f"  port{n}: {{at: 00:{1 + n // 8:02x}.{n % 8}, id: 1b36:000c, bridge: {{secondary: {n + 1}, subordinate: {n + 1}, acs: 0x148, "
                  f"window: {{base: {base:#x}, size: 1 MiB}}}}}}",
                  f"  card{n}: {{at: {n + 1:02x}:00.0, id: 1234:11e8, class: 0x00_ff_00, bars: {{0: {{base: {base:#x}, size: 1 MiB, type: mem32}}}}, "
                  f"msi: {{at: 0x40, vectors: 1, wide: true}}, reset: bus}}"]
    return "\n".join(lines) + "\n"


def appliance() -> str:
    lines = ["septum: 1", "name: many", "board: many", "partitions:"]
    lines += [f"  p{n}: {{cpus: 1, memory: 64 MiB, boot: {{elf: nothing.elf}}, devices: [card{n}]}}" for n in range(PARTITIONS)]
    lines += ["channels:"]
    for n in range(CHANNELS):  # to the next, the one after it, the third, and some of the fourth
        lines += [f"  c{n}: {{from: p{n % PARTITIONS}, to: p{(n + 1 + n // PARTITIONS) % PARTITIONS}, size: 64 KiB, doorbell: true}}"]
    lines += ["policy:", "  - only: {from: p0, to: p5, via: [p1, p2, p3, p4]}"]
    return "\n".join(lines) + "\n"


def write(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "appliance.yaml").write_text(appliance())
    (folder / "many.yaml").write_text(board())  # a board is found by its name, beside the appliance
