// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/iopm.hpp"

#include <algorithm>
#include <bit>

namespace septum::verifier::decode {

namespace {

constexpr std::uint32_t kPorts = 0x1'0000;
constexpr std::uint32_t kStraddle = 3; // a dword at 0xFFFF tests three bits past the last port

bool bit(ByteSpan bytes, std::uint32_t index) {
    return ((bytes[index / 8] >> (index % 8)) & 1) != 0;
}

} // namespace

bool Iopm::grants(std::uint32_t port, std::uint32_t size) const {
    if (!readable || port >= kPorts) {
        return false;
    }
    for (std::uint32_t p = port; p < port + size; ++p) {
        const bool granted_here = p >= kPorts ? p - kPorts < kStraddle && straddle_granted[p - kPorts]
                                              : std::any_of(
                                                    granted.begin(), granted.end(),
                                                    [p](const PortInterval& i) { return i.first <= p && p <= i.last; });
        if (!granted_here) {
            return false;
        }
    }
    return true;
}

Iopm decode_iopm_bytes(ByteSpan bytes, std::uint64_t base, const std::string& what) {
    Iopm map;
    if (bytes.size() < kIopmSize) {
        map.defects.add(DefectKind::cut_short, what + " is cut short", base, kIopmSize, bytes.size());
        return map;
    }
    map.readable = true;
    for (std::uint32_t port = 0; port < kPorts;) {
        if (port % 8 == 0 && bytes[port / 8] == 0xFF) {
            port += 8;
            continue;
        }
        if (!bit(bytes, port)) {
            if (!map.granted.empty() && map.granted.back().last + 1 == port) {
                map.granted.back().last = port;
            } else {
                map.granted.push_back({port, port});
            }
        }
        ++port;
    }
    for (std::uint32_t i = 0; i < kStraddle; ++i) {
        map.straddle_granted[i] = !bit(bytes, kPorts + i);
    }
    for (std::uint32_t index = kPorts / 8; index < kIopmSize; ++index) {
        const auto tested = static_cast<std::uint8_t>(index == kPorts / 8 ? (1U << kStraddle) - 1 : 0U);
        const auto clear = static_cast<std::uint8_t>(~(bytes[index] | tested));
        map.padding_clear += static_cast<std::uint64_t>(std::popcount(clear));
    }
    return map;
}

Iopm decode_iopm(const HostMemory& memory, std::uint64_t base, const std::string& what) {
    Iopm map;
    if (base % kPageSize != 0) { // §15.10.1: the processor drops the low twelve bits
        map.defects.add(DefectKind::unaligned, what + " is not page aligned", base, base & ~(kPageSize - 1), base);
    }
    const std::uint64_t place = base & ~(kPageSize - 1);
    const auto bytes = memory.at(place, kIopmSize);
    if (!bytes) {
        map.defects.add(DefectKind::unreadable, what + " lies outside the bundle", base, memory.sealed_base, base);
        return map;
    }
    Iopm decoded = decode_iopm_bytes(*bytes, place, what);
    if (!memory.sealed(place, kIopmSize)) {
        map.defects.add(DefectKind::outside_tables, what + " lies outside the sealed tables", base, memory.sealed_base,
                        base);
    }
    map.defects.append(decoded.defects);
    decoded.defects = map.defects;
    return decoded;
}

} // namespace septum::verifier::decode
