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

// The boards that it runs on: with and without x2APIC, and two where its partitions own devices.
enum class Machine : std::uint8_t { x2apic, xapic, vt_d, amd_vi };
[[nodiscard]] const char* name(Machine machine);
[[nodiscard]] constexpr bool has_devices(Machine machine) {
    return machine == Machine::vt_d || machine == Machine::amd_vi;
}

// The appliance file, board included.
[[nodiscard]] std::string appliance(Machine machine);
[[nodiscard]] std::optional<config::Model> load(const std::string& text);
[[nodiscard]] std::optional<World> make_world(Machine machine);

} // namespace septum::mutation
