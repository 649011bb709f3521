// SPDX-License-Identifier: Apache-2.0
#include "verifier/properties/shared/memory_reach.hpp"

namespace septum::verifier {

std::uint64_t reach_key(std::uint64_t partition, std::uint64_t gpa) {
    return (partition << kGpaBits) | gpa;
}

const Grant* grant_at(const Context& context, std::uint64_t partition, std::uint64_t gpa) {
    if (partition >= context.declared.partitions.size()) {
        return nullptr;
    }
    const auto in = [gpa](const std::vector<Grant>& grants) -> const Grant* {
        for (const Grant& grant : grants) {
            if (gpa >= grant.gpa && gpa < grant.end()) {
                return &grant;
            }
        }
        return nullptr;
    };
    const Grant* declared = in(context.declared.partitions[partition].grants);
    return declared != nullptr ? declared : in(context.places->partitions[partition].devices);
}

} // namespace septum::verifier
