// SPDX-License-Identifier: Apache-2.0
// The MSR permission map (APM 2 §15.11): 8 KiB; two bits per MSR, the lower one for reads, the upper one for writes;
// 1 intercepts. An MSR outside its three ranges always exits.
#pragma once

#include "verifier/decode/bytes.hpp"

namespace septum::verifier::decode {

inline constexpr std::uint64_t kMsrpmSize = 2 * kPageSize;

struct MsrInterval {
    std::uint32_t first = 0;
    std::uint32_t last = 0; // inclusive
    friend bool operator==(const MsrInterval&, const MsrInterval&) = default;
};

// What the map covers: byte offsets 0x000, 0x800, 0x1000. 0x1800..0x1FFF is reserved.
struct MsrRange {
    std::uint32_t first;
    std::uint32_t last;
    std::uint32_t offset;
};
inline constexpr MsrRange kMsrRanges[] = {
    {0x0000'0000, 0x0000'1FFF, 0x0000},
    {0xC000'0000, 0xC000'1FFF, 0x0800},
    {0xC001'0000, 0xC001'1FFF, 0x1000},
};

struct Msrpm {
    bool readable = false;
    std::vector<MsrInterval> reads; // do not exit: maximal runs, sorted; never across two ranges
    std::vector<MsrInterval> writes;
    std::uint64_t reserved_clear = 0; // bits of the reserved range that are 0; they should be ones
    Defects defects;

    [[nodiscard]] bool reads_msr(std::uint32_t msr) const;
    [[nodiscard]] bool writes_msr(std::uint32_t msr) const;
};

// Where the map's bit for reading `msr` lies (the one for writing is the next), or nothing outside the ranges.
[[nodiscard]] std::optional<std::uint32_t> msrpm_bit(std::uint32_t msr);
// MSR numbers outside the ranges: 2^32 less 3 × 8192. All of them exit whatever the map says.
inline constexpr std::uint64_t kMsrsOutsideMap = (1ULL << 32) - 3ULL * 0x2000;

[[nodiscard]] Msrpm decode_msrpm(const HostMemory& memory, std::uint64_t base, const std::string& what);
[[nodiscard]] Msrpm decode_msrpm_bytes(ByteSpan bytes, std::uint64_t base, const std::string& what);

} // namespace septum::verifier::decode
