// SPDX-License-Identifier: Apache-2.0
// The appliance that is mutated: small, but with one of everything that a grant can be.
#pragma once

#include "config/model.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace septum::mutation {

using Bytes = std::vector<std::uint8_t>;

struct World {
    config::Model model;
    Bytes kernel;
    Bytes bundle;
};

// The appliance file, board included. `xapic`: on a board whose processors have no x2APIC.
[[nodiscard]] std::string appliance(bool xapic);
[[nodiscard]] std::optional<config::Model> load(const std::string& text);
[[nodiscard]] std::optional<World> make_world(bool xapic);

} // namespace septum::mutation
