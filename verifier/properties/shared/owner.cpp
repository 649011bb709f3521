// SPDX-License-Identifier: Apache-2.0
#include "verifier/properties/shared/owner.hpp"

#include "verifier/properties/shared/assigned.hpp"

namespace septum::verifier {

const std::string& owner_name(const Context& context, const AssignedDevice& device) {
    return context.model.partitions[device.partition].name.value;
}

} // namespace septum::verifier
