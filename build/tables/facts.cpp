// SPDX-License-Identifier: Apache-2.0
#include "build/tables/facts.hpp"

#include "build/tables/cpuid_bits.hpp"
#include "build/tables/pci_rules.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <string>
#include <string_view>

namespace septum::build {
namespace {

using manifest::Fact;
using manifest::FactKind;

enum Register : std::uint16_t { kEax = 0, kEbx = 1, kEcx = 2, kEdx = 3 };

class Facts {
public:
    void cpuid(std::string_view name, std::uint32_t leaf, std::uint32_t subleaf, Register index, std::uint64_t mask,
               std::uint64_t expected) {
        add(name, FactKind::cpuid_bits, index, leaf, subleaf, mask, expected);
    }
    void cpuid_at_least(std::string_view name, std::uint32_t leaf, Register index, std::uint64_t mask,
                        std::uint64_t floor) {
        add(name, FactKind::cpuid_at_least, index, leaf, 0, mask, floor);
    }
    void msr(std::string_view name, std::uint32_t msr, std::uint64_t mask, std::uint64_t expected) {
        add(name, FactKind::msr_bits, 0, msr, 0, mask, expected);
    }
    void msr_at_least(std::string_view name, std::uint32_t msr, std::uint64_t mask, std::uint64_t floor) {
        add(name, FactKind::msr_at_least, 0, msr, 0, mask, floor);
    }
    void pci(std::string_view name, std::uint32_t bdf, std::uint64_t ids) {
        add(name, FactKind::pci_function, 0, bdf, 0, ~0U, ids);
    }
    void pci_bits(std::string_view name, std::uint32_t bdf, std::uint32_t offset, std::uint32_t mask,
                  std::uint32_t expected) {
        add(name, FactKind::pci_bits, 0, bdf, offset, mask, expected);
    }

    std::vector<Fact> take() { return std::move(facts_); }

private:
    void add(std::string_view name, FactKind kind, std::uint16_t index, std::uint32_t a, std::uint32_t b,
             std::uint64_t mask, std::uint64_t expected) {
        Fact fact{};
        fact.kind = kind;
        fact.index = index;
        fact.a = a;
        fact.b = b;
        fact.mask = mask;
        fact.expected = expected;
        std::memcpy(fact.name, name.data(), std::min(name.size(), sizeof(fact.name) - 1));
        facts_.push_back(fact);
    }

