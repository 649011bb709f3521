// SPDX-License-Identifier: Apache-2.0
// The IOMMU's tables, read back by a walk that follows the manuals' layouts word by word.
#include "build/tables/amdvi.hpp"
#include "build/tables/vtd.hpp"
#include "tests/unit/build/models.hpp"

#include <septum/guest/board.hpp>

namespace septum::build {
namespace {

using namespace test;

constexpr manifest::Range kKernel{Hpa{0x20'0000}, 0x1'0000};
constexpr IommuPlaces kPlaces{Hpa{0x700'0000}, Hpa{0x800'0000}};
constexpr std::uint64_t kAddress = 0x000F'FFFF'FFFF'F000ULL;

struct Made {
    config::Model model;
    Plan plan;
    Bytes written;
    Bytes sealed;
    manifest::Iommu record{};

    [[nodiscard]] std::uint64_t at(std::uint64_t address) const {
        if (address >= kPlaces.sealed.value && address < kPlaces.sealed.value + sealed.size()) {
            return get<std::uint64_t>(sealed, address - kPlaces.sealed.value);
        }
        EXPECT_GE(address, kPlaces.written.value);
        return get<std::uint64_t>(written, address - kPlaces.written.value);
    }
};

Made make(config::Model model) {
    Made made;
    made.model = std::move(model);
    auto outcome = place(made.model, kKernel);
    EXPECT_TRUE(outcome.ok());
    if (!outcome.ok()) {
        return made;
    }
    made.plan = std::move(*outcome.value);
    const auto sizes = iommu_sizes(made.plan, made.model.board);
    made.written.assign(sizes.written, 0);
    made.sealed.assign(sizes.sealed, 0);
    write_iommu_tables(made.plan, made.model.board, kPlaces, made.written, made.sealed);
    made.record = iommu_record(made.plan, made.model.board, kPlaces);
    return made;
}

// VT-d §9.1, §9.3, §9.8: where a request of `bdf` for `address` ends; 0 when it faults.
std::uint64_t vtd_walk(const Made& made, std::uint16_t bdf, std::uint64_t address) {
    const std::uint64_t root = made.at(made.record.root_table.value + (bdf >> 8U) * 16ULL);
    if ((root & 1U) == 0) {
        return 0;
    }
    const std::uint64_t context = (root & kAddress) + (bdf & 0xFFU) * 16ULL;
    if ((made.at(context) & 1U) == 0) {
        return 0;
    }
    EXPECT_EQ(made.at(context) & 0xFFEU, 0U); // second-level translation, faults reported
    int level = static_cast<int>(made.at(context + 8) & 7U) + 2;
    std::uint64_t table = made.at(context) & kAddress;
    for (;; --level) {
        const unsigned shift = 12U + 9U * static_cast<unsigned>(level - 1);
        const std::uint64_t entry = made.at(table + (address >> shift & 511U) * 8U);
        if ((entry & 3U) != 3U) {
            EXPECT_EQ(entry, 0U);
            return 0;
        }
        if (level == 1 || (entry & 0x80U) != 0) {
            return (entry & kAddress & ~((1ULL << shift) - 1)) | (address & ((1ULL << shift) - 1));
        }
        table = entry & kAddress;
    }
}

// AMD IOMMU §2.2.2, §2.2.3.
std::uint64_t amd_walk(const Made& made, std::uint16_t bdf, std::uint64_t address) {
    std::uint64_t entry = made.at(made.record.root_table.value + bdf * 32ULL);
    EXPECT_EQ(entry & 3U, 3U); // V, TV
    std::uint64_t level = entry >> 9U & 7U;
    while (level != 0) {
        if ((entry & 1U) == 0 || entry >> 61U != 3U) {
            return 0;
        }
        const auto shift = static_cast<unsigned>(3 + 9 * level);
        entry = made.at((entry & kAddress) + (address >> shift & 511U) * 8U);
        if ((entry & 1U) == 0) {
            EXPECT_EQ(entry, 0U);
            return 0;
        }
        EXPECT_EQ(entry >> 61U, 3U);
        const std::uint64_t next = entry >> 9U & 7U;
        if (next == 0) {
            return (entry & kAddress) | (address & ((1ULL << shift) - 1));
        }
        EXPECT_EQ(next, level - 1);
        level = next;
    }
    return 0;
}

using Walk = std::uint64_t (*)(const Made&, std::uint16_t, std::uint64_t);

// Every page of the owner's RAM, and around it nothing: no channel, no BAR, no interrupt window.
void expect_ram_only(const Made& made, Walk walk) {
    for (const auto& device : made.plan.devices) {
        const auto& ram = made.plan.partitions[device.partition].ram;
        for (std::uint64_t page = 0; page < ram.size; page += kPageSize) {
            ASSERT_EQ(walk(made, device.bdf, page), ram.base.value + page) << device.name;
        }
        for (const std::uint64_t address :
             {std::uint64_t{ram.size}, std::uint64_t{guest::kChannelBase}, std::uint64_t{guest::kPciBase},
              std::uint64_t{0xFEE0'0000}, std::uint64_t{guest::kHighRamBase},
              (std::uint64_t{1} << made.model.board.iommu.address_bits) - kPageSize}) {
            EXPECT_EQ(walk(made, device.bdf, address), 0U) << device.name << " " << address;
        }
    }
}

TEST(Vtd, DevicesReachTheirOwnersRamOnly) {
    for (const std::uint8_t bits : {std::uint8_t{39}, std::uint8_t{48}}) {
        for (const std::uint64_t page : {kPageSize, 2 * kMiB, kGiB}) {
            auto model = make_owners();
            model.board.iommu.address_bits = bits;
            model.board.iommu.largest_page = page;
            const Made made = make(model);
            expect_ram_only(made, vtd_walk);
            EXPECT_EQ(made.record.levels, bits == 39 ? 3U : 4U);
            EXPECT_EQ(made.record.capability & (3ULL << 9U), bits == 39 ? 1ULL << 9U : 1ULL << 10U);
            EXPECT_EQ(made.record.capability >> 34U, page == kPageSize ? 0U : page == kGiB ? 3U : 1U);
        }
    }
}

TEST(Vtd, EveryOtherRequesterFaults) {
    const Made made = make(make_owners());
    std::size_t present = 0;
    for (std::uint32_t bdf = 0; bdf < 0x1'0000; ++bdf) {
        const std::uint64_t root = made.at(made.record.root_table.value + (bdf >> 8U) * 16ULL);
        const bool open = (root & 1U) != 0 && made.at((root & kAddress) + (bdf & 0xFFU) * 16ULL) != 0;
        EXPECT_EQ(open, bdf == made.plan.devices[0].bdf || bdf == made.plan.devices[1].bdf) << bdf;
        present += open ? 1 : 0;
    }
    EXPECT_EQ(present, 2U);
    const std::uint64_t context = made.at(made.record.root_table.value + 16U) & kAddress; // bus 1
    EXPECT_EQ(made.at(context + 8) >> 8U, 2U);                                            // domain
}

TEST(Vtd, HandlesNameTheirSourceAndAreNotPresent) {
    const Made made = make(make_owners());
    EXPECT_EQ(made.record.interrupt_table_entries, 256U);
    for (std::uint64_t handle = 0; handle < 256; ++handle) {
        const std::uint64_t source = handle == 0 ? 0x0028U : handle <= 65 ? 0x0100U : 0U;
        EXPECT_EQ(made.at(made.record.interrupt_table.value + handle * 16), 0U);
        EXPECT_EQ(made.at(made.record.interrupt_table.value + handle * 16 + 8),
                  source == 0 ? 0U : source | 1ULL << 18U); // SVT = 01, SQ = 00
    }
}

TEST(Vtd, TheInterruptTableGrows) {
    auto model = make_owners();
    auto& board = model.board;
    const auto nvme = board.pci[function_named(board, "nvme0")];
    for (std::uint16_t i = 1; i < 4; ++i) {
        auto more = nvme;
        more.name.value += std::to_string(i);
        more.bdf = static_cast<std::uint16_t>(nvme.bdf + 8 * i);
        more.bars[0].base.value += i * 0x1'0000ULL;
        more.msix.entries = 200; // its owner sees 128
        board.pci.push_back(more);
        grant(model, 1, more.name.value, 52);
    }
    const Made made = make(model);
    EXPECT_EQ(made.record.interrupt_table_entries, 512U); // 1 + 65 + 3 × 128 = 450
    EXPECT_EQ(made.plan.devices.back().handles, 128U);
}

TEST(Vtd, NothingIsPresentWithoutDevices) {
    const Made made = make(make_pair());
    EXPECT_EQ(made.written, Bytes(4096, 0));
    EXPECT_EQ(made.sealed, Bytes(4096, 0));
    EXPECT_EQ(made.record.kind, manifest::IommuKind::vt_d);
    EXPECT_EQ(made.record.extended_mask, 0xAU); // QI, IR
    EXPECT_EQ(made.record.capability, 0U);
    EXPECT_EQ(made.record.queue, made.plan.iommu_block);
    EXPECT_EQ(made.record.log.value, made.plan.iommu_block.value + 0x1000U);
}

TEST(Iommu, NoneHasNothing) {
    auto model = make_pair();
    model.board.iommu = {};
    const Made made = make(model);
    EXPECT_TRUE(made.written.empty());
    EXPECT_TRUE(made.sealed.empty());
    EXPECT_EQ(made.record.registers.value, 0U);
    EXPECT_EQ(made.plan.iommu_block.value, 0U);
}

config::Model amd_owners(bool extended) {
    auto model = make_owners();
    config::BoardPciFunction unit;
    unit.name = {"iommu0", at(60)};
    unit.bdf = 1U << 3U;
    model.board.pci.push_back(unit);
    model.board.iommu = {};
    model.board.iommu.kind = config::BoardIommu::amd_vi;
    model.board.iommu.registers = {0xFED8'0000, at(7)};
    model.board.iommu.address_bits = 48;
    model.board.iommu.function = config::Spanned<std::string>{"iommu0", at(7)};
    model.board.iommu.extended_interrupts = extended;
    return model;
}

TEST(Amdvi, DevicesReachTheirOwnersRamOnly) {
    for (const std::uint64_t page : {kPageSize, 2 * kMiB, kGiB}) {
        auto model = amd_owners(true);
        model.board.iommu.largest_page = page;
        expect_ram_only(make(model), amd_walk);
    }
}

TEST(Amdvi, EveryRequesterIsValidAndWithoutAnOwnerPowerless) {
    const Made made = make(amd_owners(true));
    EXPECT_EQ(made.record.bdf, 0x08U);
    EXPECT_EQ(made.record.root_table, kPlaces.written);
    EXPECT_EQ(made.record.capability, 0xC4U); // XTSup, IASup, GASup
    EXPECT_EQ(made.record.capability_mask, 0xC4U);
    for (std::uint32_t bdf = 0; bdf < 0x1'0000; ++bdf) {
        const std::uint64_t entry = made.record.root_table.value + bdf * 32ULL;
        ASSERT_EQ(made.at(entry) & 3U, 3U);
        ASSERT_EQ(made.at(entry + 16) & 1U, 1U);
        ASSERT_EQ(made.at(entry + 16) >> 56U & 0xFU, 0U); // INIT, ExtINT, NMI not passed
        ASSERT_EQ(made.at(entry + 16) >> 62U, 0U);        // LINT0 and LINT1 neither
        ASSERT_EQ(made.at(entry + 24), 0U);
        if (bdf != made.plan.devices[0].bdf && bdf != made.plan.devices[1].bdf) {
            ASSERT_EQ(made.at(entry) >> 61U, 0U);
            ASSERT_EQ(made.at(entry + 8), 0U);
            ASSERT_EQ(made.at(entry + 16), 1U); // IntCtl = 00: aborted
            ASSERT_EQ(amd_walk(made, static_cast<std::uint16_t>(bdf), 0), 0U);
        }
    }
}

TEST(Amdvi, EachDeviceHasItsOwnInterruptTable) {
    for (const bool extended : {true, false}) {
        const Made made = make(amd_owners(extended));
        const auto tables = device_interrupt_tables(made.plan, made.model.board, kPlaces);
        ASSERT_EQ(tables.size(), 2U);
        EXPECT_NE(tables[0], tables[1]);
        for (std::size_t d = 0; d < 2; ++d) {
            const std::uint64_t word = made.at(made.record.root_table.value + made.plan.devices[d].bdf * 32ULL + 16);
            EXPECT_EQ(word & 0x000F'FFFF'FFFF'FFC0ULL, tables[d].value);
            EXPECT_EQ(word >> 60U & 3U, 2U);                // remapped
            EXPECT_EQ(word >> 1U & 0xFU, d == 0 ? 0U : 7U); // 1 and 128 entries
            EXPECT_EQ(made.at(tables[d].value), 0U);        // RemapEn = 0
            EXPECT_EQ(tables[d].value % kPageSize, 0U);
        }
        EXPECT_EQ(made.record.capability, extended ? 0xC4U : 0x40U);
        EXPECT_EQ(made.written.size(), 2 * kMiB + 2 * kPageSize);
    }
}

} // namespace
} // namespace septum::build
