// SPDX-License-Identifier: Apache-2.0
#include "config/show.hpp"

#include <fmt/format.h>

namespace septum::config {
namespace {

// In the largest unit that leaves no rest.
std::string show(std::uint64_t value, const std::array<Unit, 3>& units, std::string_view smallest) {
    for (auto unit = units.rbegin(); unit != units.rend(); ++unit)
        if (value >= unit->worth && value % unit->worth == 0)
            return fmt::format("{} {}", value / unit->worth, unit->name);
    return fmt::format("{} {}", value, smallest);
}

} // namespace

std::string show_size(std::uint64_t bytes) {
    return show(bytes, kSizeUnits, "bytes");
}

std::string show_duration(std::uint64_t milliseconds) {
    return show(milliseconds, kTimeUnits, "ms");
}

std::string show_address(std::uint64_t address) {
    const std::string digits = fmt::format("{:x}", address);
    std::string text = "0x";
    for (std::size_t i = 0; i < digits.size(); i++) {
        if (i != 0 && (digits.size() - i) % 4 == 0)
            text += '_';
        text += digits[i];
    }
    return text;
}

} // namespace septum::config