    std::vector<Fact> facts_;
};

std::uint32_t four(const char* text) {
    std::uint32_t value = 0;
    std::memcpy(&value, text, sizeof(value));
    return value;
}

// SMT siblings per core, or 0 when the cores differ.
std::uint32_t threads_per_core(const config::Board& board) {
    std::map<std::uint32_t, std::uint32_t> cores;
    for (const auto& cpu : board.cpus) {
        ++cores[cpu.core];
    }
    std::uint32_t threads = 0;
    for (const auto& [core, count] : cores) {
        if (threads != 0 && threads != count) {
            return 0;
        }
        threads = count;
    }
    return threads;
}

// CPUs in each package: the board has equally many in all.
std::size_t cpus_per_package(const config::Board& board) {
    return static_cast<std::size_t>(
        std::count_if(board.cpus.begin(), board.cpus.end(),
                      [&board](const config::BoardCpu& cpu) { return cpu.package == board.cpus.front().package; }));
}

void processor_facts(Facts& facts, const Plan& plan, const config::Board& board, bool huge_pages) {
    using namespace cpuid;
    const bool amd = board.vendor.value == config::Vendor::amd;
    // CPUID Fn0000_0000: the vendor, in EBX, EDX, ECX.
    facts.cpuid("cpu vendor (1 of 3)", 0, 0, kEbx, ~0U, four(amd ? "Auth" : "Genu"));
    facts.cpuid("cpu vendor (2 of 3)", 0, 0, kEdx, ~0U, four(amd ? "enti" : "ineI"));
    facts.cpuid("cpu vendor (3 of 3)", 0, 0, kEcx, ~0U, four(amd ? "cAMD" : "ntel"));
    facts.cpuid_at_least("highest cpuid leaf", 0, kEax, ~0U, 0xD);
    facts.cpuid_at_least("highest extended cpuid leaf", 0x8000'0000, kEax, ~0U, 0x8000'000A);
    facts.cpuid("svm", 0x8000'0001, 0, kEcx, extended1::kSvm, extended1::kSvm);
    facts.msr("svm enabled by firmware", 0xC001'0114, 1U << 4, 0); // VM_CR.SVMDIS (APM 2 §15.30.1)
    facts.cpuid("nested paging", 0x8000'000A, 0, kEdx, extendedA::kNestedPaging, extendedA::kNestedPaging);
    facts.cpuid_at_least("number of asids", 0x8000'000A, kEbx, ~0U, plan.partitions.size() + 1);
    facts.cpuid("long mode", 0x8000'0001, 0, kEdx, extended1::kLongMode, extended1::kLongMode);
    facts.cpuid("no-execute pages", 0x8000'0001, 0, kEdx, extended1::kNx, extended1::kNx);
    if (huge_pages) {
        facts.cpuid("1 GiB pages", 0x8000'0001, 0, kEdx, extended1::kPage1Gb, extended1::kPage1Gb);
    }
    if (board.physical_address_bits != 0) {
        facts.cpuid_at_least("physical address bits", 0x8000'0008, kEax, 0xFF, board.physical_address_bits);
    }
    // Guests are told sizes of XSAVE state that hold for x87, SSE and AVX.
    facts.cpuid("xsave and avx", 1, 0, kEcx, leaf1::kXsave | leaf1::kAvx, leaf1::kXsave | leaf1::kAvx);
    facts.cpuid("xsave states", 0xD, 0, kEax, leafD::kStates, leafD::kStates);
    const bool x2apic = board.apic.value == config::Apic::x2apic;
    facts.cpuid("x2apic", 1, 0, kEcx, leaf1::kX2apic, x2apic ? leaf1::kX2apic : 0U);
    // The CPUs of the package, less one (CPUID Fn8000_0008 ECX[7:0]), and those that share a core (Fn0000_000B).
    const std::size_t count = cpus_per_package(board);
    facts.cpuid(count == board.cpus.size() ? "number of cpus less one" : "cpus of a package less one", 0x8000'0008, 0,
                kEcx, 0xFF, count - 1);
    if (const std::uint32_t threads = threads_per_core(board); threads != 0) {
        facts.cpuid("threads per core", 0xB, 0, kEbx, 0xFFFF, threads);
    }
}

} // namespace

std::vector<Fact> board_facts(const Plan& plan, const config::Board& board, bool huge_pages) {
    Facts facts;
    processor_facts(facts, plan, board, huge_pages);
    constexpr std::uint64_t kPatReset = 0x0007'0406'0007'0406; // APM 2 §7.8.2
    facts.msr("page attribute table", 0x277, ~0ULL, kPatReset);
    facts.msr("mtrrs enabled", 0x2FF, 1U << 11, 1U << 11); // MTRRdefType.E (§7.7.2.1)
    if (board.microcode_floor != 0) {
        facts.msr_at_least("microcode patch level", 0x8B, 0xFFFF'FFFF, board.microcode_floor);
    }
    for (const auto& function : board.pci) {
        facts.pci("pci " + function.name.value, function.bdf, std::uint64_t{function.device} << 16U | function.vendor);
    }
    for (const auto& fact : pci_facts(plan, board)) {
        const auto function = std::find_if(board.pci.begin(), board.pci.end(),
                                           [&fact](const config::BoardPciFunction& f) { return f.bdf == fact.bdf; });
        facts.pci_bits(fact.what + " of " + function->name.value, fact.bdf, fact.offset, fact.mask, fact.expected);
    }
    return facts.take();
}

} // namespace septum::build
