// SPDX-License-Identifier: Apache-2.0
#include "verifier/properties/kernel_ranges.hpp"

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
        out.push_back({"the IOMMU's registers", header.iommu.registers.value, kPageSize, true});
    }
    return out;
}

} // namespace septum::verifier
