// SPDX-License-Identifier: Apache-2.0
// Devices: the tables of either IOMMU, and the records that say whose a function is and what its owner may do with it.
#include "tests/mutation/mutants.hpp"

namespace septum::mutation {

namespace {

namespace m = manifest;

constexpr std::uint64_t kAddress = 0x000F'FFFF'FFFF'F000;

std::uint64_t pick(Random& random, std::uint64_t count) {
    return random() % count;
}

// An assigned function, at random.
m::Device some_device(const Editor& editor, Random& random) {
    std::vector<m::Device> all;
    for (std::uint64_t i = 0; i < editor.header().devices.count; ++i) {
        const auto device = editor.record<m::Device>(editor.header().devices, i);
        if (device.bdf != m::kNobody) {
            all.push_back(device);
        }
    }
    return all[pick(random, all.size())];
}

// The words that decide about a requester: VT-d context entry, AMD-Vi device table entry.
std::uint64_t words(const Editor& editor, bool amd, std::uint16_t bdf) {
    if (amd) {
        return editor.header().iommu.root_table.value + bdf * 32ULL;
    }
    const auto root = editor.at<std::uint64_t>(editor.header().iommu.root_table.value + (bdf >> 8) * 16ULL);
    return (root & ~0xFFFULL) + (bdf & 0xFF) * 16ULL;
}

// Every present entry of the page tables of a requester, with its level.
void io_entries(const Editor& editor, bool amd, std::uint64_t table, int level,
                std::vector<std::pair<std::uint64_t, bool>>& out) {
    for (std::uint64_t i = 0; i < 512; ++i) {
        const std::uint64_t at = table + i * 8;
        const auto entry = editor.at<std::uint64_t>(at);
        if ((entry & 1) == 0) {
            continue;
        }
        const bool leaf = amd ? (entry >> 9 & 7) == 0 : level == 1 || (entry & 0x80) != 0;
        out.emplace_back(at, leaf);
        if (!leaf && level > 1) {
            io_entries(editor, amd, entry & kAddress, level - 1, out);
        }
    }
}

std::function<void(Editor&, Random&)> io_entry(bool amd, bool leaf,
                                               const std::function<std::uint64_t(std::uint64_t)>& change) {
    return [=](Editor& editor, Random& random) {
        const m::Device device = some_device(editor, random);
        const auto word = editor.at<std::uint64_t>(words(editor, amd, device.bdf));
        std::vector<std::pair<std::uint64_t, bool>> all;
        io_entries(editor, amd, word & kAddress, editor.header().iommu.levels, all);
        std::erase_if(all, [&](const auto& one) { return one.second != leaf; });
        if (!all.empty()) {
            const std::uint64_t at = all[pick(random, all.size())].first;
            editor.put(at, change(editor.at<std::uint64_t>(at)));
        }
    };
}

void page_tables(std::vector<Operator>& out, bool amd) {
    const auto add = [&](const char* what, unsigned times, bool leaf, auto change) {
        out.push_back({"DMA page tables", what, times, io_entry(amd, leaf, change)});
    };
    const std::uint64_t read = amd ? 1ULL << 61 : 1;
    const std::uint64_t write = amd ? 1ULL << 62 : 2;
    add("a leaf gone", 3, true, [](std::uint64_t) { return std::uint64_t{0}; });
    add("a leaf without write", 3, true, [=](std::uint64_t e) { return e & ~write; });
    add("a leaf without read", 3, true, [=](std::uint64_t e) { return e & ~read; });
    add("a leaf elsewhere", 4, true, [](std::uint64_t e) { return e ^ 1ULL << 24; });
    add("a leaf at the registers of another", 2, true, [](std::uint64_t e) { return (e & ~kAddress) | 0xF060'0000; });
    add("a leaf of another size", 3, true, [=](std::uint64_t e) { return amd ? e | 7U << 9 : e ^ 0x80; });
    add("a table gone", 2, false, [](std::uint64_t) { return std::uint64_t{0}; });
    add("a table without write", 2, false, [=](std::uint64_t e) { return e & ~write; });
    add("a table elsewhere", 3, false, [](std::uint64_t e) { return e ^ 1ULL << 12; });
    add("a table as a leaf", 3, false, [=](std::uint64_t e) { return amd ? e & ~(7ULL << 9) : e | 0x80; });
    out.push_back({"DMA page tables", "one page more", 4, [=](Editor& editor, Random& random) {
                       const m::Device device = some_device(editor, random);
                       std::uint64_t table = editor.at<std::uint64_t>(words(editor, amd, device.bdf)) & kAddress;
                       for (std::uint64_t level = editor.header().iommu.levels; level > 1; --level) {
                           const auto entry = editor.at<std::uint64_t>(table);
                           if (amd ? (entry >> 9 & 7) == 0 : (entry & 0x80) != 0) {
                               break;
                           }
                           table = entry & kAddress;
                       }
                       const auto entry = editor.at<std::uint64_t>(table); // a leaf, once more far behind
                       editor.put(table + 8 * (256 + pick(random, 256)), entry);
                   }});
}

void vt_d(std::vector<Operator>& out) {
    const auto add = [&](const char* what, unsigned times, auto change) {
        out.push_back({"VT-d contexts", what, times, [=](Editor& editor, Random& random) {
                           const m::Device device = some_device(editor, random);
                           change(editor, random, device, words(editor, false, device.bdf));
                       }});
    };
    const auto flip = [](std::uint64_t offset, std::uint64_t bits) {
        return [=](Editor& editor, Random&, const m::Device&, std::uint64_t at) {
            editor.put(at + offset, editor.at<std::uint64_t>(at + offset) ^ bits);
        };
    };
    add("not present", 2, flip(0, 1));
    add("faults not reported", 2, flip(0, 2));
    add("device translates", 2, flip(0, 1 << 2));
    add("passes through", 2, flip(0, 2 << 2));
    add("another depth", 2, flip(8, 3));
    add("another domain", 2, flip(8, 1 << 8));
    add("tables elsewhere", 2, flip(0, 1 << 12));
    add("another function too", 3, [](Editor& editor, Random& random, const m::Device& device, std::uint64_t at) {
        const std::uint64_t other = (at & ~0xFFFULL) + ((device.bdf + 1 + pick(random, 254)) & 0xFF) * 16;
        editor.put(other, editor.at<std::uint64_t>(at));
        editor.put(other + 8, editor.at<std::uint64_t>(at + 8));
    });
    add("a whole bus more", 3, [](Editor& editor, Random& random, const m::Device&, std::uint64_t at) {
        editor.put(editor.header().iommu.root_table.value + (8 + pick(random, 248)) * 16, (at & ~0xFFFULL) | 1);
    });
    const auto handle = [&](const char* what, unsigned times, auto change) {
        out.push_back({"interrupt entries", what, times, [=](Editor& editor, Random& random) {
                           const m::Device device = some_device(editor, random);
                           const std::uint64_t at = editor.header().iommu.interrupt_table.value +
                                                    (device.first_handle + pick(random, device.handles)) * 16;
                           change(editor, at);
                       }});
    };
    handle("present", 3, [](Editor& e, std::uint64_t at) { e.put(at, std::uint64_t{1 | 0x41 << 16}); });
    handle("of another source", 3, [](Editor& e, std::uint64_t at) { e.put(at + 8, e.at<std::uint64_t>(at + 8) ^ 8); });
    handle("unchecked", 3, [](Editor& e, std::uint64_t at) { e.put(at + 8, e.at<std::uint64_t>(at + 8) & 0xFFFF); });
    handle("half checked", 3,
           [](Editor& e, std::uint64_t at) { e.put(at + 8, e.at<std::uint64_t>(at + 8) | 3 << 16); });
    handle("gone", 2, [](Editor& e, std::uint64_t at) { e.put(at + 8, std::uint64_t{0}); });
    const auto watchdog = [&](const char* what, unsigned times, std::uint64_t offset, std::uint64_t bits) {
        out.push_back({"watchdog", what, times, [=](Editor& editor, Random&) {
                           const std::uint64_t at = editor.header().iommu.interrupt_table.value +
                                                    editor.header().watchdog.handle * 16ULL + offset;
                           editor.put(at, editor.at<std::uint64_t>(at) ^ bits);
                       }});
    };
    watchdog("not present", 1, 0, 1);
    watchdog("SMI", 1, 0, 6 << 5);
    watchdog("fixed", 1, 0, 4 << 5);
    watchdog("to another CPU", 1, 0, 2ULL << 32);
    watchdog("logical", 1, 0, 1 << 2);
    watchdog("from another source", 1, 8, 1);
    watchdog("unchecked", 1, 8, 1 << 18);
    out.push_back({"interrupt entries", "one more", 2, [](Editor& editor, Random& random) {
                       const std::uint64_t last = editor.header().iommu.interrupt_table_entries - 1 - pick(random, 32);
                       editor.put(editor.header().iommu.interrupt_table.value + last * 16 + 8,
                                  std::uint64_t{0x300} | 1 << 18);
                   }});
}

void amd_vi(std::vector<Operator>& out) {
    const auto any = [&](const char* what, unsigned times, unsigned word, std::uint64_t bits) {
        out.push_back({"AMD-Vi device table", what, times, [=](Editor& editor, Random& random) {
                           const std::uint64_t at =
                               words(editor, true, static_cast<std::uint16_t>(random())) + 8ULL * word;
                           editor.put(at, editor.at<std::uint64_t>(at) ^ bits);
                       }});
    };
    const auto owned = [&](const char* what, unsigned times, unsigned word, std::uint64_t bits) {
        out.push_back({"AMD-Vi device table", what, times, [=](Editor& editor, Random& random) {
                           const std::uint64_t at = words(editor, true, some_device(editor, random).bdf) + 8ULL * word;
                           editor.put(at, editor.at<std::uint64_t>(at) ^ bits);
                       }});
    };
    any("not valid", 3, 0, 1);
    any("not translated", 3, 0, 2);
    any("interrupts not valid", 3, 2, 1);
    any("interrupts unmapped", 3, 2, 1ULL << 60);
    any("INIT passes", 2, 2, 1ULL << 56);
    any("ExtINT passes", 2, 2, 1ULL << 57);
    any("NMI passes", 2, 2, 1ULL << 58);
    any("LINT0 passes", 2, 2, 1ULL << 62);
    any("LINT1 passes", 2, 2, 1ULL << 63);
    any("exclusion", 2, 1, 1ULL << 39);
    any("system management", 2, 1, 1ULL << 40);
    any("port I/O", 2, 1, 1ULL << 35);
    any("faults suppressed", 2, 1, 1ULL << 34);
    owned("no rights", 2, 0, 3ULL << 61);
    owned("no write", 2, 0, 1ULL << 62);
    owned("device translates", 2, 1, 1ULL << 32);
    owned("another domain", 2, 1, 1);
    owned("tables elsewhere", 2, 0, 1 << 12);
    owned("another depth", 2, 0, 1 << 9);
    owned("interrupts aborted", 2, 2, 2ULL << 60);
    owned("another interrupt table", 2, 2, 1 << 12);
    owned("a longer interrupt table", 2, 2, 1 << 4);
    out.push_back({"AMD-Vi device table", "the entry of another", 4, [](Editor& editor, Random& random) {
                       const std::uint64_t from = words(editor, true, some_device(editor, random).bdf);
                       const std::uint64_t to = words(editor, true, static_cast<std::uint16_t>(random()));
                       for (std::uint64_t word = 0; word < 4; ++word) {
                           editor.put(to + 8 * word, editor.at<std::uint64_t>(from + 8 * word));
                       }
                   }});
    out.push_back({"interrupt entries", "enabled", 3, [](Editor& editor, Random& random) {
                       const m::Device device = some_device(editor, random);
                       editor.put(device.interrupt_table.value + pick(random, device.handles) * 16, std::uint64_t{1});
                   }});
}

template <typename Change>
Operator record(const char* area, const char* what, unsigned times, Change change) {
    return {area, what, times, [=](Editor& editor, Random& random) {
                const std::uint16_t bdf = some_device(editor, random).bdf;
                for (std::uint64_t i = 0; i < editor.header().devices.count; ++i) {
                    if (editor.record<m::Device>(editor.header().devices, i).bdf == bdf) {
                        editor.change<m::Device>(editor.header().devices, i, change);
                    }
                }
            }};
}

void records(std::vector<Operator>& out) {
    const auto add = [&](const char* what, unsigned times, auto change) {
        out.push_back(record("device records", what, times, change));
    };
    add("another function", 2, [](m::Device& d) { d.bdf ^= 0x10; });
    add("another virtual number", 2, [](m::Device& d) { d.virtual_bdf ^= 0x100; });
    add("another owner", 2, [](m::Device& d) { d.partition ^= 1; });
    add("another domain", 2, [](m::Device& d) { d.domain ^= 4; });
    add("another reset", 2, [](m::Device& d) { d.reset = m::ResetKind::power; });
    add("another capability for it", 2, [](m::Device& d) { d.reset_at ^= 4; });
    add("fewer interrupts", 2, [](m::Device& d) { d.handles -= 1; });
    add("other interrupts", 2, [](m::Device& d) { d.first_handle ^= 1; });
    add("another MSI-X capability", 2, [](m::Device& d) { d.msix_at ^= 8; });
    add("another MSI capability", 2, [](m::Device& d) { d.msi_at ^= 8; });
    add("a shorter table", 2, [](m::Device& d) { d.msix_entries = d.msix_entries == 0 ? 1 : d.msix_entries - 1; });
    add("a table elsewhere", 2, [](m::Device& d) { d.msix_offset ^= 0x800; });
    add("another table", 2, [](m::Device& d) { d.interrupt_table = d.interrupt_table + 0x1000; });
    add("another block", 2, [](m::Device& d) { d.block = d.block + 0x1000; });
    const auto bar = [&](const char* what, unsigned times, auto change) {
        out.push_back({"BARs", what, times, [=](Editor& editor, Random& random) {
                           editor.change<m::Bar>(editor.header().bars, pick(random, editor.header().bars.count),
                                                 change);
                       }});
    };
    bar("elsewhere", 3, [](m::Bar& b) { b.memory.base = b.memory.base + b.memory.size; });
    bar("larger", 3, [](m::Bar& b) { b.memory.size *= 2; });
    bar("shown elsewhere", 3, [](m::Bar& b) { b.gpa = b.gpa + b.memory.size; });
    bar("shown over RAM", 3, [](m::Bar& b) { b.gpa = Gpa{0}; });
    bar("of another number", 3, [](m::Bar& b) { b.number ^= 1; });
    bar("with other flags", 3, [](m::Bar& b) { b.flags ^= m::kBar64; });
    const auto bridge = [&](const char* what, auto change) {
        out.push_back({"bridges", what, 2, [=](Editor& editor, Random& random) {
                           editor.change<m::Bridge>(editor.header().bridges,
                                                    pick(random, editor.header().bridges.count), change);
                       }});
    };
    bridge("another window", [](m::Bridge& b) { b.window.base = b.window.base + 0x20'0000; });
    bridge("a larger window", [](m::Bridge& b) { b.window.size += 0x10'0000; });
    bridge("a second window", [](m::Bridge& b) { b.prefetchable.size += 0x10'0000; });
    bridge("more buses", [](m::Bridge& b) { b.subordinate = static_cast<u8>(b.subordinate + 8); });
    bridge("no access control", [](m::Bridge& b) { b.acs = 0; });
    bridge("access control elsewhere", [](m::Bridge& b) { b.acs_at ^= 4; });
    bridge("another function", [](m::Bridge& b) { b.bdf ^= 0x40; });
}

// What the machine has to be for the configuration rules to be harmless.
void contract(std::vector<Operator>& out) {
    const auto weaken = [&](const char* what, unsigned times, auto fits) {
        out.push_back({"contract", what, times, [=](Editor& editor, Random& random) {
                           const std::uint16_t bdf = some_device(editor, random).bdf;
                           const m::Table where = editor.header().facts;
                           std::vector<std::uint64_t> fitting;
                           for (std::uint64_t i = 0; i < where.count; ++i) {
                               const auto fact = editor.record<m::Fact>(where, i);
                               if (fact.kind == m::FactKind::pci_bits && fact.a == bdf && fits(fact)) {
                                   fitting.push_back(i);
                               }
                           }
                           if (!fitting.empty()) {
                               editor.change<m::Fact>(where, fitting[pick(random, fitting.size())],
                                                      [](m::Fact& f) { f.mask = f.expected = 0; });
                           }
                       }});
    };
    weaken("any capability accepted", 6, [](const m::Fact& f) { return f.b >= 0x40 && f.mask == 0xFF; });
    weaken("any header accepted", 2, [](const m::Fact& f) { return f.b == 0xC; });
}

// Only what widens: fewer rights than the verifier allows are the planner's to choose.
void rules(std::vector<Operator>& out) {
    const auto add = [&](const char* what, unsigned times, std::uint8_t offset, auto change) {
        out.push_back({"configuration rules", what, times, [=](Editor& editor, Random& random) {
                           const m::Slice slice = some_device(editor, random).registers;
                           std::vector<std::uint64_t> fitting;
                           for (std::uint64_t i = 0; i < slice.count; ++i) {
                               const auto rule =
                                   editor.record<m::PciRegister>(editor.header().pci_registers, slice.first + i);
                               if (offset == 0xFF ? rule.offset >= 0x40 : rule.offset == offset) {
                                   fitting.push_back(slice.first + i);
                               }
                           }
                           if (!fitting.empty()) {
                               editor.change<m::PciRegister>(editor.header().pci_registers,
                                                             fitting[pick(random, fitting.size())], change);
                           }
                       }});
    };
    add("port decoding written", 2, 4, [](m::PciRegister& r) { r.write_mask |= 1; });
    add("INTx written", 2, 4, [](m::PciRegister& r) { r.write_mask |= 1U << 10; });
    add("INTx shown", 2, 4, [](m::PciRegister& r) { r.set &= ~(1U << 10); });
    add("status written", 2, 4, [](m::PciRegister& r) { r.write_mask |= 1U << 31, r.one_clears &= ~(1U << 31); });
    add("header written", 2, 0xC, [](m::PciRegister& r) { r.answer = m::PciAnswer::hardware, r.write_mask = ~0U; });
    add("pin shown", 2, 0x3C, [](m::PciRegister& r) { r.set |= 0x100; });
    add("interrupt register of the hardware", 2, 0x3C,
        [](m::PciRegister& r) { r.answer = m::PciAnswer::hardware, r.read_mask = ~0U; });
    add("BAR of the hardware", 4, 0x10,
        [](m::PciRegister& r) { r.answer = m::PciAnswer::hardware, r.read_mask = r.write_mask = ~0U; });
    add("pointer of the hardware", 2, 0x34,
        [](m::PciRegister& r) { r.answer = m::PciAnswer::hardware, r.read_mask = 0xFF, r.set = 0; });
    add("pointer elsewhere", 2, 0x34, [](m::PciRegister& r) { r.set = 0xF0; });
    add("capability written", 8, 0xFF,
        [](m::PciRegister& r) { r.answer = m::PciAnswer::hardware, r.write_mask = 0x8000'FFFF, r.one_clears = 0; });
    add("hidden register shown", 6, 0xFF, [](m::PciRegister& r) {
        r.offset = 0xF8;
        r.answer = m::PciAnswer::hardware;
        r.read_mask = ~0U;
    });
}

} // namespace

std::vector<Operator> device_operators(bool amd) {
    std::vector<Operator> out;
    page_tables(out, amd);
    if (amd) {
        amd_vi(out);
    } else {
        vt_d(out);
    }
    records(out);
    rules(out);
    contract(out);
    return out;
}

} // namespace septum::mutation
