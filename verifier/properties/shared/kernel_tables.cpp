// SPDX-License-Identifier: Apache-2.0
#include "verifier/properties/shared/kernel_tables.hpp"

#include <septum/manifest/layout.hpp>

namespace septum::verifier {

Pieces kernel_guards(const Facts& facts) {
    Pieces out;
    for (const manifest::Cpu& cpu : facts.manifest.cpus) {
        for (const std::uint64_t offset : {layout::CpuBlock::kStackGuard, layout::CpuBlock::kFaultGuard}) {
            out.push_back({cpu.block.value + offset, cpu.block.value + offset + kPageSize, 0});
        }
    }
    return out;
}

} // namespace septum::verifier
