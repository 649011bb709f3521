// SPDX-License-Identifier: Apache-2.0
#include "verifier/properties/shared/digest.hpp"

#include <fmt/format.h>

namespace septum::verifier {

void compare_digest(Judge& judge, const DigestFact& digest, const std::string& what, const std::string& partition) {
    if (digest.matches()) {
        return;
    }
    Said said;
    said.message = fmt::format("{} is not what the manifest measured: expected {}, found {}", what, hex(digest.claimed),
                               hex(digest.computed));
    if (!partition.empty()) {
        said.partitions.push_back(partition);
    }
    said.key = what;
    said.witness = "SHA-256 " + hex(digest.computed);
    judge.violated(std::move(said));
}

} // namespace septum::verifier
