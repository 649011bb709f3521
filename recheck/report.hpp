// SPDX-License-Identifier: Apache-2.0
// How septum-recheck reads bytes, and says that something is wrong: what cannot be read is not judged, what can be read
// and differs is.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace septum::recheck {

using Bytes = std::span<const std::uint8_t>;

// The file is no certificate, or no image: nothing can be said about it. Exit code 1.
struct Unreadable : std::runtime_error {
    using std::runtime_error::runtime_error;
};
// Certificate and image do not agree, or what they agree on is not a separation. Exit code 2.
struct Differs : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// [first, first + size) of them; throws Unreadable where they end before.
Bytes part(Bytes bytes, std::uint64_t first, std::uint64_t size);
// A number or a record of the manifest, little-endian as the machine is.
template <typename Value>
Value read_at(Bytes bytes, std::uint64_t offset) {
    Value out;
    std::memcpy(&out, part(bytes, offset, sizeof out).data(), sizeof out);
    return out;
}
std::string hex(std::uint64_t value); // 0x40200000
std::string range(std::uint64_t first, std::uint64_t end);
std::string digits(Bytes bytes); // two lower-case ones for each byte
std::string sha256(Bytes bytes); // 64 of them

} // namespace septum::recheck
