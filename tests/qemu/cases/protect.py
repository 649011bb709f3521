# SPDX-License-Identifier: Apache-2.0
"""What the kernel's page tables really grant, seen by a witness outside the code base: QEMU's own table walker."""

import re
import tempfile

from harness import bundle
from harness.images import Workshop
from harness.machine import XAPIC, Failure, Run
from harness.qmp import Qmp

# `info tlb`: linear address, physical address, flags; X in the first place is the no-execute bit, W the last.
ENTRY = re.compile(r"^([0-9a-f]{16}): ([0-9a-f]{16}) (\S{9})\s*$", re.MULTILINE)
NO_EXECUTE, USER, WRITABLE = (lambda flags: flags[0] == "X"), (lambda flags: flags[7] == "U"), (lambda flags: flags[8] == "W")


def write_xor_execute(workshop: Workshop) -> None:
    """QEMU's walk of the kernel's tables: nothing writable is executable, all is identity, guards are not mapped"""
    image = workshop.image("native-xapic")
    found = bundle.find(image.read_bytes())
    owner = found.partition_names.index("vault")
    number = found.cpu_partitions.index(owner)
    with tempfile.TemporaryDirectory(prefix="septum-protect-") as folder:
        with Run(XAPIC.but(extra=("-qmp", f"unix:{folder}/qmp,server=on,wait=off")), str(image)) as run:
            # A stopped partition's CPU rests in the kernel, on the kernel's tables; the others are in their guests.
            run.wait(r"septum: vault: stopped", 100)
            qmp = Qmp(f"{folder}/qmp")
            said = qmp.monitor("info tlb", found.cpu_ids[number])
            qmp.close()
    entries = [(int(linear, 16), int(physical, 16), flags) for linear, physical, flags in ENTRY.findall(said)]
    if len(entries) < 8:
        raise Failure(f"QEMU's walk found {len(entries)} entries only:\n{said[:400]}")
    for linear, physical, flags in entries:
        if linear != physical:
            raise Failure(f"0x{linear:x} is mapped to 0x{physical:x}")
        if WRITABLE(flags) and not NO_EXECUTE(flags):
            raise Failure(f"0x{linear:x} is writable and executable ({flags})")
        if USER(flags):
            raise Failure(f"0x{linear:x} is open to user mode ({flags})")
    executable = [linear for linear, _, flags in entries if not NO_EXECUTE(flags)]
    if not executable:
        raise Failure("nothing is executable: this is not the kernel's table")
    kernel = range(found.kernel_base, found.kernel_base + found.kernel_size)
    for linear in executable:
        if linear not in kernel:
            raise Failure(f"0x{linear:x} is executable and not in the kernel 0x{kernel.start:x}..0x{kernel.stop:x}")
    mapped = {linear for linear, _, _ in entries}
    for block in found.cpu_blocks:
        for guard in (block, block + 0x3000):  # septum/manifest/layout.hpp: kStackGuard, kFaultGuard
            if guard in mapped:
                raise Failure(f"the guard page 0x{guard:x} is mapped")
        if block + 0x1000 not in mapped:
            raise Failure(f"the stack at 0x{block + 0x1000:x} is not mapped by small pages")
    print(f"{len(entries)} entries, {len(executable)} executable pages, all in the kernel")


CASES = {"protect.write-xor-execute": write_xor_execute}
