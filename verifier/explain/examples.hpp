// SPDX-License-Identifier: Apache-2.0
// One thing that each property would find, in a sentence. A test has one for every registered property.
#pragma once

#include <string>
#include <string_view>

namespace septum::verifier {

[[nodiscard]] std::string example_of(std::string_view id); // empty when there is none

} // namespace septum::verifier
