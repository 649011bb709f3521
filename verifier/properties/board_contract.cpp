// SPDX-License-Identifier: Apache-2.0
// The board contract: every hardware fact that a proof uses is in the manifest, so that the kernel compares it with the
// machine before it launches anything.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/assigned.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/wording.hpp"
#include "verifier/properties/shared/words.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

// How many CPUs each processor package has.
std::map<std::uint32_t, std::uint64_t> packages(const config::Board& board) {
    std::map<std::uint32_t, std::uint64_t> sizes;
    for (const config::BoardCpu& cpu : board.cpus) {
        ++sizes[cpu.package];
    }
    return sizes;
}

void check_model(const Context& context, Judge& judge) {
    const config::Board& board = context.model.board;
    const auto say = [&](std::string message, const char* key, const config::Span& span, std::string witness) {
        judge.violated({.message = std::move(message),
                        .key = key,
                        .witness = std::move(witness),
                        .primary = span,
                        .help = "mend the board file; `septum board probe` on the machine writes a true one"});
    };
    std::map<std::uint32_t, config::Span> ids;
    for (const config::BoardCpu& cpu : board.cpus) {
        judge.rests_on(cpu.apic_id.span);
        if (!ids.emplace(cpu.apic_id.value, cpu.apic_id.span).second) {
            say(fmt::format("board `{}` has two CPUs with APIC id {}", board.name.value, cpu.apic_id.value), "apic",
                cpu.apic_id.span, fmt::format("APIC id {}", cpu.apic_id.value));
        }
    }
    const auto sizes = packages(board);
    for (const auto& [package, size] : sizes) {
        if (size != sizes.begin()->second) {
            say(fmt::format("package {} of board `{}` has {} CPUs and package {} has {}, but each CPU is asked alike",
                            sizes.begin()->first, board.name.value, sizes.begin()->second, package, size),
                "packages", board.cpus.front().apic_id.span, fmt::format("package {}", package));
        }
    }
    Pieces memory;
    const std::uint64_t limit = board.physical_address_bits >= 64 ? ~0ULL : 1ULL << board.physical_address_bits;
    for (std::size_t i = 0; i < board.memory.size(); ++i) {
        const config::BoardMemory& part = board.memory[i];
        judge.rests_on(part.base.span);
        const std::uint64_t end = part.base.value + part.size.value;
        memory.push_back({part.base.value, end, i});
        if (end < part.base.value || end > limit) {
            say(fmt::format("memory {} of board `{}` needs more than {} address bits", range(part.base.value, end),
                            board.name.value, board.physical_address_bits),
                "bits", part.base.span, "host-physical " + address(part.base.value));
        }
    }
    for (const Overlap& overlap : overlaps(memory)) {
        say(fmt::format("board `{}` lists memory {} twice", board.name.value, range(overlap.first, overlap.end)),
            "memory", board.memory[overlap.later].base.span, "host-physical " + address(overlap.first));
    }
    if (board.trampoline.value % kPageSize != 0 || board.trampoline.value == 0 ||
        board.trampoline.value + kPageSize > kMiB) {
        say(fmt::format("the trampoline at {} is not a page below 1 MiB", address(board.trampoline.value)),
            "trampoline", board.trampoline.span, "host-physical " + address(board.trampoline.value));
    }
    if (board.iommu.kind != config::BoardIommu::none) {
        const std::uint64_t registers = board.iommu.registers.value;
        judge.rests_on(board.iommu.registers.span);
        const std::uint64_t size = board.iommu.kind == config::BoardIommu::amd_vi ? 4 * kPageSize : kPageSize;
        if (registers % size != 0 || !common(memory, {{registers, registers + size, 0}}).empty()) {
            say(fmt::format("the IOMMU's registers at {} are not a page outside the memory", address(registers)),
                "iommu", board.iommu.registers.span, "host-physical " + address(registers));
        }
    }
}

// A fact that a proof needs.
struct Needed {
    manifest::FactKind kind;
    std::uint16_t index;
    std::uint32_t a;
    std::uint32_t b;
    std::uint64_t mask;
    std::uint64_t expected;
    std::string why;
};

