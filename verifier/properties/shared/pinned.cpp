// SPDX-License-Identifier: Apache-2.0
#include "verifier/properties/shared/pinned.hpp"

namespace septum::verifier {

Said pin_text(const std::string& name, bool is_partition, const config::Span& span) {
    Said said;
    if (is_partition) {
        said.partitions.push_back(name);
    } else {
        said.key = "channel-" + name;
    }
    said.primary = span;
    return said;
}

} // namespace septum::verifier
