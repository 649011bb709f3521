#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/probe/captures/NAME.tar.gz: Linux on a QEMU machine, looking at it. Run by hand when a machine is added."""

import argparse
import base64
import pathlib
import re
import shutil
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
VT_D = ["-M", "q35,kernel-irqchip=off", "-device", "intel-iommu,intremap=on,eim=on"]


def nodes(memory: list[str], cpus: list[str]) -> list[str]:
    """NUMA nodes, each with its memory and its CPUs."""
    words = []
    for number, (size, range_) in enumerate(zip(memory, cpus)):
        words += ["-object", f"memory-backend-ram,id=m{number},size={size}", "-numa", f"node,nodeid={number},cpus={range_},memdev=m{number}"]
    return words


def behind_ports(devices: list[str]) -> list[str]:
    """Each device behind a root port of its own."""
    words = []
    for number, device in enumerate(devices, 1):
        words += ["-device", f"pcie-root-port,id=rp{number},chassis={number},slot={number}", "-device", f"{device},bus=rp{number}"]
    return words


VIRTIO = "disable-legacy=on,iommu_platform=on"
MACHINES = {
    "q35-vtd": [*VT_D, "-smp", "4", "-m", "1G",
                *nodes(["512M", "512M"], ["0-1", "2-3"]),
                "-device", "pcie-root-port,id=rp1,chassis=1", "-device", f"virtio-net-pci,bus=rp1,{VIRTIO}",
                "-device", "pcie-root-port,id=rp2,chassis=2", "-device", "e1000e,bus=rp2", "-device", "edu"],
    # Eleven devices behind root ports, two of them behind a switch, and one with two functions.
    "q35-many": [*VT_D, "-smp", "4", "-m", "6G", "-drive", "if=none,id=d0,format=raw,file.driver=null-co,file.size=1M",
                 *behind_ports([f"virtio-net-pci,{VIRTIO}", "e1000e", "igb", "nvme,serial=0", f"virtio-blk-pci,drive=d0,{VIRTIO}", "qemu-xhci",
                                f"virtio-rng-pci,{VIRTIO}", f"virtio-scsi-pci,{VIRTIO}", "megasas", "x3130-upstream,id=up"]),
                 "-device", "xio3130-downstream,id=down0,bus=up,chassis=20,slot=20", "-device", "e1000e,bus=down0",
                 "-device", "xio3130-downstream,id=down1,bus=up,chassis=21,slot=21", "-device", "nvme,serial=1,bus=down1",
                 "-device", "edu,addr=10.0,multifunction=on", "-device", "edu,addr=10.1"],
    # QEMU's AMD IOMMU takes devices behind bridges for those of bus 0 (docs/emulators.md), so they stand there.
    "q35-amdvi": ["-M", "q35,kernel-irqchip=off", "-smp", "8", "-m", "1G",
                  "-device", "amd-iommu,intremap=on,xtsup=on,pt=off", "-drive", "if=none,id=d0,format=raw,file.driver=null-co,file.size=1M",
                  "-device", "nvme,serial=0,drive=d0", "-device", f"virtio-net-pci,{VIRTIO}", "-device", "edu"],
    # APIC ids up to 63, four NUMA nodes, memory above 4 GiB.
    "q35-64": [*VT_D, "-smp", "64", "-m", "8G",
               *nodes(["2G"] * 4, ["0-15", "16-31", "32-47", "48-63"]), *behind_ports(["e1000e", f"virtio-net-pci,{VIRTIO}"])],
    # Two processor packages of three CPUs, a NUMA node each: APIC ids 0 to 2 and 4 to 6.
    "q35-packages": [*VT_D, "-smp", "6,sockets=2,cores=3,threads=1", "-m", "1G",
                     *nodes(["512M", "512M"], ["0-2", "3-5"]), *behind_ports([f"virtio-net-pci,{VIRTIO}", "e1000e"])],
    # No PCI Express, no IOMMU: partitions without devices run there, and no device can be granted.
    "pc": ["-M", "pc", "-smp", "2", "-m", "512M", "-device", "e1000"],
}

# What an appliance on the probed board gives its partition: the contract then covers windows, BARs and resets.
GRANTED = {"q35-vtd": ["nic0", "nic1"], "q35-many": ["nic2", "nvme0", "scsi0"], "q35-amdvi": ["nvme"], "q35-64": ["nic0"],
           "q35-packages": ["nic0", "nic1"], "pc": []}

# What cannot be granted there, and why: the switch's ports have no access control; there is no IOMMU.
REFUSED = {"q35-many": ("nvme1", "dma.p2p"), "q35-amdvi": ("nic0", "dev.reset"), "pc": ("nic0", "config.")}

# The same machine with other CPUs (-smp), in a package that the boot CPU knows nothing of, and what the kernel says to that.
OTHER_CPUS = {"q35-packages": {"5,maxcpus=6,sockets=2,cores=3,threads=1": r"apic id 6: expected a CPU that starts, found no answer",
                               "9,sockets=3,cores=3,threads=1": r"apic id (8|9|10): expected no CPU, found one"}}


def appliance(name: str, devices: list[str] | None = None, on_fault: str = "stop") -> str:
    return (f"septum: 1\nname: a\nboard: ./{name}.yaml\npartitions:\n  one:\n    cpus: 1\n    memory: 16 MiB\n    boot: {{elf: hello.elf}}\n"
            f"    console: true\n    devices: [{', '.join(GRANTED[name] if devices is None else devices)}]\n    on_fault: {on_fault}\n")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--busybox", required=True)
    parser.add_argument("names", nargs="*", default=list(MACHINES))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = pathlib.Path(scratch, "root")
        (root / "bin").mkdir(parents=True)
        (root / "dev").mkdir()
        shutil.copy(options.busybox, root / "bin/busybox")
        (root / "bin/busybox").chmod(0o755)
        (root / "bin/sh").symlink_to("busybox")
        shutil.copy(HERE / "capture.sh", root / "init")
        (root / "init").chmod(0o755)
        initrd = pathlib.Path(scratch, "initrd")
        names = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
        initrd.write_bytes(subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], input=names.encode(), cwd=root,
                                          capture_output=True, check=True).stdout)
        for name in options.names:
            words = ["qemu-system-x86_64", *MACHINES[name], "-cpu", "max", "-nodefaults", "-display", "none", "-serial", "stdio",
                     "-no-reboot", "-kernel", options.kernel, "-initrd", str(initrd),
                     "-append", "console=ttyS0 quiet no_timer_check intel_iommu=on amd_iommu=on intremap=off mitigations=off panic=-1"]
            done = subprocess.run(words, capture_output=True, timeout=1200, stdin=subprocess.DEVNULL)
            text = done.stdout.decode(errors="replace")
            found = re.search(r"CAPTURE-BEGINS\s(.*?)CAPTURE-ENDS", text, re.DOTALL)
            if found is None:
                raise SystemExit(f"{name}: no capture\n{text[-2000:]}\n{done.stderr.decode()}")
            (HERE / "captures" / f"{name}.tar.gz").write_bytes(base64.b64decode(re.sub(r"\s", "", found[1])))
            print(name, flush=True)


if __name__ == "__main__":
    main()
