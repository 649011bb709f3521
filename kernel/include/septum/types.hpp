// SPDX-License-Identifier: Apache-2.0
// The words every part of Septum speaks: fixed-width integers and addresses that never mix.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace septum {

using u8 = uint8_t;
using u16 = uint16_t;
using u32 = uint32_t;
using u64 = uint64_t;

// An address in one address space. Two spaces never convert into each other silently: whoever converts
// writes `.value` and so says that he means it.
template <typename Space>
struct Address {
    u64 value = 0;

    constexpr Address() = default;
    constexpr explicit Address(u64 v) : value(v) {}

    friend constexpr bool operator==(Address, Address) = default;
    friend constexpr bool operator<(Address a, Address b) { return a.value < b.value; }
    friend constexpr bool operator<=(Address a, Address b) { return a.value <= b.value; }
    friend constexpr bool operator>(Address a, Address b) { return a.value > b.value; }
    friend constexpr bool operator>=(Address a, Address b) { return a.value >= b.value; }
    friend constexpr Address operator+(Address a, u64 bytes) { return Address{a.value + bytes}; }
    friend constexpr Address operator-(Address a, u64 bytes) { return Address{a.value - bytes}; }
    friend constexpr u64 operator-(Address a, Address b) { return a.value - b.value; }
};

using Hpa = Address<struct HostPhysical>;  // what the memory controller sees
using Gpa = Address<struct GuestPhysical>; // what a partition takes for physical
using Hva = Address<struct HostVirtual>;   // the kernel's own view; identical to Hpa by construction of its tables

inline constexpr u64 kPageSize = 4096;
inline constexpr u64 kKiB = 1024;
inline constexpr u64 kMiB = 1024 * kKiB;
inline constexpr u64 kGiB = 1024 * kMiB;

} // namespace septum
