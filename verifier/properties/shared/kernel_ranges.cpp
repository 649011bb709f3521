// SPDX-License-Identifier: Apache-2.0
#include "verifier/properties/shared/kernel_ranges.hpp"

namespace septum::verifier {

std::vector<OwnRange> kernel_ranges(const Facts& facts) {
    const manifest::Header& header = facts.manifest.header;
    std::vector<OwnRange> out{
        {"the kernel's image", header.kernel.base.value, header.kernel.size},
        {"the kernel's workspace", header.workspace.base.value, header.workspace.size},
        {"the manifest", facts.bundle.manifest.base, facts.bundle.manifest.size},
        {"the sealed tables", facts.bundle.tables.base, facts.bundle.tables.size, false, false, true},
        {"the pristine payload copies", facts.bundle.payloads.base, facts.bundle.payloads.size},
        {"the page in which processors wake up", header.trampoline.value, kPageSize, false, true},
        {"the local APIC's page", kLocalApicPage, kPageSize, true},
    };
    if (facts.devices.present) {
        out.push_back({"the IOMMU's registers", header.iommu.registers.value, iommu_registers_size(facts), true});
    }
    if (header.crash_record.value != 0) {
        out.push_back({"the crash record", header.crash_record.value, kPageSize});
    }
    if (header.event_log.size != 0) {
        out.push_back({"the event log", header.event_log.base.value, header.event_log.size, false, false, false, true});
    }
    if (header.watchdog.kind != manifest::WatchdogKind::none) {
        out.push_back({"the watchdog's registers", header.watchdog.registers.value, kPageSize, true});
    }
    if (header.ecam.value != 0) {
        out.push_back({"configuration space", header.ecam.value, 256ULL << 20, true});
    }
    return out;
}

std::uint64_t iommu_registers_size(const Facts& facts) {
    // VT-d §11.4: the registers that are used lie in the first page. AMD IOMMU §3.4: 16 KiB.
    return facts.devices.record.kind == manifest::IommuKind::amd_vi ? 4 * kPageSize : kPageSize;
}

} // namespace septum::verifier
