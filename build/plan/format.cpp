// SPDX-License-Identifier: Apache-2.0
#include "build/plan/plan.hpp"

#include <array>
#include <cstdio>
#include <utility>

namespace septum::build {

std::string format_size(std::uint64_t bytes) {
    constexpr std::array<std::pair<std::uint64_t, const char*>, 3> kUnits{
        {{kGiB, " GiB"}, {kMiB, " MiB"}, {kKiB, " KiB"}}};
    for (const auto& [unit, name] : kUnits) {
        if (bytes != 0 && bytes % unit == 0) {
            return std::to_string(bytes / unit) + name;
        }
    }
    return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
}

std::string format_about(std::uint64_t bytes) {
    if (bytes < kMiB || bytes % kMiB == 0) {
        return format_size(bytes);
    }
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%.1f MiB", static_cast<double>(bytes) / static_cast<double>(kMiB));
    return text.data();
}

std::string format_address(std::uint64_t address) {
    std::array<char, 24> text{};
    std::snprintf(text.data(), text.size(), "0x%llx", static_cast<unsigned long long>(address));
    return text.data();
}

std::string format_range(std::uint64_t base, std::uint64_t size) {
    return format_address(base) + ".." + format_address(base + size);
}

} // namespace septum::build
