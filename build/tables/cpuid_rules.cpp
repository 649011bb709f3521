// SPDX-License-Identifier: Apache-2.0
#include "build/tables/cpuid_bits.hpp"
#include "build/tables/rules.hpp"

#include <algorithm>
#include <bit>

namespace septum::build {
namespace {

using manifest::CpuidRule;
using manifest::kCpuidAnySubleaf;

constexpr std::uint32_t kAll = ~0U;

struct Registers {
    std::uint32_t eax = 0;
    std::uint32_t ebx = 0;
    std::uint32_t ecx = 0;
    std::uint32_t edx = 0;
};

CpuidRule rule(std::uint32_t leaf, std::uint32_t subleaf, Registers mask, Registers set, std::uint32_t patch = 0) {
    CpuidRule out{};
    out.leaf = leaf;
    out.subleaf = subleaf;
    out.mask[0] = mask.eax;
    out.mask[1] = mask.ebx;
    out.mask[2] = mask.ecx;
    out.mask[3] = mask.edx;
    out.set[0] = set.eax;
    out.set[1] = set.ebx;
    out.set[2] = set.ecx;
    out.set[3] = set.edx;
    out.patch = patch;
    return out;
}

CpuidRule plain(std::uint32_t leaf, Registers mask, Registers set, std::uint32_t patch = 0) {
    return rule(leaf, kCpuidAnySubleaf, mask, set, patch);
}

// The low bits in which the partition's APIC ids differ: shifting them out leaves one package.
unsigned package_shift(const Plan& plan, const PlannedPartition& partition) {
    std::uint32_t differ = 0;
    const std::uint32_t first = plan.cpus[partition.first_cpu].apic_id;
    for (std::uint32_t i = 1; i < partition.cpu_count; ++i) {
        differ |= plan.cpus[partition.first_cpu + i].apic_id ^ first;
    }
    return static_cast<unsigned>(std::bit_width(differ));
}

} // namespace

std::vector<CpuidRule> cpuid_rules(const Plan& plan, std::size_t index, config::Apic apic) {
    using namespace cpuid;
    const auto& partition = plan.partitions[index];
    const std::uint32_t cpus = partition.cpu_count;
    const bool smp = cpus > 1;
    const std::uint32_t shift = package_shift(plan, partition);
    std::vector<CpuidRule> rules;

    constexpr std::uint32_t kHighestBasic = 0xD;
    constexpr std::uint32_t kHighestExtended = 0x8000'001E;
    rules.push_back(plain(0x0, {0, kAll, kAll, kAll}, {kHighestBasic, 0, 0, 0}));

    // QEMU 7.2, the emulator without x2APIC, loses its way in cmpxchg16b with more than one CPU.
    const std::uint32_t ecx1 = apic == config::Apic::xapic ? leaf1::kEcx & ~leaf1::kCmpxchg16b : leaf1::kEcx;
    rules.push_back(plain(0x1, {kAll, 0x0000'FFFF, ecx1, leaf1::kEdx},
                          {0, std::min(cpus, 255U) << 16U, leaf1::kX2apic | leaf1::kHypervisor, smp ? leaf1::kHtt : 0U},
                          manifest::kPatchApicIdEbx | manifest::kPatchOsxsave));
    rules.push_back(plain(0x6, {}, {leaf6::kArat, 0, 0, 0}));
    rules.push_back(rule(0x7, 0, {0, leaf7::kEbx, leaf7::kEcx, leaf7::kEdx}, {}));

    // Extended topology (APM 3 §E.3.11): one thread a core, all the partition's cores in one package.
    constexpr std::uint32_t kThreadLevel = 1U << 8;
    constexpr std::uint32_t kCoreLevel = 2U << 8;
    rules.push_back(rule(0xB, 0, {}, {0, 1, kThreadLevel | 0U, 0}, manifest::kPatchApicIdEdx));
    rules.push_back(rule(0xB, 1, {}, {shift, cpus, kCoreLevel | 1U, 0}, manifest::kPatchApicIdEdx));
    rules.push_back(rule(0xB, 2, {}, {0, 0, 2, 0}, manifest::kPatchApicIdEdx));

    // The board contract demands x87, SSE and AVX state, so the sizes are known here, whatever XCR0 the kernel has.
    rules.push_back(rule(0xD, 0, {}, {leafD::kStates, leafD::kSize, leafD::kSize, 0}));
    rules.push_back(rule(0xD, 1, {leafD::kInstructions, 0, 0, 0}, {}));
    rules.push_back(rule(0xD, 2, {kAll, kAll, 0, 0}, {}));

    // VMware's timing interface, which a stock Linux asks by VMMCALL: "VMwareVMware", then the features.
    constexpr std::uint32_t kPreferVmmcall = 1U << 0;
    rules.push_back(plain(0x4000'0000, {}, {0x4000'0010, 0x6177'4D56, 0x4D56'6572, 0x6572'6177}));
    rules.push_back(plain(0x4000'0010, {}, {0, 0, kPreferVmmcall, 0}));

    rules.push_back(plain(0x8000'0000, {0, kAll, kAll, kAll}, {kHighestExtended, 0, 0, 0}));
    rules.push_back(
        plain(0x8000'0001, {kAll, 0, extended1::kEcx, extended1::kEdx}, {0, 0, smp ? extended1::kCmpLegacy : 0U, 0}));
    for (const std::uint32_t leaf : {0x8000'0002U, 0x8000'0003U, 0x8000'0004U, 0x8000'0005U, 0x8000'0006U}) {
        rules.push_back(plain(leaf, {kAll, kAll, kAll, kAll}, {})); // brand string, caches
    }
    rules.push_back(plain(0x8000'0007, {0, 0, 0, extended7::kInvariantTsc}, {}));
    // 48-bit linear addresses: five-level paging is hidden. ECX: cores less one, and how many id bits they take.
    constexpr std::uint32_t kPhysicalBits = 0xFF;
    constexpr std::uint32_t kLinear48 = 48U << 8U;
    rules.push_back(
        plain(0x8000'0008, {kPhysicalBits, extended8::kEbx, 0, 0}, {kLinear48, 0, (shift << 12U) | (cpus - 1), 0}));
    rules.push_back(plain(0x8000'001E, {}, {}, manifest::kPatchApicIdEax));
    return rules;
}

} // namespace septum::build
