// SPDX-License-Identifier: Apache-2.0
// Filling in the manifest's records.
#pragma once

#include <septum/manifest/manifest.hpp>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace septum::build {

template <typename T>
manifest::Slice append(std::vector<T>& all, const std::vector<T>& more) {
    const manifest::Slice slice{static_cast<std::uint32_t>(all.size()), static_cast<std::uint32_t>(more.size())};
    all.insert(all.end(), more.begin(), more.end());
    return slice;
}

template <std::size_t N>
void set_name(char (&to)[N], const std::string& name) {
    std::memcpy(to, name.data(), std::min(name.size(), N - 1)); // the planner refused longer names
}

} // namespace septum::build
