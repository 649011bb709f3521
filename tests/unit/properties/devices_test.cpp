// SPDX-License-Identifier: Apache-2.0
// Appliances whose partitions own devices, behind either unit: proved both ways as built, and each property of devices
// seen to say what breaks it.
#include "tests/mutation/editor.hpp"
#include "verifier/verifier.hpp"

#include <septum/guest/board.hpp>

#include <gtest/gtest.h>

#include <functional>

namespace septum::verifier {

namespace {

namespace m = manifest;
using mutation::Editor;
using mutation::Machine;

constexpr std::uint16_t kDisk = 0x100; // `alpha`
constexpr std::uint16_t kNic = 0x200;  // `gamma`

std::uint64_t index_of(const Editor& e, std::uint16_t bdf) {
    for (std::uint64_t i = 0; i < e.header().devices.count; ++i) {
        if (e.record<m::Device>(e.header().devices, i).bdf == bdf) {
            return i;
        }
    }
    return 0;
}
m::Device device(const Editor& e, std::uint16_t bdf) {
    return e.record<m::Device>(e.header().devices, index_of(e, bdf));
}
void change_device(Editor& e, std::uint16_t bdf, const std::function<void(m::Device&)>& change) {
    e.change<m::Device>(e.header().devices, index_of(e, bdf), change);
}
void change_rule(Editor& e, std::uint16_t bdf, std::uint8_t offset,
                 const std::function<void(m::PciRegister&)>& change) {
    const m::Slice rules = device(e, bdf).registers;
    for (std::uint64_t i = 0; i < rules.count; ++i) {
        if (e.record<m::PciRegister>(e.header().pci_registers, rules.first + i).offset == offset) {
            e.change<m::PciRegister>(e.header().pci_registers, rules.first + i, change);
        }
    }
}

// Where the words of a requester lie: its VT-d context entry, or its AMD-Vi device table entry.
std::uint64_t words(const Editor& e, std::uint16_t bdf) {
    if (e.header().iommu.kind == m::IommuKind::amd_vi) {
        return e.header().iommu.root_table.value + bdf * 32ULL;
    }
    const auto root = e.at<std::uint64_t>(e.header().iommu.root_table.value + (bdf >> 8) * 16ULL);
    return (root & ~0xFFFULL) + (bdf & 0xFF) * 16ULL;
}

// The first entry of the innermost table on the way to the first page of a requester.
std::uint64_t leaf_of(const Editor& e, std::uint16_t bdf) {
    const bool amd = e.header().iommu.kind == m::IommuKind::amd_vi;
    constexpr std::uint64_t kAddress = 0x000F'FFFF'FFFF'F000;
    std::uint64_t at = e.at<std::uint64_t>(words(e, bdf)) & kAddress;
    for (int level = 0; level < 5; ++level) {
        const auto entry = e.at<std::uint64_t>(at);
        const bool leaf = amd ? (entry >> 9 & 7) == 0 : (entry & 0x80) != 0 || level == 2;
        if (leaf) {
            return at;
        }
        at = entry & kAddress;
    }
    return at;
}

std::uint64_t handle_at(const Editor& e, std::uint16_t bdf) {
    return e.header().iommu.interrupt_table.value + device(e, bdf).first_handle * 16ULL;
}

struct Break {
    const char* id;
    const char* words; // in the finding's message
    std::function<void(Editor&)> apply;
};

std::vector<Break> common_breaks() {
    return {
        {"dev.exists", "has no such device",
         [](Editor& e) { change_device(e, kNic, [](m::Device& d) { d.bdf = 0xFA; }); }},
        {"dev.exists", "belongs to nobody, expected `gamma`",
         [](Editor& e) { change_device(e, kNic, [](m::Device& d) { d.bdf = 0xFA; }); }},
        {"dev.exclusive", "is given away twice",
         [](Editor& e) { change_device(e, kNic, [](m::Device& d) { d.bdf = kDisk; }); }},
        {"dev.reset", "is reset in another way",
         [](Editor& e) { change_device(e, kDisk, [](m::Device& d) { d.reset_at = 0x60; }); }},
        {"dev.bars-owned", "lies at 0xf0008000..0xf000c000 in the image",
         [](Editor& e) {
             e.change<m::Bar>(e.header().bars, device(e, kDisk).bars.first,
                              [](m::Bar& b) { b.memory.base = Hpa{0xF000'8000}; });
         }},
        {"dev.bars-owned", "outside the window",
         [](Editor& e) {
             e.change<m::Bar>(e.header().bars, device(e, kDisk).bars.first,
                              [](m::Bar& b) { b.gpa = Gpa{0xD000'0000}; });
         }},
        {"dev.bars-owned", "is shown at 0xf0000000, expected 0xe000",
         [](Editor& e) {
             e.change<m::Bar>(e.header().bars, device(e, kDisk).bars.first,
                              [](m::Bar& b) { b.gpa = Gpa{0xF000'0000}; });
         }},
        {"dev.bars-owned", "reaches BAR 0 of `card`",
         [](Editor& e) {
             for (const mutation::Entry& entry : e.entries(e.partition(0).npt_root.value)) {
                 if (entry.level == 1 && entry.input == 0x1000) {
                     e.put(entry.address, std::uint64_t{0xF060'0000} | 0x7F);
                 }
             }
         }},
        {"mem.exact", "is declared, but `alpha` does not reach it",
         [](Editor& e) {
             for (const mutation::Entry& entry : e.entries(e.partition(0).npt_root.value)) {
                 if (entry.leaf && entry.input >= guest::kPciBase && entry.input < guest::kPciLimit) {
                     e.put(entry.address, std::uint64_t{0});
                 }
             }
         }},
        {"mem.memory-type", "as write-back, expected uncacheable",
         [](Editor& e) {
             for (const mutation::Entry& entry : e.entries(e.partition(0).npt_root.value)) {
                 if (entry.leaf && entry.input >= guest::kPciBase && entry.input < guest::kPciLimit) {
                     e.put(entry.address, entry.value & ~0x18ULL);
                 }
             }
         }},
        {"mem.kernel-private", "", [](Editor& e) { e.change_header([](m::Header& h) { h.ecam = Hpa{0xF000'0000}; }); }},
        {"dma.p2p", "programs a bridge at 00:02.0",
         [](Editor& e) {
             e.change<m::Bridge>(e.header().bridges, 0, [](m::Bridge& b) { b.window.size += 0x10'0000; });
         }},
        {"dma.p2p", "programs a bridge at 00:02.0",
         [](Editor& e) { e.change<m::Bridge>(e.header().bridges, 0, [](m::Bridge& b) { b.acs = 0; }); }},
        {"dma.confined", "but the manifest says",
         [](Editor& e) { change_device(e, kNic, [](m::Device& d) { d.domain = 9; }); }},
        {"dma.confined", "which is not its owner's RAM",
         [](Editor& e) { e.put(words(e, kNic), e.at<std::uint64_t>(words(e, kDisk))); }},
        {"irq.owned", "MSI-X entries: 0x44, expected 0x41",
         [](Editor& e) { change_device(e, kDisk, [](m::Device& d) { d.msix_entries = 0x44; }); }},
        {"irq.owned", "an MSI-X table at 0x1000, expected 0x2000",
         [](Editor& e) { change_device(e, kDisk, [](m::Device& d) { d.msix_offset = 0x1000; }); }},
        {"pci.config-filtered", "lets bits 0..0 of the hardware be written",
         [](Editor& e) { change_rule(e, kDisk, 4, [](m::PciRegister& r) { r.write_mask |= 1; }); }},
        {"pci.config-filtered", "legacy interrupts",
         [](Editor& e) { change_rule(e, kDisk, 4, [](m::PciRegister& r) { r.set &= ~0x400U; }); }},
        {"pci.config-filtered", "is answered by hardware, expected a virtual BAR",
         [](Editor& e) {
             change_rule(e, kDisk, 0x10, [](m::PciRegister& r) {
                 r.answer = m::PciAnswer::hardware;
                 r.write_mask = ~0U;
             });
         }},
        {"pci.config-filtered", "is the virtual register of another BAR",
         [](Editor& e) { change_rule(e, kNic, 0x14, [](m::PciRegister& r) { r.bar = 1; }); }},
        {"pci.config-filtered", "which the board does not state",
         [](Editor& e) { change_rule(e, kDisk, 0x34, [](m::PciRegister& r) { r.set = 0xC0; }); }},
        {"pci.config-filtered", "a fixed successor",
         [](Editor& e) { change_rule(e, kDisk, 0x40, [](m::PciRegister& r) { r.read_mask |= 0xFF00; }); }},
        {"pci.config-filtered", "lets bits 29..29 of the hardware be written",
         [](Editor& e) { change_rule(e, kDisk, 0x40, [](m::PciRegister& r) { r.write_mask |= 1U << 29; }); }},
        {"pci.config-filtered", "lets bits 15..15 of the hardware be written",
         [](Editor& e) { change_rule(e, kDisk, 0x88, [](m::PciRegister& r) { r.write_mask |= 1U << 15; }); }},
        {"pci.config-filtered", "interrupt pin",
         [](Editor& e) {
             change_rule(e, kDisk, 0x34, [](m::PciRegister& r) {
                 r.offset = 0x3C;
                 r.set = 0x100;
             });
         }},
        {"pci.config-filtered", "on bus 1",
         [](Editor& e) { change_device(e, kDisk, [](m::Device& d) { d.virtual_bdf = 0x108; }); }},
        {"pci.config-filtered", "has two functions",
         [](Editor& e) { change_device(e, kDisk, [](m::Device& d) { d.virtual_bdf = 0; }); }},
        {"pci.config-filtered", "has no function 0",
         [](Editor& e) { change_device(e, kDisk, [](m::Device& d) { d.virtual_bdf |= 1; }); }},
        {"irq.vectors", "which board `bench` does not have",
         [](Editor& e) { e.change_header([](m::Header& h) { h.watchdog.apic_id = 77; }); }},
        {"irq.vectors", "the IOMMU's NMI goes to APIC id 4294967295",
         [](Editor& e) { e.change_header([](m::Header& h) { h.iommu.fault_apic_id = 0xFFFF'FFFF; }); }},
        {"io.answers", "the configuration",
         [](Editor& e) {
             for (std::uint64_t i = 0; i < e.header().ports.count; ++i) {
                 e.change<m::PortRule>(e.header().ports, i, [](m::PortRule& r) {
                     if (r.answer == m::PortAnswer::pci_data) {
                         r.answer = m::PortAnswer::pci_address;
                     }
                 });
             }
         }},
        {"cpu.exclusive", "overlap",
         [](Editor& e) {
             const Hpa other = device(e, kDisk).block;
             change_device(e, kNic, [&](m::Device& d) { d.block = other; });
         }},
        {"board.contract", "has an MSI-X table of 65 entries",
         [](Editor& e) {
             for (std::uint64_t i = 0; i < e.header().facts.count; ++i) {
                 e.change<m::Fact>(e.header().facts, i, [](m::Fact& f) {
                     if (f.kind == m::FactKind::pci_bits && f.a == kDisk && f.b == 0x40) {
                         f.mask = f.expected = 0;
                     }
                 });
             }
         }},
        {"mem.kernel-exact", "expected",
         [](Editor& e) {
             // The table of the first partition's memory, which nobody writes at run time.
             const std::uint64_t page = e.partition(0).npt_root.value;
             for (const mutation::Entry& entry : e.entries(e.header().kernel_page_tables.value)) {
                 const std::uint64_t size = 1ULL << (12 + 9 * (entry.level - 1));
                 if (entry.leaf && entry.input <= page && page - entry.input < size) {
                     e.put(entry.address, entry.value | 2);
                 }
             }
         }},
    };
}

std::vector<Break> vtd_breaks() {
    return {
        {"dma.absent-blocked", "are blocked, expected translated",
         [](Editor& e) { e.put(words(e, kNic), std::uint64_t{0}); }},
        {"dma.absent-blocked", "are translated, expected blocked",
         [](Editor& e) {
             e.put(words(e, kNic) + 16, e.at<std::uint64_t>(words(e, kNic)));
             e.put(words(e, kNic) + 24, e.at<std::uint64_t>(words(e, kNic) + 8));
         }},
        {"dma.absent-blocked", "keeps its faults from being reported",
         [](Editor& e) { e.put(words(e, kNic), e.at<std::uint64_t>(words(e, kNic)) | 2); }},
        {"dma.no-passthrough", "untranslated", [](Editor& e) { e.put(words(e, kNic), std::uint64_t{1 | 2 << 2}); }},
        {"dma.ats-off", "the device says are translated",
         [](Editor& e) { e.put(words(e, kNic), e.at<std::uint64_t>(words(e, kNic)) | 1 << 2); }},
        {"dma.confined", "means two sets of tables",
         [](Editor& e) { e.put(words(e, kNic) + 8, e.at<std::uint64_t>(words(e, kDisk) + 8)); }},
        {"dma.confined", "expected its owner's RAM with rw-",
         [](Editor& e) { e.put(leaf_of(e, kNic), e.at<std::uint64_t>(leaf_of(e, kNic)) & ~2ULL); }},
        {"dma.confined", "which is its owner's RAM", [](Editor& e) { e.put(leaf_of(e, kNic), std::uint64_t{0}); }},
        {"dma.p2p", "where interrupts are sent",
         [](Editor& e) { e.put(leaf_of(e, kNic), std::uint64_t{0xFEE0'0000} | 3 | 0x80); }},
        {"dma.p2p", "BAR 0 of `card`",
         [](Editor& e) { e.put(leaf_of(e, kNic), std::uint64_t{0xF060'0000} | 3 | 0x80); }},
        {"irq.owned", "expected 01:00.0",
         [](Editor& e) { e.put(handle_at(e, kDisk) + 8, std::uint64_t{kNic} | 1 << 18); }},
        {"irq.owned", "belongs to 02:00.0 and to",
         [](Editor& e) {
             const std::uint32_t first = device(e, kDisk).first_handle;
             change_device(e, kNic, [&](m::Device& d) { d.first_handle = first; });
         }},
        {"irq.remapped", "is present before any guest runs",
         [](Editor& e) { e.put(handle_at(e, kDisk), std::uint64_t{1 | 0x41 << 16}); }},
        {"irq.source-checked", "may be used by every device",
         [](Editor& e) { e.put(handle_at(e, kDisk) + 8, std::uint64_t{kDisk}); }},
        {"irq.source-checked", "may be used by other functions too",
         [](Editor& e) { e.put(handle_at(e, kDisk) + 8, std::uint64_t{kDisk} | 1 << 18 | 1 << 16); }},
        {"irq.vectors", "expected an NMI to",
         [](Editor& e) {
             const std::uint64_t at = e.header().iommu.interrupt_table.value + e.header().watchdog.handle * 16ULL;
             e.put(at, (e.at<std::uint64_t>(at) & ~0xE0ULL) | 2 << 5); // SMI
         }},
        {"irq.remapped", "the watchdog's interrupt entry",
         [](Editor& e) {
             const std::uint64_t at = e.header().iommu.interrupt_table.value + e.header().watchdog.handle * 16ULL;
             e.put(at, std::uint64_t{0});
         }},
        {"irq.owned", "expected 00:1f.0",
         [](Editor& e) {
             const std::uint64_t at = e.header().iommu.interrupt_table.value + e.header().watchdog.handle * 16ULL;
             e.put(at + 8, e.at<std::uint64_t>(at + 8) ^ 1);
         }},
        {"board.contract", "takes interrupt destinations of 32 bits",
         [](Editor& e) {
             e.change_header([](m::Header& h) { h.iommu.extended = h.iommu.extended_mask = h.iommu.extended & 8; });
         }},
        {"board.contract", "`disk` has capability 0x01 at 0x60",
         [](Editor& e) {
             for (std::uint64_t i = 0; i < e.header().facts.count; ++i) {
                 e.change<m::Fact>(e.header().facts, i, [](m::Fact& f) {
                     if (f.kind == m::FactKind::pci_bits && f.a == kDisk && f.b == 0x60) {
                         f.mask = f.expected = 0;
                     }
                 });
             }
         }},
        {"board.contract", "`card` is reset by its power states",
         [](Editor& e) {
             for (std::uint64_t i = 0; i < e.header().facts.count; ++i) {
                 e.change<m::Fact>(e.header().facts, i, [](m::Fact& f) {
                     if (f.kind == m::FactKind::pci_bits && f.b == 0x54) {
                         f.mask = f.expected = 0;
                     }
                 });
             }
         }},
        {"board.contract", "`disk` is no bridge",
         [](Editor& e) {
             for (std::uint64_t i = 0; i < e.header().facts.count; ++i) {
                 e.change<m::Fact>(e.header().facts, i, [](m::Fact& f) {
                     if (f.kind == m::FactKind::pci_bits && f.a == kDisk && f.b == 0xC) {
                         f.mask = f.expected = 0;
                     }
                 });
             }
         }},
        {"board.contract", "depths or page sizes",
         [](Editor& e) { e.change_header([](m::Header& h) { h.iommu.capability = h.iommu.capability_mask = 0; }); }},
    };
}

std::vector<Break> amd_breaks() {
    constexpr std::uint64_t kRead = 1ULL << 61;
    constexpr std::uint64_t kWrite = 1ULL << 62;
    const auto flip = [](std::uint16_t bdf, unsigned word, std::uint64_t bits) {
        return [=](Editor& e) {
            e.put(words(e, bdf) + 8ULL * word, e.at<std::uint64_t>(words(e, bdf) + 8ULL * word) ^ bits);
        };
    };
    return {
        {"dma.absent-blocked", "are blocked, expected translated", flip(kNic, 0, kRead | kWrite)},
        {"dma.absent-blocked", "expected blocked", flip(0x1234, 0, kRead | kWrite)},
        {"dma.absent-blocked", "keeps its faults from being reported", flip(kNic, 1, 1ULL << 33)},
        {"dma.absent-blocked", "lets the exclusion range", flip(0x7000, 1, 1ULL << 39)},
        {"dma.absent-blocked", "system management", flip(0x7000, 1, 1ULL << 40)},
        {"dma.no-passthrough", "untranslated", flip(0x1234, 0, 1)},
        {"dma.no-passthrough", "untranslated", flip(0xFFFF, 0, 2)},
        {"dma.no-passthrough", "untranslated",
         [](Editor& e) { e.put(words(e, kNic), std::uint64_t{3} | kRead | kWrite); }},
        {"dma.ats-off", "the device says are translated", flip(kNic, 1, 1ULL << 32)},
        {"dma.confined", "means two sets of tables",
         [](Editor& e) { e.put(words(e, kNic) + 8, e.at<std::uint64_t>(words(e, kDisk) + 8)); }},
        {"dma.confined", "expected its owner's RAM with rw-", flip(kNic, 0, kWrite)},
        {"dma.confined", "which is its owner's RAM", [](Editor& e) { e.put(leaf_of(e, kNic), std::uint64_t{0}); }},
        {"dma.p2p", "where interrupts are sent",
         [](Editor& e) { e.put(leaf_of(e, kNic), std::uint64_t{0xFEE0'0000} | 1 | kRead | kWrite); }},
        {"irq.owned", "expected blocked", flip(0x1234, 2, 2ULL << 60)},
        {"irq.owned", "expected remapped by the table of `disk`", flip(kDisk, 2, 2ULL << 60)},
        {"irq.owned", "entries, expected 65", flip(kDisk, 2, 1 << 1)},
        {"irq.owned", "share an interrupt table",
         [](Editor& e) {
             const Hpa table = device(e, kDisk).interrupt_table;
             change_device(e, kNic, [&](m::Device& d) { d.interrupt_table = table; });
         }},
        {"irq.remapped", "is present before any guest runs",
         [](Editor& e) { e.put(device(e, kDisk).interrupt_table.value, std::uint64_t{1}); }},
        {"irq.remapped", "passed on unmapped", flip(0x1234, 2, 1)},
        {"irq.remapped", "passed on unmapped", flip(0x1234, 2, 1ULL << 60)},
        {"irq.remapped", "passed on unmapped", flip(0x1234, 2, 1ULL << 56)},
        {"irq.owned", "blocked but for NMI, expected blocked", flip(0x1234, 2, 1ULL << 58)},
        {"irq.source-checked", "use one interrupt table",
         [](Editor& e) { e.put(words(e, 0x1234) + 16, e.at<std::uint64_t>(words(e, kDisk) + 16)); }},
        {"board.contract", "interrupt destinations of 32 bits",
         [](Editor& e) { e.change_header([](m::Header& h) { h.iommu.capability = h.iommu.capability_mask = 0; }); }},
        {"board.contract", "own function",
         [](Editor& e) { e.change_header([](m::Header& h) { h.iommu.bdf = 0x10; }); }},
    };
}

class Devices : public testing::TestWithParam<Machine> {
protected:
    void SetUp() override {
        world_ = mutation::make_world(GetParam());
        ASSERT_TRUE(world_.has_value());
    }
    std::optional<mutation::World> world_;
};

TEST_P(Devices, TheWorldIsProvedBothWays) {
    const Report report = verify_bundle(world_->model, world_->kernel, world_->bundle, {});
    EXPECT_TRUE(report.proved());
    std::size_t of_devices = 0;
    for (const PropertyResult& result : report.results) {
        for (const Finding& finding : result.findings) {
            ADD_FAILURE() << result.id << ": " << finding.diagnostic.message;
        }
        EXPECT_NE(result.verdict, Verdict::inconclusive) << result.id << ": " << result.reason;
        if (result.by_enumeration) {
            EXPECT_EQ(result.by_solver, Verdict::proved) << result.id;
        }
        const bool device = result.id.starts_with("dev.") || result.id.starts_with("dma.") ||
                            result.id.starts_with("irq.") || result.id.starts_with("pci.");
        if (device && result.id != "irq.ioapic-masked") {
            EXPECT_EQ(result.verdict, Verdict::proved) << result.id << ": " << result.reason;
            ++of_devices;
        }
    }
    EXPECT_EQ(of_devices, 18U);
}

TEST_P(Devices, EachPropertyFindsWhatBreaksIt) {
    std::vector<Break> all = common_breaks();
    const std::vector<Break> own = GetParam() == Machine::amd_vi ? amd_breaks() : vtd_breaks();
    all.insert(all.end(), own.begin(), own.end());
    for (std::size_t i = 0; i < all.size(); ++i) {
        const Break& broken = all[i];
        Editor editor(*world_);
        broken.apply(editor);
        editor.seal();
        ASSERT_TRUE(editor.bundle != world_->bundle) << broken.id << " " << broken.words;
        const Report report = verify_bundle(world_->model, editor.kernel, editor.bundle, {.solver = i % 3 == 0});
        EXPECT_FALSE(report.proved()) << broken.id;
        bool said = false;
        std::string everything;
        for (const PropertyResult& result : report.results) {
            EXPECT_EQ(result.reason.find("disagree"), std::string::npos)
                << broken.id << ": " << result.id << result.reason;
            for (const Finding& finding : result.findings) {
                everything += "\n  " + result.id + ": " + finding.diagnostic.message;
                said = said ||
                       (result.id == broken.id && finding.diagnostic.message.find(broken.words) != std::string::npos);
            }
        }
        EXPECT_TRUE(said) << broken.id << " does not say `" << broken.words << "`; said:" << everything.substr(0, 2000);
    }
}

INSTANTIATE_TEST_SUITE_P(Units, Devices, testing::Values(Machine::vt_d, Machine::amd_vi),
                         [](const auto& unit) { return mutation::name(unit.param); });

} // namespace

} // namespace septum::verifier
