// SPDX-License-Identifier: Apache-2.0
// Permission maps, VMCB templates, the kernel's own page tables, the IOMMU's tables.
#include "tests/mutation/mutants.hpp"

#include <septum/manifest/layout.hpp>

namespace septum::mutation {

namespace {

std::uint64_t pick(Random& random, std::uint64_t count) {
    return random() % count;
}

manifest::Partition any_partition(const Editor& editor, Random& random) {
    return editor.partition(pick(random, editor.header().partitions.count));
}

std::uint64_t any_template(const Editor& editor, Random& random) {
    const manifest::Partition partition = any_partition(editor, random);
    return (random() & 1) != 0 ? partition.vmcb_boot.value : partition.vmcb_ap.value;
}

void permission_maps(std::vector<Operator>& out) {
    const auto port = [](std::uint32_t first, std::uint32_t count) {
        return [=](Editor& editor, Random& random) {
            editor.flip(any_partition(editor, random).iopm.value, first + static_cast<unsigned>(pick(random, count)));
        };
    };
    out.push_back({"port maps", "any port flipped", 10, port(0, 0x1'0000)});
    out.push_back({"port maps", "PCI configuration", 2, port(0xCF8, 8)});
    out.push_back({"port maps", "SMI command", 1, port(0xB2, 1)});
    out.push_back({"port maps", "fast reset", 1, port(0x92, 1)});
    out.push_back({"port maps", "the kernel's console", 2, port(0x3F8, 8)});
    out.push_back({"port maps", "another's port", 2, port(0x2F8, 8)});
    out.push_back({"port maps", "access past the last port", 2, port(0x1'0000, 3)});
    out.push_back({"port maps", "a page of zeros", 1, [](Editor& editor, Random& random) {
                       const std::uint64_t map = any_partition(editor, random).iopm.value;
                       for (unsigned i = 0; i < 512; ++i) {
                           editor.put(map + i * 8, std::uint64_t{0});
                       }
                   }});
    const auto msr = [](std::uint32_t offset, std::uint32_t number, unsigned which) {
        return [=](Editor& editor, Random& random) {
            editor.flip(any_partition(editor, random).msrpm.value + offset, number * 2 + which);
        };
    };
    out.push_back({"MSR maps", "any low MSR flipped", 8, [](Editor& editor, Random& random) {
                       editor.flip(any_partition(editor, random).msrpm.value,
                                   static_cast<unsigned>(pick(random, 0x4000)));
                   }});
    out.push_back({"MSR maps", "any extended MSR flipped", 8, [](Editor& editor, Random& random) {
                       editor.flip(any_partition(editor, random).msrpm.value + 0x800,
                                   static_cast<unsigned>(pick(random, 0x8000)));
                   }});
    out.push_back({"MSR maps", "APIC base written", 1, msr(0, 0x1B, 1)});
    out.push_back({"MSR maps", "ICR written", 1, msr(0, 0x830, 1)});
    out.push_back({"MSR maps", "local vector table written", 1, msr(0, 0x835, 1)});
    out.push_back({"MSR maps", "EFER written", 1, msr(0x800, 0x80, 1)});
    out.push_back({"MSR maps", "EFER read", 1, msr(0x800, 0x80, 0)});
    out.push_back({"MSR maps", "VM_HSAVE_PA written", 1, msr(0x1000, 0x117, 1)});
    out.push_back({"MSR maps", "SMM base written", 1, msr(0x1000, 0x111, 1)});
}

constexpr unsigned kMandatory[] = {65,  81,  82,  97,  99,  111, 114, 115, 118, 122, 123, 124, 126, 127, 128, 129,
                                   130, 131, 132, 133, 134, 136, 137, 138, 139, 140, 142, 160, 161, 163, 164};

void vmcbs(std::vector<Operator>& out) {
    // Each mandatory intercept taken away once, and others added.
    for (const unsigned bit : kMandatory) {
        out.push_back({"VMCB intercepts", "mandatory intercept off", 1,
                       [bit](Editor& editor, Random& random) { editor.flip(any_template(editor, random), bit); }});
    }
    out.push_back({"VMCB intercepts", "intercept that nobody answers", 4, [](Editor& editor, Random& random) {
                       constexpr unsigned kOthers[] = {0, 19, 96, 98, 110, 116, 120, 125, 135, 141};
                       editor.flip(any_template(editor, random), kOthers[pick(random, std::size(kOthers))]);
                   }});
    const auto field = [&](const char* what, unsigned offset, std::uint64_t bits) {
        out.push_back({"VMCB control", what, 1, [=](Editor& editor, Random& random) {
                           const std::uint64_t at = any_template(editor, random) + offset;
                           editor.put(at, editor.at<std::uint64_t>(at) ^ bits);
                       }});
    };
    field("nested paging off", 0x90, 1);
    field("SEV on", 0x90, 2);
    field("SEV-ES on", 0x90, 4);
    field("another ASID", 0x58, 2);
    field("TLB flushed at each entry", 0x58, 1ULL << 32);
    field("virtual interrupt pending", 0x60, 1 << 8);
    field("virtual interrupt masking", 0x60, 1 << 24);
    field("AVIC on", 0x60, 1ULL << 31);
    field("event injected", 0xA8, 0x8000'0302);
    field("LBR virtualised", 0xB8, 1);
    field("VMLOAD virtualised", 0xB8, 2);
    field("TSC moved", 0x50, 1 << 20);
    field("interrupt shadow", 0x68, 1);
    field("SVME off", 0x4D0, 0x1000);
    field("another PAT", 0x668, 0x0000'0000'0000'0601);
    const auto swapped = [&](const char* what, unsigned offset, Hpa manifest::Partition::* pointer) {
        out.push_back({"VMCB control", what, 2, [=](Editor& editor, Random& random) {
                           const std::uint64_t mine = pick(random, editor.header().partitions.count);
                           const manifest::Partition other =
                               editor.partition((mine + 1) % editor.header().partitions.count);
                           const manifest::Partition own = editor.partition(mine);
                           const std::uint64_t block = (random() & 1) != 0 ? own.vmcb_boot.value : own.vmcb_ap.value;
                           editor.put(block + offset, (other.*pointer).value);
                       }});
    };
    swapped("another's page tables", 0xB0, &manifest::Partition::npt_root);
    swapped("another's port map", 0x40, &manifest::Partition::iopm);
    swapped("another's MSR map", 0x48, &manifest::Partition::msrpm);
    out.push_back({"VMCB control", "port map of zeros", 1, [](Editor& editor, Random& random) {
                       editor.put(any_template(editor, random) + 0x40, editor.header().iommu.root_table.value);
                   }});
}

void kernel_tables(std::vector<Operator>& out) {
    const auto add = [&](const char* what, unsigned times, auto keep, auto change) {
        out.push_back({"kernel tables", what, times, [=](Editor& editor, Random& random) {
                           std::vector<Entry> fitting;
                           for (const Entry& entry : editor.entries(editor.header().kernel_page_tables.value)) {
                               if (keep(editor, entry)) {
                                   fitting.push_back(entry);
                               }
                           }
                           if (!fitting.empty()) {
                               const Entry& entry = fitting[pick(random, fitting.size())];
                               editor.put(entry.address, change(editor, entry));
                           }
                       }});
    };
    const auto leaf = [](const Editor&, const Entry& e) { return e.leaf; };
    const auto executable = [](const Editor&, const Entry& e) { return e.leaf && (e.value >> 63) == 0; };
    const auto writable = [](const Editor&, const Entry& e) { return e.leaf && (e.value & 2) != 0; };
    const auto constant = [](const Editor&, const Entry& e) { return e.leaf && (e.value & 2) == 0; };
    const auto guard = [](const Editor& editor, const Entry& e) {
        const manifest::Header header = editor.header();
        const std::uint64_t from_workspace = e.input - header.workspace.base.value;
        return !e.present && e.level == 1 && from_workspace < header.workspace.size;
    };
    const auto empty = [](const Editor&, const Entry& e) { return !e.present && e.level == 1; };
    const auto flip = [](std::uint64_t bits) {
        return [bits](const Editor&, const Entry& e) { return e.value ^ bits; };
    };
    const auto identity = [](const Editor&, const Entry& e) { return e.input | 0x63 | 1ULL << 63; };
    add("code writable", 2, executable, flip(2));
    add("data executable", 3, writable, flip(1ULL << 63));
    add("sealed page writable", 3, constant, flip(2));
    add("stack guard mapped", 4, guard, identity);
    add("page unmapped", 3, leaf, flip(1));
    add("more mapped", 3, empty, identity);
    add("for user mode", 2, leaf, [](const Editor&, const Entry& e) { return e.value ^ 4; });
    add("not identity", 3, leaf, flip(1ULL << 22));
    add("another cache type", 2, leaf, flip(1 << 4));
}

void iommu(std::vector<Operator>& out) {
    out.push_back({"IOMMU tables", "a bus present", 3, [](Editor& editor, Random& random) {
                       const manifest::Header header = editor.header();
                       editor.put(header.iommu.root_table.value + pick(random, 256) * 16,
                                  header.iommu.interrupt_table.value | 1);
                   }});
    out.push_back({"IOMMU tables", "a device passes through", 3, [](Editor& editor, Random& random) {
                       const manifest::Header header = editor.header();
                       const std::uint64_t context = header.iommu.interrupt_table.value;
                       editor.put(header.iommu.root_table.value + pick(random, 256) * 16, context | 1);
                       editor.put(context + pick(random, 256) * 16, std::uint64_t{1 | 2 << 2}); // TT = 10b
                   }});
    out.push_back({"IOMMU tables", "root table where there is none", 1, [](Editor& editor, Random&) {
                       editor.change_header([](manifest::Header& h) { h.iommu.root_table = Hpa{0x300'0000}; });
                   }});
    out.push_back({"IOMMU tables", "root table full of something else", 1, [](Editor& editor, Random&) {
                       const Hpa other = editor.partition(0).npt_root;
                       editor.change_header([&](manifest::Header& h) { h.iommu.root_table = other; });
                   }});
    out.push_back({"IOMMU tables", "an interrupt entry present", 3, [](Editor& editor, Random& random) {
                       editor.put(editor.header().iommu.interrupt_table.value + pick(random, 256) * 16,
                                  std::uint64_t{1 | 0x41 << 16});
                   }});
    out.push_back({"IOMMU tables", "another interrupt table", 1, [](Editor& editor, Random&) {
                       const Hpa other = editor.partition(0).iopm;
                       editor.change_header([&](manifest::Header& h) { h.iommu.interrupt_table = other; });
                   }});
}

} // namespace

std::vector<Operator> table_operators() {
    std::vector<Operator> out;
    permission_maps(out);
    vmcbs(out);
    kernel_tables(out);
    iommu(out);
    return out;
}

} // namespace septum::mutation