// Does the recorded fact imply the needed one?
bool implies(const manifest::Fact& fact, const Needed& needed) {
    using enum manifest::FactKind;
    const bool same_kind = fact.kind == needed.kind || (needed.kind == cpuid_at_least && fact.kind == cpuid_bits);
    const bool cpuid = needed.kind == cpuid_bits || needed.kind == cpuid_at_least;
    const bool second = cpuid || needed.kind == pci_bits; // kinds that `b` belongs to
    if (!same_kind || fact.a != needed.a || (second && fact.b != needed.b) || (cpuid && fact.index != needed.index)) {
        return false;
    }
    // Bits above the needed ones that are looked at as well would let any number pass, were they not all demanded.
    const bool by_number = fact.kind == cpuid_at_least || fact.kind == msr_at_least;
    const bool beyond = by_number && ((fact.mask ^ fact.expected) & ~needed.mask) != 0;
    switch (needed.kind) {
    case cpuid_bits:
    case msr_bits:
    case pci_bits:
        return (fact.mask & needed.mask) == needed.mask && (fact.expected & needed.mask) == needed.expected &&
               (fact.expected & ~fact.mask) == 0;
    case cpuid_at_least:
    case msr_at_least:
        return (fact.mask & needed.mask) == needed.mask && (fact.expected & needed.mask) >= needed.expected && !beyond;
    case pci_function:
        return fact.expected == needed.expected;
    }
    return false;
}

constexpr std::uint16_t kEax = 0;
constexpr std::uint16_t kEbx = 1;
constexpr std::uint16_t kEcx = 2;
constexpr std::uint16_t kEdx = 3;

constexpr std::uint32_t kVmCr = 0xC001'0114; // APM 2 §15.30.1
constexpr std::uint64_t kSvmDisabled = 1U << 4;
constexpr std::uint32_t kPat = 0x277;         // APM 2 §7.8.2
constexpr std::uint32_t kMtrrDefault = 0x2FF; // APM 2 §7.7.2.1
constexpr std::uint64_t kMtrrsOn = 1U << 11;
constexpr std::uint64_t kBuffered = 1U << 4;              // VT-d CAP_REG.RWBF (§11.4.2): writes wait for a flush
constexpr std::uint64_t kCachesAbsent = 1U << 7;          // CAP_REG.CM: what is not present is cached as well
constexpr std::uint64_t kRemapping = 1U << 3;             // VT-d ECAP_REG.IR (§11.4.3)
constexpr std::uint64_t kExtendedInterruptMode = 1U << 4; // ECAP_REG.EIM
constexpr std::uint64_t kXtSup = 1U << 2;                 // AMD-Vi extended features (48882 §3.4.5)
constexpr std::uint64_t kGaSup = 1U << 7;

// The most CPUs that share a core.
std::uint64_t siblings(const config::Board& board) {
    std::map<std::uint32_t, std::uint64_t> cores;
    std::uint64_t most = 0;
    for (const config::BoardCpu& cpu : board.cpus) {
        most = std::max(most, ++cores[cpu.core]);
    }
    return most;
}

