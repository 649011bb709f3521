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
MACHINES = {
    "q35-vtd": ["-M", "q35,kernel-irqchip=off", "-smp", "4", "-m", "1G", "-device", "intel-iommu,intremap=on,eim=on",
                "-object", "memory-backend-ram,id=m0,size=512M", "-object", "memory-backend-ram,id=m1,size=512M",
                "-numa", "node,nodeid=0,cpus=0-1,memdev=m0", "-numa", "node,nodeid=1,cpus=2-3,memdev=m1",
                "-device", "pcie-root-port,id=rp1,chassis=1", "-device", "virtio-net-pci,bus=rp1,disable-legacy=on,iommu_platform=on",
                "-device", "pcie-root-port,id=rp2,chassis=2", "-device", "e1000e,bus=rp2", "-device", "edu"],
    "pc": ["-M", "pc", "-smp", "2", "-m", "512M", "-device", "e1000"],
}


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
                     "-append", "console=ttyS0 quiet intel_iommu=on amd_iommu=on intremap=off mitigations=off panic=-1"]
            done = subprocess.run(words, capture_output=True, timeout=1200, stdin=subprocess.DEVNULL)
            text = done.stdout.decode(errors="replace")
            found = re.search(r"CAPTURE-BEGINS\s(.*?)CAPTURE-ENDS", text, re.DOTALL)
            if found is None:
                raise SystemExit(f"{name}: no capture\n{text[-2000:]}\n{done.stderr.decode()}")
            (HERE / "captures" / f"{name}.tar.gz").write_bytes(base64.b64decode(re.sub(r"\s", "", found[1])))
            print(name, flush=True)


if __name__ == "__main__":
    main()
