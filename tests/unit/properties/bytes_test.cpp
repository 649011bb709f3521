// SPDX-License-Identifier: Apache-2.0
// For every property of the bytes: a bundle that breaks just it, sealed again, and the property that says so.
#include "tests/mutation/editor.hpp"
#include "verifier/properties/registry.hpp"
#include "verifier/verifier.hpp"

#include <septum/guest/board.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <set>

namespace septum::verifier {

namespace {

namespace m = manifest;
using mutation::Editor;
using mutation::Entry;

constexpr std::uint64_t kLeaf = 0x67;
constexpr std::uint64_t kNoExecute = 1ULL << 63;

Entry entry_for(const Editor& editor, std::uint64_t root, std::uint64_t input, int level) {
    for (const Entry& entry : editor.entries(root)) {
        if (entry.input == input && entry.level == level) {
            return entry;
        }
    }
    return {};
}

std::uint64_t nested(const Editor& editor, std::uint64_t partition) {
    return editor.partition(partition).npt_root.value;
}

// `alpha` has 4 KiB pages, so each of its pages has an entry of its own.
void lead_alpha(Editor& editor, std::uint64_t gpa, std::uint64_t host) {
    const Entry entry = entry_for(editor, nested(editor, 0), gpa, 1);
    editor.put(entry.address, kLeaf | host);
}

struct Break {
    const char* id;
    const char* words; // in the finding's message
    std::function<void(Editor&)> apply;
    bool seal = true;
};

std::vector<Break> breaks() {
    return {
        {"mem.disjoint", "both reach", [](Editor& e) { lead_alpha(e, 0x1000, 0x300'0000); }},
        {"mem.exact", "but the RAM of `alpha` lies at", [](Editor& e) { lead_alpha(e, 0x1000, 0x700'0000); }},
        {"mem.no-alias", "by two guest addresses",
         [](Editor& e) {
             const Entry other = entry_for(e, nested(e, 0), 0x2000, 1);
             e.put(entry_for(e, nested(e, 0), 0x1000, 1).address, other.value);
         }},
        {"mem.permissions", "`alpha` has rw- on the RAM of `alpha`, but rwx is declared",
         [](Editor& e) {
             const Entry entry = entry_for(e, nested(e, 0), 0x1000, 1);
             e.put(entry.address, entry.value | kNoExecute);
         }},
        {"mem.memory-type", "as write-through, expected write-back",
         [](Editor& e) {
             const Entry entry = entry_for(e, nested(e, 0), 0x1000, 1);
             e.put(entry.address, entry.value | 8);
         }},
        {"mem.kernel-private", "which is the kernel's workspace",
         [](Editor& e) { lead_alpha(e, 0x1000, e.header().workspace.base.value); }},
        {"mem.tables-private", "of the sealed tables",
         [](Editor& e) { lead_alpha(e, 0x1000, e.header().bundle_base.value + e.header().tables_offset); }},
        {"mem.within-board", "not memory of board `bench`", [](Editor& e) { lead_alpha(e, 0x1000, 0x2000'0000); }},
        {"mem.reserved-bits", "reserved-bits",
         [](Editor& e) {
             const Entry entry = entry_for(e, nested(e, 0), 0x1000, 1);
             e.put(entry.address, entry.value | 1ULL << 45);
         }},
        {"mem.reserved-bits", "not-user",
         [](Editor& e) {
             const Entry entry = entry_for(e, nested(e, 0), 0x1000, 1);
             e.put(entry.address, entry.value & ~4ULL);
         }},
        {"mem.reserved-bits", "has U/S set",
         [](Editor& e) {
             const Entry entry = entry_for(e, e.header().kernel_page_tables.value, 0x20'1000, 1);
             e.put(entry.address, entry.value | 4);
         }},
        {"mem.reserved-bits", "accessed-clear",
         [](Editor& e) {
             const Entry entry = entry_for(e, nested(e, 0), 0, 4);
             e.put(entry.address, entry.value & ~0x20ULL);
         }},
        {"mem.reserved-bits", "dirty-clear",
         [](Editor& e) {
             const Entry entry = entry_for(e, nested(e, 0), 0x2000, 1);
             e.put(entry.address, entry.value & ~0x40ULL);
         }},
        {"mem.reserved-bits", "table-aliased",
         [](Editor& e) {
             const Entry entry = entry_for(e, nested(e, 0), 0, 4);
             e.put(entry.address + 8, entry.value);
         }},
        {"mem.reserved-bits", "table-cycle",
         [](Editor& e) {
             const Entry entry = entry_for(e, nested(e, 0), 0, 4);
             e.put(entry.address + 8, nested(e, 0) | 0x27);
         }},
        {"mem.reserved-bits", "unreadable",
         [](Editor& e) {
             const Entry entry = entry_for(e, nested(e, 0), 0, 4);
             e.put(entry.address + 8, 0x1000 | 0x27);
         }},
        {"mem.reserved-bits", "outside-tables",
         [](Editor& e) {
             const Entry entry = entry_for(e, nested(e, 0), 0, 4);
             e.put(entry.address + 8, e.header().bundle_base.value | 0x27); // the manifest, as a table
         }},
        {"mem.kernel-exact", "expected r-x write-back",
         [](Editor& e) {
             const Entry entry = entry_for(e, e.header().kernel_page_tables.value, 0x20'1000, 1);
             e.put(entry.address, entry.value ^ 1);
         }},
        {"mem.wx", "both writable and executable",
         [](Editor& e) {
             const Entry entry = entry_for(e, e.header().kernel_page_tables.value, 0x20'1000, 1);
             e.put(entry.address, entry.value | 2);
         }},
        {"mem.stack-guards", "guard page",
         [](Editor& e) {
             const std::uint64_t guard = e.record<m::Cpu>(e.header().cpus, 0).block.value;
             const Entry entry = entry_for(e, e.header().kernel_page_tables.value, guard, 1);
             e.put(entry.address, guard | 0x63 | kNoExecute);
         }},
        {"mem.payload-fits", "where the partition does not see it",
         [](Editor& e) {
             e.change<m::Payload>(e.header().payloads, 0, [](m::Payload& p) { p.hpa = Hpa{0x300'0000}; });
         }},
        {"cpu.exclusive", "to `alpha` and to `beta`",
         [](Editor& e) { e.change<m::Cpu>(e.header().cpus, 2, [](m::Cpu& c) { c.apic_id = 0; }); }},
        {"cpu.exists", "which board `bench` does not have",
         [](Editor& e) { e.change<m::Cpu>(e.header().cpus, 4, [](m::Cpu& c) { c.apic_id = 9; }); }},
        {"cpu.smt-exclusive", "share core",
         [](Editor& e) {
             e.change<m::Cpu>(e.header().cpus, 1, [](m::Cpu& c) { c.apic_id = 2; });
             e.change<m::Cpu>(e.header().cpus, 2, [](m::Cpu& c) { c.apic_id = 1; });
         }},
        {"asid.unique", "have the same ASID",
         [](Editor& e) { e.change<m::Partition>(e.header().partitions, 1, [](m::Partition& p) { p.asid = 1; }); }},
        {"io.owned", "both reach ports", [](Editor& e) { e.flip(e.partition(1).iopm.value, 0x2F8); }},
        {"io.exact", "without an exit, which nothing grants",
         [](Editor& e) { e.flip(e.partition(1).iopm.value, 0x378); }},
        {"io.dangerous", "the SMI command port", [](Editor& e) { e.flip(e.partition(1).iopm.value, 0xB2); }},
        {"io.answers", "`alpha` finds absent or constant at ports",
         [](Editor& e) {
             for (std::uint64_t i = 0; i < e.header().ports.count; ++i) {
                 e.change<m::PortRule>(e.header().ports, i, [](m::PortRule& r) {
                     if (r.answer == m::PortAnswer::uart) {
                         r.answer = m::PortAnswer::constant;
                     }
                 });
             }
         }},
        {"pci.config-filtered", "reaches PCI configuration",
         [](Editor& e) { e.flip(e.partition(1).iopm.value, 0xCFC); }},
        {"pci.config-filtered", "of the virtual host bridge, 0x1080200, is none of a bare host bridge of `gamma`",
         [](Editor& e) {
             for (std::uint64_t i = 0; i < e.header().pci_registers.count; ++i) {
                 e.change<m::PciRegister>(e.header().pci_registers, i,
                                          [](m::PciRegister& r) { r.set = r.offset == 8 ? 0x0108'0200 : r.set; });
             }
         }},
        {"io.answers", "`gamma` finds absent or constant at ports",
         [](Editor& e) {
             for (std::uint64_t i = 0; i < e.header().ports.count; ++i) {
                 e.change<m::PortRule>(e.header().ports, i, [](m::PortRule& r) {
                     r.answer = r.answer == m::PortAnswer::pci_data ? m::PortAnswer::constant : r.answer;
                 });
             }
         }},
        {"acpi.consistent",
         "`gamma` reads 0x0220 from the interrupt trigger registers, but is told of ACPI's interrupt 9",
         [](Editor& e) {
             for (std::uint64_t i = 0; i < e.header().ports.count; ++i) {
                 e.change<m::PortRule>(e.header().ports, i,
                                       [](m::PortRule& r) { r.value ^= r.first == 0x4D0 ? 0x20 : 0; });
             }
         }},
        {"acpi.consistent", "`beta` starts with 0xf1000 in RDI, expected 0xf0000",
         [](Editor& e) {
             e.change<m::Partition>(e.header().partitions, 1, [](m::Partition& p) { p.entry_rdi += 0x1000; });
         }},
        {"mem.payload-fits", "are the same bytes of the bundle",
         [](Editor& e) {
             const std::uint64_t first = e.partition(0).payloads.first;
             e.change<m::Payload>(e.header().payloads, first,
                                  [](m::Payload& p) { p.size = (p.size + 0x1FFF) / 0x1000 * 0x1000; });
         }},
        {"cpuid.filtered", "sees the machine's own answer in CPUID 0x80000016",
         [](Editor& e) {
             for (std::uint64_t i = 0; i < e.header().cpuid.count; ++i) {
                 e.change<m::CpuidRule>(e.header().cpuid, i,
                                        [](m::CpuidRule& r) { r.leaf |= r.leaf == 0x8000'0006 ? 0x10 : 0; });
             }
         }},
        {"board.contract", "keeps none that is not present",
         [](Editor& e) { e.change_header([](m::Header& h) { h.iommu.capability_mask &= ~0x80ULL; }); }},
        {"board.contract", "sees changed entries at once",
         [](Editor& e) { e.change_header([](m::Header& h) { h.iommu.capability |= 0x10; }); }},
        {"image.manifest", "is no constant: its value is reserved",
         [](Editor& e) {
             for (std::uint64_t i = 0; i < e.header().ports.count; ++i) {
                 e.change<m::PortRule>(e.header().ports, i,
                                       [](m::PortRule& r) { r.value |= r.answer == m::PortAnswer::uart ? 1 : 0; });
             }
         }},
        {"image.manifest", "answers nothing with it: its value",
         [](Editor& e) {
             for (std::uint64_t i = 0; i < e.header().msrs.count; ++i) {
                 e.change<m::MsrRule>(e.header().msrs, i, [](m::MsrRule& r) { r.value |= r.first == 0x1B ? 1 : 0; });
             }
         }},
        {"image.manifest", "a watchdog that is not there is wired",
         [](Editor& e) { e.change_header([](m::Header& h) { h.watchdog.apic_id = 2; }); }},
        {"image.manifest", "an event log that is not there has a place",
         [](Editor& e) { e.change_header([](m::Header& h) { h.event_log.base = Hpa{0x300'0000}; }); }},
        {"image.manifest", "the upper half of its mask",
         [](Editor& e) { e.change<m::Fact>(e.header().facts, 0, [](m::Fact& f) { f.mask |= 1ULL << 40; }); }},
        {"msr.exact", "`beta` writes MSR 0x277 by an exit",
         [](Editor& e) { e.flip(e.partition(1).msrpm.value, 0x277 * 2 + 1); }},
        {"msr.allowlist", "the local APIC's place",
         [](Editor& e) { e.flip(e.partition(1).msrpm.value, 0x1B * 2 + 1); }},
        {"msr.outside-map", "does not intercept MSR accesses",
         [](Editor& e) { e.flip(e.partition(1).vmcb_ap.value, 124); }},
        {"cpuid.filtered", "may see SVM",
         [](Editor& e) {
             for (std::uint64_t i = 0; i < e.header().cpuid.count; ++i) {
                 e.change<m::CpuidRule>(e.header().cpuid, i, [](m::CpuidRule& r) {
                     if (r.leaf == 0x8000'0001) {
                         r.mask[2] |= 4;
                     }
                 });
             }
         }},
        {"exit.intercepts", "does not intercept nmi", [](Editor& e) { e.flip(e.partition(1).vmcb_boot.value, 97); }},
        {"exit.complete", "which the kernel does not answer",
         [](Editor& e) { e.flip(e.partition(1).vmcb_boot.value, 120); }},
        {"vmcb.tables", "I/O permission map at",
         [](Editor& e) { e.put(e.partition(1).vmcb_boot.value + 0x40, e.partition(0).iopm.value); }},
        {"vmcb.features", "event injection = ",
         [](Editor& e) { e.put(e.partition(1).vmcb_boot.value + 0xA8, std::uint64_t{0x8000'0030}); }},
        {"acpi.consistent", "is told RAM of",
         [](Editor& e) {
             // The information page holds the RAM's size behind magic, version, CPU count and name.
             const m::Partition alpha = e.partition(0);
             for (std::uint64_t i = 0; i < alpha.payloads.count; ++i) {
                 const auto payload = e.record<m::Payload>(e.header().payloads, alpha.payloads.first + i);
                 if (payload.gpa.value == guest::kInfoBase) {
                     e.set(payload.offset + 48, std::uint64_t{1} << 30);
                 }
             }
         }},
        {"part.conduct", "meets a triple fault with halt-system",
         [](Editor& e) {
             e.change<m::Partition>(e.header().partitions, 1,
                                    [](m::Partition& p) { p.on[0] = m::OnFault::halt_system; });
         }},
        {"part.conduct", "before its first restart in the image",
         [](Editor& e) {
             e.change<m::Partition>(e.header().partitions, 1, [](m::Partition& p) { p.backoff_ms += 7; });
         }},
        {"part.conduct", "promises a heartbeat every",
         [](Editor& e) {
             e.change<m::Partition>(e.header().partitions, 1, [](m::Partition& p) { p.heartbeat_ms += 100; });
         }},
        {"part.conduct", "has the event log in the image",
         [](Editor& e) { e.change<m::Partition>(e.header().partitions, 1, [](m::Partition& p) { p.event_log = 1; }); }},
        {"part.conduct", "no partition promises a heartbeat",
         [](Editor& e) {
             e.change_header([](m::Header& h) {
                 h.watchdog.kind = m::WatchdogKind::hpet;
                 h.watchdog.registers = Hpa{0xFED0'0000};
                 h.watchdog.period_us = 1000;
                 h.watchdog.handle = ~0U;
             });
         }},
        {"mem.kernel-private", "the crash record",
         [](Editor& e) { lead_alpha(e, 0x1000, e.header().crash_record.value); }},
        {"mem.kernel-exact", "expected rw- write-back",
         [](Editor& e) {
             e.change_header([](m::Header& h) { h.crash_record = Hpa{h.crash_record.value + 0x10'0000}; });
         }},
        {"chan.directed", "the writer of channel `answer`",
         [](Editor& e) {
             e.change<m::Channel>(e.header().channels, 0, [](m::Channel& c) { std::swap(c.writer, c.reader); });
         }},
        {"chan.no-exec", "can execute from channel",
         [](Editor& e) {
             const Entry entry = entry_for(e, nested(e, 0), guest::kChannelBase, 1);
             e.put(entry.address, entry.value & ~kNoExecute);
         }},
        {"chan.sizes", "in the image, expected",
         [](Editor& e) {
             e.change<m::Channel>(e.header().channels, 0, [](m::Channel& c) { c.memory.size += 0x1000; });
         }},
        {"chan.doorbell", "interrupts with vector",
         [](Editor& e) { e.change<m::Channel>(e.header().channels, 0, [](m::Channel& c) { c.vector = 0x50; }); }},
        {"flow.declared", "which nothing declares",
         [](Editor& e) {
             // The reader of a channel may write it as well.
             const Entry entry = entry_for(e, nested(e, 2), guest::kChannelBase, 1);
             e.put(entry.address, entry.value | 2);
         }},
        {"flow.policy", "in the image `gamma` reaches `alpha`",
         [](Editor& e) {
             const Entry entry = entry_for(e, nested(e, 2), guest::kChannelBase, 1);
             e.put(entry.address, entry.value | 2);
         }},
        {"dma.absent-blocked", "expected blocked",
         [](Editor& e) { e.put(e.header().iommu.root_table.value + 16 * 5, std::uint64_t{0x300'0000} | 1); }},
        {"dma.no-passthrough", "untranslated",
         [](Editor& e) {
             const std::uint64_t context = e.header().iommu.interrupt_table.value;
             e.put(e.header().iommu.root_table.value, context | 1);
             e.put(context + 16 * 0xFA, std::uint64_t{1 | 2 << 2});
             e.put(context + 16 * 0xFA + 8, std::uint64_t{1 << 8 | 2}); // domain 1, four levels
         }},
        {"dma.confined", "which is not its owner's RAM",
         [](Editor& e) {
             // Second-stage tables: alpha's own, as they happen to lie there.
             const std::uint64_t context = e.header().iommu.interrupt_table.value;
             e.put(e.header().iommu.root_table.value, context | 1);
             e.put(context + 16 * 0xFA, nested(e, 0) | 1);
             e.put(context + 16 * 0xFA + 8, std::uint64_t{1 << 8 | 2});
         }},
        {"irq.owned", "expected nobody",
         [](Editor& e) { e.put(e.header().iommu.interrupt_table.value + 16, std::uint64_t{1 | 0x41 << 16}); }},
        {"irq.remapped", "is present before any guest runs",
         [](Editor& e) { e.put(e.header().iommu.interrupt_table.value + 16, std::uint64_t{1 | 0x41 << 16}); }},
        {"irq.source-checked", "may be used by every device",
         [](Editor& e) { e.put(e.header().iommu.interrupt_table.value + 16, std::uint64_t{1 | 0x41 << 16}); }},
        {"dma.ats-off", "that the device says are translated",
         [](Editor& e) {
             const std::uint64_t context = e.header().iommu.interrupt_table.value;
             e.put(e.header().iommu.root_table.value, context | 1);
             e.put(context + 16 * 0xFA, nested(e, 0) | 1 | 1 << 2); // TT = 01b
             e.put(context + 16 * 0xFA + 8, std::uint64_t{1 << 8 | 2});
         }},
        {"irq.ipi", "writes MSR 0x830", [](Editor& e) { e.flip(e.partition(1).msrpm.value, 0x830 * 2 + 1); }},
        {"irq.lvt", "writes MSR 0x835", [](Editor& e) { e.flip(e.partition(1).msrpm.value, 0x835 * 2 + 1); }},
        {"irq.vectors", "keeps for exceptions",
         [](Editor& e) { e.change<m::Channel>(e.header().channels, 0, [](m::Channel& c) { c.vector = 14; }); }},
        {"image.layout", "overlap",
         [](Editor& e) { e.change_header([](m::Header& h) { h.workspace.base = h.kernel.base; }); }},
        {"image.manifest", "the image is `other`",
         [](Editor& e) { e.change_header([](m::Header& h) { std::memcpy(h.name, "other\0\0", 8); }); }},
        {"image.well-formed", "stray-bytes", [](Editor& e) { e.bundle[e.header().manifest_size - 1] ^= 1; }},
        {"image.well-formed", "payloads: bytes that no record describes",
         [](Editor& e) {
             for (std::uint64_t i = 0; i < e.header().payloads.count; ++i) {
                 const auto payload = e.record<m::Payload>(e.header().payloads, i);
                 const std::uint64_t end = payload.offset + payload.size;
                 if (end % kPageSize != 0 && end < e.bundle.size()) {
                     e.bundle[end] = 1;
                     return;
                 }
             }
             FAIL() << "each payload fills its pages";
         }},
        {"image.well-formed", "belongs to no structure, yet is not zero",
         [](Editor& e) { // with no permission map any more, its pages are nobody's
             e.change<m::Partition>(e.header().partitions, 0, [](m::Partition& p) { p.msrpm = Hpa{0}; });
         }},
        {"image.digests", "not what the manifest measured",
         [](Editor& e) {
             e.bundle.back() ^= 1;
             e.bundle[e.header().tables_offset] ^= 1;
         },
         false},
        {"image.kernel", "the kernel's code and constants", [](Editor& e) { e.kernel[0x2001] ^= 1; }, false},
        {"board.contract", "does not say that the processor has nested paging",
         [](Editor& e) {
             for (std::uint64_t i = 0; i < e.header().facts.count; ++i) {
                 e.change<m::Fact>(e.header().facts, i, [](m::Fact& f) {
                     if (f.a == 0x8000'000A && f.kind == m::FactKind::cpuid_bits) {
                         f.mask = f.expected = 0;
                     }
                 });
             }
         }},
        {"board.contract", "vendor is AuthenticAMD",
         [](Editor& e) {
             for (std::uint64_t i = 0; i < e.header().facts.count; ++i) {
                 e.change<m::Fact>(e.header().facts, i, [](m::Fact& f) {
                     if (f.a == 0 && f.kind == m::FactKind::cpuid_bits) {
                         f.mask = f.expected = 0;
                     }
                 });
             }
         }},
        // In place of a fact that no proof needs: the kernel takes every function that is listed.
        // A byte wider, the number of address bits is compared with that of linear ones above it: all have more.
        {"board.contract", "does not say that the processor has the board's physical address bits",
         [](Editor& e) {
             for (std::uint64_t i = 0; i < e.header().facts.count; ++i) {
                 e.change<m::Fact>(e.header().facts, i, [](m::Fact& f) {
                     if (f.kind == m::FactKind::cpuid_at_least && f.a == 0x8000'0008) {
                         f.mask = 0xFFFF;
                     }
                 });
             }
         }},
        {"board.contract", "lets in PCI function 00:1d.0 with id 1234:11e8",
         [](Editor& e) {
             for (std::uint64_t i = 0; i < e.header().facts.count; ++i) {
                 e.change<m::Fact>(e.header().facts, i, [](m::Fact& f) {
                     if (f.a == 0x8000'0000 && f.kind == m::FactKind::cpuid_at_least) {
                         f.kind = m::FactKind::pci_function;
                         f.a = 0x00E8;
                         f.expected = 0x11E8'1234;
                     }
                 });
             }
         }},
    };
}

class Bytes : public testing::Test {
protected:
    static void SetUpTestSuite() { world_ = mutation::make_world(mutation::Machine::x2apic); }
    static void TearDownTestSuite() { world_.reset(); }
    void SetUp() override { ASSERT_TRUE(world_.has_value()); }

    static std::optional<mutation::World> world_;
};
std::optional<mutation::World> Bytes::world_;

TEST_F(Bytes, TheWorldIsProvedBothWays) {
    const Report report = verify_bundle(world_->model, world_->kernel, world_->bundle, {});
    EXPECT_TRUE(report.proved());
    // The boot path needs an image (image_test.cpp).
    for (const PropertyResult& result : report.results) {
        const bool judged = find_property(result.id)->bytes != nullptr && result.verdict != Verdict::not_applicable;
        if (result.by_enumeration || (judged && std::string_view(result.id) != "image.boot-path")) {
            EXPECT_EQ(result.by_enumeration, Verdict::proved) << result.id;
            EXPECT_EQ(result.by_solver, Verdict::proved) << result.id;
        }
    }
}

TEST_F(Bytes, EachPropertyFindsWhatBreaksIt) {
    for (const Break& broken : breaks()) {
        Editor editor(*world_);
        broken.apply(editor);
        if (broken.seal) {
            editor.seal();
        }
        const Report report = verify_bundle(world_->model, editor.kernel, editor.bundle, {});
        EXPECT_FALSE(report.proved()) << broken.id;
        bool said = false;
        std::string all;
        for (const PropertyResult& result : report.results) {
            EXPECT_EQ(result.reason.find("disagree"), std::string::npos)
                << broken.id << ": " << result.id << result.reason;
            for (const Finding& finding : result.findings) {
                all += "\n  " + result.id + ": " + finding.diagnostic.message;
                said = said ||
                       (result.id == broken.id && finding.diagnostic.message.find(broken.words) != std::string::npos);
            }
        }
        EXPECT_TRUE(said) << broken.id << " does not say `" << broken.words << "`; said:" << all;
    }
}

TEST_F(Bytes, EachPropertyHasABreak) {
    // These need an image (image_test.cpp), or a device (devices_test.cpp).
    std::set<std::string> covered{"image.boot-path", "dev.bars-owned", "dev.exclusive",
                                  "dev.exists",      "dev.reset",      "dma.p2p"};
    for (const Break& broken : breaks()) {
        covered.insert(broken.id);
    }
    for (const Property* property : registry()) {
        if (property->bytes != nullptr) {
            EXPECT_TRUE(covered.contains(property->id)) << property->id << " is never seen violated";
        }
    }
}

// Whatever the bytes: no crash, no proof.
TEST_F(Bytes, GarbageIsNeverProved) {
    mutation::Random random(99);
    for (int round = 0; round < 150; ++round) {
        Editor editor(*world_);
        for (std::uint64_t flips = 1 + random() % 40; flips > 0; --flips) {
            const std::uint64_t at = random() % (round % 2 == 0 ? 4096 : editor.bundle.size());
            editor.bundle[at] = static_cast<std::uint8_t>(random());
        }
        if (round % 3 == 0) {
            editor.bundle.resize(random() % editor.bundle.size());
        }
        if (editor.bundle == world_->bundle) {
            continue;
        }
        const Report report = verify_bundle(world_->model, editor.kernel, editor.bundle, {.solver = false});
        EXPECT_FALSE(report.proved());
    }
    EXPECT_FALSE(verify_bundle(world_->model, {}, {}, {}).proved());
    EXPECT_FALSE(verify_image(world_->model, {}, {}).proved());
    EXPECT_FALSE(verify_image(world_->model, world_->bundle, {}).proved());
}

} // namespace

} // namespace septum::verifier