std::vector<Needed> needed(const Context& context) {
    using enum manifest::FactKind;
    const config::Board& board = context.model.board;
    std::vector<Needed> out{
        {cpuid_bits, kEcx, 0x8000'0001, 0, 1U << 2, 1U << 2, "the processor has SVM"},
        {cpuid_bits, kEdx, 0x8000'000A, 0, 1U << 0, 1U << 0, "the processor has nested paging"},
        {cpuid_bits, kEdx, 0x8000'0001, 0, 1U << 20, 1U << 20, "the processor has no-execute pages"},
        {cpuid_at_least, kEax, 0x8000'0008, 0, 0xFF, board.physical_address_bits,
         "the processor has the board's physical address bits"},
    };
    // The vendor's name: EBX, EDX, ECX of CPUID Fn0000_0000 (APM 3 appendix E), first letter lowest.
    const bool amd = board.vendor.value == config::Vendor::amd;
    const std::string_view vendor = amd ? "AuthenticAMD" : "GenuineIntel";
    constexpr std::uint16_t kOrder[] = {kEbx, kEdx, kEcx};
    for (std::size_t i = 0; i < 3; ++i) {
        std::uint64_t letters = 0;
        for (std::size_t j = 0; j < 4; ++j) {
            letters |= std::uint64_t{static_cast<unsigned char>(vendor[4 * i + j])} << (8 * j);
        }
        out.push_back({cpuid_bits, kOrder[i], 0, 0, 0xFFFF'FFFF, letters,
                       fmt::format("the processor's vendor is {} ({} of 3)", vendor, i + 1)});
    }
    out.push_back({msr_bits, 0, kVmCr, 0, kSvmDisabled, 0, "firmware left SVM usable"});
    out.push_back({msr_bits, 0, kPat, 0, ~0ULL, decode::kPatReset, "the page attribute table is as reset left it"});
    out.push_back({msr_bits, 0, kMtrrDefault, 0, kMtrrsOn, kMtrrsOn, "the memory type ranges are on"});
    for (const auto& [package, size] : packages(board)) {
        out.push_back({cpuid_bits, kEcx, 0x8000'0008, 0, 0xFF, size - 1,
                       fmt::format("processor package {} has {} CPUs", package, size)});
    }
    out.push_back(
        {cpuid_bits, kEbx, 0xB, 0, 0xFFFF, siblings(board), fmt::format("a core has {} threads", siblings(board))});
    std::uint32_t highest = 0;
    bool pages_1g = (context.facts->kernel.page_table.intervals.end() !=
                     std::find_if(context.facts->kernel.page_table.intervals.begin(),
                                  context.facts->kernel.page_table.intervals.end(),
                                  [](const Interval& i) { return (i.page_sizes & decode::kPage1G) != 0; }));
    for (const PartitionFacts& partition : context.facts->partitions) {
        highest = std::max(highest, partition.record.asid);
        for (const Interval& interval : partition.npt.intervals) {
            pages_1g = pages_1g || (interval.page_sizes & decode::kPage1G) != 0;
        }
    }
    out.push_back({cpuid_at_least, kEbx, 0x8000'000A, 0, 0xFFFF'FFFF, static_cast<std::uint64_t>(highest) + 1,
                   fmt::format("the processor has ASIDs up to {}", highest)});
    if (pages_1g) {
        out.push_back({cpuid_bits, kEdx, 0x8000'0001, 0, 1U << 26, 1U << 26, "the processor has 1 GiB pages"});
    }
    if (board.apic.value == config::Apic::x2apic) {
        out.push_back({cpuid_bits, kEcx, 0x1, 0, 1U << 21, 1U << 21, "the processor has x2APIC"});
    }
    if (board.microcode_floor != 0) {
        // AMD's patch level is the lower half of the register.
        const std::uint64_t mask = board.microcode_floor <= 0xFFFF'FFFF ? 0xFFFF'FFFF : ~0ULL;
        out.push_back({msr_at_least, 0, 0x8B, 0, mask, board.microcode_floor, "the microcode is new enough"});
    }
    for (const config::BoardPciFunction& function : board.pci) {
        out.push_back({pci_function, 0, function.bdf, 0, 0,
                       static_cast<std::uint64_t>(function.device) << 16 | function.vendor,
                       fmt::format("PCI function {} is {:04x}:{:04x}", requester_text(function.bdf), function.vendor,
                                   function.device)});
    }
    for (const AssignedDevice& device : assigned_devices(context)) {
        const config::BoardPciFunction& f = *device.function;
        // The configuration rules say what is harmless of these capabilities; of others it might not be.
        const auto begins = [&](unsigned at, std::uint32_t id, std::uint32_t more_mask, std::uint32_t more) {
            if (at != 0) {
                out.push_back({pci_bits, 0, f.bdf, at, 0xFFU | more_mask, id | more,
                               fmt::format("`{}` has capability {:#04x} at {:#04x}", f.name.value, id, at)});
            }
        };
        out.push_back({pci_bits, 0, f.bdf, 0xC, 0x7F'0000, 0, // header type (PCI 3.0 §6.2.1)
                       fmt::format("`{}` is no bridge", f.name.value)});
        begins(f.power_at, 0x01, 0, 0);
        begins(f.pcie_at, 0x10, 0, 0);
        begins(f.msi.at, 0x05, 0, 0);
        for (const config::BoardCapability& capability : f.capabilities) {
            begins(capability.at, capability.id, 0, 0);
        }
        if (f.msix.at != 0) { // where the pages lie that its owner does not get
            out.push_back({pci_bits, 0, f.bdf, f.msix.at, 0x07FF'00FF,
                           0x11U | static_cast<std::uint64_t>(f.msix.entries - 1) << 16,
                           fmt::format("`{}` has an MSI-X table of {} entries", f.name.value, f.msix.entries)});
            out.push_back({pci_bits, 0, f.bdf, f.msix.at + 4U, 0xFFFF'FFFF, f.msix.table_offset | f.msix.table_bar,
                           fmt::format("`{}` has its MSI-X table in BAR {} at {:#x}", f.name.value, f.msix.table_bar,
                                       f.msix.table_offset)});
        }
        if (f.reset == config::DeviceReset::power) { // No_Soft_Reset of PMCSR (PCI PM 1.2 §3.2.4)
            out.push_back({pci_bits, 0, f.bdf, f.power_at + 4U, 1U << 3, 0,
                           fmt::format("`{}` is reset by its power states", f.name.value)});
        }
        if (f.reset == config::DeviceReset::flr) { // Device Capabilities (PCIe 5.0 §7.5.3.3)
            out.push_back({pci_bits, 0, f.bdf, f.pcie_at + 4U, 1U << 28, 1U << 28,
                           fmt::format("`{}` can reset itself by its function", f.name.value)});
        }
    }
    return out;
}

manifest::IommuKind kind_of(config::BoardIommu kind) {
    switch (kind) {
    case config::BoardIommu::vt_d:
        return manifest::IommuKind::vt_d;
    case config::BoardIommu::amd_vi:
        return manifest::IommuKind::amd_vi;
    case config::BoardIommu::none:
        break;
    }
    return manifest::IommuKind::none;
}

// Bits of CAP_REG that the DMA tables in the image need (VT-d §11.4.2).
std::uint64_t capabilities_used(const DeviceFacts& unit) {
    std::uint64_t used = 0;
    for (const decode::DmaDomain& domain : unit.dma.domains) {
        used |= 1ULL << (8 + (domain.levels - 2)); // SAGAW: bit 1 three levels, bit 2 four, bit 3 five
        for (const Interval& interval : domain.reach) {
            used |= (interval.page_sizes & decode::kPage2M) != 0 ? 1ULL << 34 : 0; // SLLPS
            used |= (interval.page_sizes & decode::kPage1G) != 0 ? 1ULL << 35 : 0;
        }
    }
    return used;
}

void check_vtd(const Context& context, Judge& judge) {
    const config::BoardIommuUnit& board = context.model.board.iommu;
    const manifest::Iommu& unit = context.facts->manifest.header.iommu;
    const auto say = [&](std::string message, const char* key) {
        judge.violated({.message = std::move(message), .key = key, .primary = board.registers.span});
    };
    const std::uint64_t extended = unit.extended & unit.extended_mask;
    if ((extended & kRemapping) == 0) {
        say("the contract does not say that the IOMMU remaps interrupts", "iommu-remapping");
    }
    // The kernel chooses the format of destinations by this bit.
    if (board.extended_interrupts != ((extended & kExtendedInterruptMode) != 0)) {
        say(fmt::format("the contract {} that the IOMMU takes interrupt destinations of 32 bits",
                        board.extended_interrupts ? "does not say" : "says"),
            "iommu-eim");
    }
    if (unit.version != board.version) {
        say(fmt::format("the contract asks for version {:#x} of the IOMMU, expected {:#x}", unit.version,
                        board.version),
            "iommu-version");
    }
    // The kernel changes entries while partitions run, and takes what it wrote for what the unit sees.
    if (((~unit.capability_mask | unit.capability) & (kBuffered | kCachesAbsent)) != 0) {
        say("the contract does not say that the IOMMU sees changed entries at once, and keeps none that is not present",
            "iommu-coherent");
    }
    const std::uint64_t capability = unit.capability & unit.capability_mask;
    if (const std::uint64_t lacking = capabilities_used(context.facts->devices) & ~capability; lacking != 0) {
        say(fmt::format("the DMA tables use depths or page sizes that the contract does not ask of the IOMMU: "
                        "capability bits {:#x}",
                        lacking),
            "iommu-capability");
    }
    // ND: 2^(4 + 2n) domain ids.
    const std::uint64_t domains = (unit.capability_mask & 7) == 7 ? 1ULL << (4 + 2 * (unit.capability & 7)) : 16;
    for (const decode::DmaDomain& domain : context.facts->devices.dma.domains) {
        if (domain.id >= domains) {
            say(fmt::format("DMA domain {} is beyond the {} that the contract asks of the IOMMU", domain.id, domains),
                "iommu-domains");
            break;
        }
    }
}

void check_amd_vi(const Context& context, Judge& judge) {
    const config::BoardIommuUnit& board = context.model.board.iommu;
    const manifest::Iommu& unit = context.facts->manifest.header.iommu;
    const auto say = [&](std::string message, const char* key) {
        judge.violated({.message = std::move(message), .key = key, .primary = board.registers.span});
    };
    const auto& pci = context.model.board.pci;
    const auto it = std::find_if(pci.begin(), pci.end(), [&](const config::BoardPciFunction& function) {
        return board.function && function.name.value == board.function->value;
    });
    const std::uint64_t bdf = it == pci.end() ? manifest::kNobody : it->bdf;
    if (unit.bdf != bdf) {
        say(fmt::format("the image looks for the IOMMU's own function at {}, expected {}", requester_text(unit.bdf),
                        it == pci.end() ? "one that the board names" : requester_text(static_cast<std::uint32_t>(bdf))),
            "iommu-function");
    }
    // The kernel chooses the length of interrupt table entries by these bits.
    const std::uint64_t features = unit.capability & unit.capability_mask;
    if (board.extended_interrupts != ((features & kXtSup) != 0) ||
        (board.extended_interrupts && (features & kGaSup) == 0)) {
        say(fmt::format("the contract asks {} of the IOMMU, but the board file says otherwise",
                        (features & kXtSup) != 0 ? "interrupt destinations of 32 bits"
                                                 : "no interrupt destinations of 32 bits"),
            "iommu-xt");
    }
}

void check_unit(const Context& context, Judge& judge) {
    const config::Board& board = context.model.board;
    const manifest::Header& header = context.facts->manifest.header;
    const auto say = [&](std::string message, const char* key) {
        judge.violated({.message = std::move(message), .key = key, .primary = board.iommu.registers.span});
    };
    const manifest::IommuKind kind = kind_of(board.iommu.kind);
    const bool unit = kind != manifest::IommuKind::none;
    if (header.iommu.kind != kind) {
        const bool other = unit && context.facts->devices.present;
        say(other ? fmt::format("the image drives another kind of IOMMU than board `{}` has", board.name.value)
                  : fmt::format("the image {} an IOMMU, but board `{}` {}", unit ? "does not drive" : "drives",
                                board.name.value, unit ? "has one" : "has none"),
            "iommu");
        return;
    }
    if (!unit) {
        return;
    }
    if (header.iommu.registers.value != board.iommu.registers.value) {
        say(fmt::format("the image looks for the IOMMU at {}, expected {}", address(header.iommu.registers.value),
                        address(board.iommu.registers.value)),
            "iommu-registers");
    }
    if ((header.iommu.capability & ~header.iommu.capability_mask) != 0 ||
        (header.iommu.extended & ~header.iommu.extended_mask) != 0) {
        say("what the contract asks of the IOMMU can hold on no machine", "iommu-impossible");
    }
    const int levels = board.iommu.address_bits == 39 ? 3 : 4;
    std::uint64_t largest = 0;
    for (const decode::DmaDomain& domain : context.facts->devices.dma.domains) {
        for (const Interval& interval : domain.reach) {
            largest = std::max<std::uint64_t>(largest, (interval.page_sizes & decode::kPage1G) != 0   ? 1ULL << 30
                                                       : (interval.page_sizes & decode::kPage2M) != 0 ? 1ULL << 21
                                                                                                      : kPageSize);
        }
        if (domain.levels > levels) {
            say(fmt::format("DMA domain {} has {} levels of tables, but the IOMMU of board `{}` walks {}", domain.id,
                            domain.levels, board.name.value, levels),
                "iommu-levels");
        }
    }
    if (largest > board.iommu.largest_page) {
        say(fmt::format("the DMA tables use pages of {}, but the board's IOMMU takes at most {}", bytes_text(largest),
                        bytes_text(board.iommu.largest_page)),
            "iommu-pages");
    }
    if (board.ecam ? header.ecam.value != 0 && header.ecam.value != board.ecam->value : header.ecam.value != 0) {
        say(fmt::format("the image has configuration space at {}, which board `{}` does not",
                        address(header.ecam.value), board.name.value),
            "ecam");
    }
    if (kind == manifest::IommuKind::vt_d) {
        check_vtd(context, judge);
    } else {
        check_amd_vi(context, judge);
    }
}

// The register that a fact is about: facts of one register are compared. Numbers and bits of an MSR are kept apart.
using Register = std::tuple<int, std::uint32_t, std::uint32_t, std::uint32_t>;

Register register_of(manifest::FactKind kind, std::uint32_t index, std::uint32_t a, std::uint32_t b) {
    using enum manifest::FactKind;
    switch (kind) {
    case cpuid_bits:
    case cpuid_at_least:
        return {0, index, a, b};
    case pci_bits:
        return {1, 0, a, b};
    case msr_bits:
    case msr_at_least:
    case pci_function:
        break;
    }
    return {2 + static_cast<int>(kind), 0, a, 0};
}

smt::Demand demand(manifest::FactKind kind, std::uint64_t mask, std::uint64_t expected) {
    using enum manifest::FactKind;
    return {kind == pci_function ? ~0ULL : mask, expected, kind == cpuid_at_least || kind == msr_at_least};
}

void unit_words(const Context& context, Words& words) {
    const config::BoardIommuUnit& board = context.model.board.iommu;
    const manifest::Header& header = context.facts->manifest.header;
    const manifest::Iommu& unit = header.iommu;
    words.is(static_cast<std::uint64_t>(unit.kind), static_cast<std::uint64_t>(kind_of(board.kind)));
    if (unit.kind != kind_of(board.kind) || board.kind == config::BoardIommu::none) {
        return;
    }
    words.is(unit.registers.value, board.registers.value);
    words.none_of(unit.capability, ~unit.capability_mask);
    words.none_of(unit.extended, ~unit.extended_mask);
    if (header.ecam.value != 0) {
        words.is(header.ecam.value, context.model.board.ecam ? context.model.board.ecam->value : 0);
    }
    const std::uint64_t capability = unit.capability & unit.capability_mask;
    const bool vt_d = board.kind == config::BoardIommu::vt_d;
    const std::uint64_t too_large = (board.largest_page < 1ULL << 21 ? decode::kPage2M : 0U) |
                                    (board.largest_page < 1ULL << 30 ? decode::kPage1G : 0U);
    for (const decode::DmaDomain& domain : context.facts->devices.dma.domains) {
        words.between(static_cast<std::uint64_t>(domain.levels), 0, board.address_bits == 39 ? 3 : 4);
        std::uint64_t pages = 0;
        for (const Interval& interval : domain.reach) {
            pages |= interval.page_sizes;
        }
        words.none_of(pages, too_large);
        if (vt_d) { // SAGAW, SLLPS and ND (§11.4.2)
            const std::uint64_t used = 1ULL << (6 + domain.levels) | ((pages & decode::kPage2M) != 0 ? 1ULL << 34 : 0) |
                                       ((pages & decode::kPage1G) != 0 ? 1ULL << 35 : 0);
            words.is(capability, used, used);
            const std::uint64_t count = (unit.capability_mask & 7) == 7 ? 16ULL << 2 * (unit.capability & 7) : 16;
            words.between(domain.id, 0, count - 1);
        }
    }
    if (vt_d) {
        words.is(unit.version, board.version);
        words.is(unit.capability_mask, kBuffered | kCachesAbsent, kBuffered | kCachesAbsent);
        words.none_of(unit.capability, kBuffered | kCachesAbsent);
        words.is(unit.extended & unit.extended_mask,
                 kRemapping | (board.extended_interrupts ? kExtendedInterruptMode : 0),
                 kRemapping | kExtendedInterruptMode);
        return;
    }
    std::uint64_t bdf = manifest::kNobody;
    for (const config::BoardPciFunction& function : context.model.board.pci) {
        if (bdf == manifest::kNobody && board.function && function.name.value == board.function->value) {
            bdf = function.bdf;
        }
    }
    words.is(unit.bdf, bdf);
    words.is(capability, board.extended_interrupts ? kXtSup | kGaSup : 0,
             board.extended_interrupts ? kXtSup | kGaSup : kXtSup);
}

// The same for the solver: is there a value of a register that a fact lets pass and a proof can't bear? And words.
smt::Answer by_solver(const Context& context, unsigned timeout) {
    const config::Board& board = context.model.board;
    const decode::Manifest& manifest = context.facts->manifest;
    Words words;
    words.text(decode::text(manifest.header.board), board.name.value);
    words.is(static_cast<std::uint64_t>(manifest.header.apic), board.apic.value == config::Apic::x2apic ? 1 : 2);
    words.is(manifest.header.trampoline.value, board.trampoline.value);
    unit_words(context, words);
    std::map<std::uint32_t, std::uint64_t> functions;
    for (const config::BoardPciFunction& function : board.pci) {
        functions.emplace(function.bdf, static_cast<std::uint64_t>(function.device) << 16 | function.vendor);
    }
    std::multimap<Register, smt::Demand> made;
    for (const manifest::Fact& fact : manifest.facts) {
        const bool function = fact.kind == manifest::FactKind::pci_function;
        words.between(static_cast<std::uint64_t>(fact.kind), static_cast<std::uint64_t>(manifest::FactKind::cpuid_bits),
                      static_cast<std::uint64_t>(manifest::FactKind::pci_bits));
        words.between(fact.index, 0, 3);
        if (const auto known = functions.find(fact.a); !function) {
            words.none_of(fact.expected, ~fact.mask);
        } else if (known == functions.end()) {
            words.lacking();
        } else {
            words.is(fact.expected, known->second);
        }
        made.emplace(register_of(fact.kind, fact.index, fact.a, fact.b), demand(fact.kind, fact.mask, fact.expected));
    }
    std::vector<smt::Implied> all;
    for (const Needed& need : needed(context)) {
        smt::Implied& implied = all.emplace_back();
        implied.needed = demand(need.kind, need.mask, need.expected);
        const auto [first, end] = made.equal_range(register_of(need.kind, need.index, need.a, need.b));
        for (auto it = first; it != end; ++it) {
            if (!it->second.at_least || implied.needed.at_least) { // a number says nothing of bits
                implied.made.push_back(it->second);
            }
        }
    }
    return smt::together({words.allowed("board.contract: records", timeout),
                          smt::all_implied("board.contract: what proofs need", all, timeout)});
}

void check_bytes(const Context& context, Judge& judge) {
    const std::size_t before = judge.found();
    const config::Board& board = context.model.board;
    const manifest::Header& header = context.facts->manifest.header;
    const auto say = [&](std::string message, std::string key, const config::Span& span) {
        judge.violated({.message = std::move(message), .key = std::move(key), .primary = span});
    };
    if (decode::text(header.board) != board.name.value) {
        say(fmt::format("the image is for board `{}`, expected `{}`", decode::text(header.board), board.name.value),
            "board", board.name.span);
    }
    const auto mode = board.apic.value == config::Apic::x2apic ? manifest::ApicMode::x2apic : manifest::ApicMode::xapic;
    if (header.apic != mode) {
        const bool x2apic = mode == manifest::ApicMode::x2apic;
        say(fmt::format("the image drives the APIC as {}, expected {}", x2apic ? "xapic" : "x2apic",
                        x2apic ? "x2apic" : "xapic"),
            "apic", board.apic.span);
    }
    if (header.trampoline.value != board.trampoline.value) {
        say(fmt::format("the image wakes processors at {}, expected {}", address(header.trampoline.value),
                        address(board.trampoline.value)),
            "trampoline", board.trampoline.span);
    }
    check_unit(context, judge);
    const std::vector<manifest::Fact>& facts = context.facts->manifest.facts;
    for (const Needed& need : needed(context)) {
        const bool there =
            std::any_of(facts.begin(), facts.end(), [&](const manifest::Fact& fact) { return implies(fact, need); });
        if (!there) {
            judge.violated({.message = fmt::format("the contract does not say that {}", need.why),
                            .key = need.why,
                            .witness = fmt::format("kind {}, {:#x}", static_cast<unsigned>(need.kind), need.a),
                            .primary = board.name.span});
        }
    }
    // The kernel refuses a machine with a function that no fact names: each fact of this kind also lets one in.
    for (const manifest::Fact& fact : facts) {
        if (fact.kind != manifest::FactKind::pci_function) {
            continue;
        }
        const bool known = std::any_of(board.pci.begin(), board.pci.end(), [&](const config::BoardPciFunction& one) {
            return one.bdf == fact.a && (static_cast<std::uint64_t>(one.device) << 16 | one.vendor) == fact.expected;
        });
        if (!known) {
            judge.violated({.message = fmt::format(
                                "the contract lets in PCI function {} with id {:04x}:{:04x}, which board "
                                "`{}` does not have",
                                requester_text(fact.a), fact.expected & 0xFFFF, fact.expected >> 16, board.name.value),
                            .key = fmt::format("pci:{:#x}", fact.a),
                            .witness = "requester " + requester_text(fact.a),
                            .primary = board.name.span});
        }
    }
    // A fact that nothing can satisfy would keep every machine out, or hide what it replaces.
    for (const manifest::Fact& fact : facts) {
        const auto kind = static_cast<unsigned>(fact.kind);
        if (kind < static_cast<unsigned>(manifest::FactKind::cpuid_bits) ||
            kind > static_cast<unsigned>(manifest::FactKind::pci_bits) || fact.index > 3 ||
            (fact.kind != manifest::FactKind::pci_function && (fact.expected & ~fact.mask) != 0)) {
            say(fmt::format("the fact `{}` of the contract can hold on no machine", decode::text(fact.name)),
                "fact:" + decode::text(fact.name), board.name.span);
        }
    }
    judge.solver_agrees(judge.found() == before, [&](unsigned timeout) { return by_solver(context, timeout); });
}

} // namespace

const Property kBoardContract{
    .id = "board.contract",
    .title = "the image names every fact of the board that the proof uses",
    .statement =
        "The manifest records the board's name, APIC mode, start page and IOMMU, and the facts that the kernel "
        "compares with the machine include every one that a proof here rests on: vendor, SVM, nested paging, "
        "no-execute, address width, ASIDs, page sizes, x2APIC, microcode, every PCI function and no other, the "
        "IOMMU's kind and the depth, page sizes and interrupt formats that its tables use, that the unit keeps no "
        "absent entry and needs no flush of writes, and of assigned functions the header, what capability begins "
        "where, the MSI-X table and that it can be reset as the image says. The board file itself is free of "
        "contradictions.",
    .level = Level::bytes,
    .rests_on = "the kernel's comparison at boot, which is tested, not proved",
    .manual = "septum/manifest/manifest.hpp: Fact",
    .mend = "build the image anew for this board",
    .model = check_model,
    .bytes = check_bytes,
};

} // namespace septum::verifier
