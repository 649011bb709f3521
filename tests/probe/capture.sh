#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs as /init in a guest: everything that `septum board probe` reads, as a tar in base64 on the serial port.
/bin/busybox mkdir -p /proc /sys /capture
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs dev /dev
export PATH=/bin
busybox --install -s /bin
copy() {
    for file; do
        [ -f "$file" ] || continue
        mkdir -p "/capture${file%/*}"
        cat "$file" >"/capture$file" 2>/dev/null || rm -f "/capture$file"
    done
}
copy /proc/cpuinfo /proc/iomem
for table in APIC MCFG DMAR IVRS SRAT; do copy /sys/firmware/acpi/tables/$table; done
copy /sys/firmware/memmap/*/start /sys/firmware/memmap/*/end /sys/firmware/memmap/*/type
copy /sys/class/iommu/*/intel-iommu/* /sys/class/iommu/*/amd-iommu/*
for device in /sys/bus/pci/devices/*; do
    copy "$device/config" "$device/resource"
    if [ -e "$device/iommu_group" ]; then
        mkdir -p "/capture$device"
        ln -s "/sys/kernel/iommu_groups/$(basename "$(readlink "$device/iommu_group")")" "/capture$device/iommu_group"
    fi
done
stty -F /dev/ttyS0 -opost 2>/dev/null
echo CAPTURE-BEGINS >/dev/ttyS0
tar -C /capture -c . | gzip -9 | base64 >/dev/ttyS0
echo CAPTURE-ENDS >/dev/ttyS0
poweroff -f
