// SPDX-License-Identifier: Apache-2.0
// Devices by their owners.
#pragma once

#include "verifier/properties/shared/assigned.hpp"
#include "verifier/properties/shared/judge.hpp"

namespace septum::verifier {

// The name of the partition that the file gives it to.
[[nodiscard]] const std::string& owner_name(const Context& context, const AssignedDevice& device);

} // namespace septum::verifier
