// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/msrpm.hpp"

#include <algorithm>
#include <bit>

namespace septum::verifier::decode {

namespace {

constexpr std::uint32_t kReservedOffset = 0x1800;

bool holds(const std::vector<MsrInterval>& intervals, std::uint32_t msr) {
    return std::any_of(intervals.begin(), intervals.end(),
                       [msr](const MsrInterval& i) { return i.first <= msr && msr <= i.last; });
}

void grant(std::vector<MsrInterval>& intervals, std::uint32_t msr) {
    // The ranges do not touch, so a run never goes from one into the next.
    if (!intervals.empty() && intervals.back().last + 1 == msr) {
        intervals.back().last = msr;
    } else {
        intervals.push_back({msr, msr});
    }
}

} // namespace

bool Msrpm::reads_msr(std::uint32_t msr) const {
    return readable && holds(reads, msr);
}
bool Msrpm::writes_msr(std::uint32_t msr) const {
    return readable && holds(writes, msr);
}

std::optional<std::uint32_t> msrpm_bit(std::uint32_t msr) {
    for (const MsrRange& range : kMsrRanges) {
        if (range.first <= msr && msr <= range.last) {
            return range.offset * 8 + (msr - range.first) * 2;
        }
    }
    return std::nullopt;
}

Msrpm decode_msrpm_bytes(ByteSpan bytes, std::uint64_t base, const std::string& what) {
    Msrpm map;
    if (bytes.size() < kMsrpmSize) {
        map.defects.add(DefectKind::cut_short, what + " is cut short", base, kMsrpmSize, bytes.size());
        return map;
    }
    map.readable = true;
    for (const MsrRange& range : kMsrRanges) {
        for (std::uint32_t msr = range.first; msr <= range.last; ++msr) {
            const std::uint32_t index = (msr - range.first) * 2;
            const unsigned pair = (bytes[range.offset + index / 8] >> (index % 8)) & 3U;
            if ((pair & 1) == 0) {
                grant(map.reads, msr);
            }
            if ((pair & 2) == 0) {
                grant(map.writes, msr);
            }
        }
    }
    for (std::uint64_t i = kReservedOffset; i < kMsrpmSize; ++i) {
        map.reserved_clear += static_cast<std::uint64_t>(std::popcount(static_cast<std::uint8_t>(~bytes[i])));
    }
    return map;
}

Msrpm decode_msrpm(const HostMemory& memory, std::uint64_t base, const std::string& what) {
    Msrpm map;
    if (base % kPageSize != 0) { // §15.11: the processor drops the low twelve bits
        map.defects.add(DefectKind::unaligned, what + " is not page aligned", base, base & ~(kPageSize - 1), base);
    }
    const std::uint64_t place = base & ~(kPageSize - 1);
    const auto bytes = memory.at(place, kMsrpmSize);
    if (!bytes) {
        map.defects.add(DefectKind::unreadable, what + " lies outside the bundle", base, memory.sealed_base, base);
        return map;
    }
    Msrpm decoded = decode_msrpm_bytes(*bytes, place, what);
    if (!memory.sealed(place, kMsrpmSize)) {
        map.defects.add(DefectKind::outside_tables, what + " lies outside the sealed tables", base, memory.sealed_base,
                        base);
    }
    map.defects.append(decoded.defects);
    decoded.defects = map.defects;
    return decoded;
}

} // namespace septum::verifier::decode
