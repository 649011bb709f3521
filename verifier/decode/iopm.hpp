// SPDX-License-Identifier: Apache-2.0
// The I/O permission map (APM 2 §15.10.1): 12 KiB, one bit per port, 1 intercepts. An access of n bytes at port p tests
// the bits p .. p + n - 1; those past 0xFFFF lie at the start of the third page.
#pragma once

#include "verifier/decode/bytes.hpp"

namespace septum::verifier::decode {

inline constexpr std::uint64_t kIopmSize = 3 * kPageSize;

struct PortInterval {
    std::uint32_t first = 0;
    std::uint32_t last = 0; // inclusive
    friend bool operator==(const PortInterval&, const PortInterval&) = default;
};

struct Iopm {
    bool readable = false;             // false: it lies outside the bundle; `granted` then means nothing
    std::vector<PortInterval> granted; // byte accesses that do not exit: maximal runs, sorted
    // The bits of 0x10000 .. 0x10002: those an access that straddles port 0xFFFF tests. 0: it is not intercepted there.
    bool straddle_granted[3] = {false, false, false};
    // Bits of the third page beyond those that no access can test; they should be ones all the same.
    std::uint64_t padding_clear = 0;
    Defects defects;

    // An access of `size` (1, 2, 4) bytes at `port` does not exit.
    [[nodiscard]] bool grants(std::uint32_t port, std::uint32_t size) const;
};

[[nodiscard]] Iopm decode_iopm(const HostMemory& memory, std::uint64_t base, const std::string& what);
[[nodiscard]] Iopm decode_iopm_bytes(ByteSpan bytes, std::uint64_t base, const std::string& what);

} // namespace septum::verifier::decode
