// SPDX-License-Identifier: Apache-2.0
// Nested page tables.
#include "tests/mutation/mutants.hpp"

namespace septum::mutation {

namespace {

constexpr std::uint64_t kPresent = 1;
constexpr std::uint64_t kWritable = 2;
constexpr std::uint64_t kUser = 4;
constexpr std::uint64_t kLeafBits = 0x67; // present, writable, user, accessed, dirty
constexpr std::uint64_t kAddress = 0x000F'FFFF'FFFF'F000;

std::uint64_t pick(Random& random, std::uint64_t count) {
    return random() % count;
}

template <typename Keep>
Entry choose(const Editor& editor, Random& random, std::uint64_t root, Keep&& keep) {
    std::vector<Entry> fitting;
    for (const Entry& entry : editor.entries(root)) {
        if (keep(entry)) {
            fitting.push_back(entry);
        }
    }
    return fitting.empty() ? Entry{} : fitting[pick(random, fitting.size())];
}

std::uint64_t root_of(const Editor& editor, std::uint64_t partition) {
    return editor.partition(partition).npt_root.value;
}

std::uint64_t any_root(const Editor& editor, Random& random) {
    return root_of(editor, pick(random, editor.header().partitions.count));
}

// A leaf, changed by xor.
std::function<void(Editor&, Random&)> flip_leaf(std::uint64_t bits) {
    return [bits](Editor& editor, Random& random) {
        const Entry entry = choose(editor, random, any_root(editor, random), [](const Entry& e) { return e.leaf; });
        editor.put(entry.address, entry.value ^ bits);
    };
}

// A 4 KiB leaf led elsewhere.
std::function<void(Editor&, Random&)> lead_to(std::function<std::uint64_t(const Editor&, Random&)> where) {
    return [where = std::move(where)](Editor& editor, Random& random) {
        const Entry entry =
            choose(editor, random, any_root(editor, random), [](const Entry& e) { return e.leaf && e.level == 1; });
        editor.put(entry.address, (entry.value & ~kAddress) | (where(editor, random) & kAddress));
    };
}

// An empty entry of a page table filled.
std::function<void(Editor&, Random&)> map_more(std::function<std::uint64_t(const Editor&, Random&)> where) {
    return [where = std::move(where)](Editor& editor, Random& random) {
        const Entry entry =
            choose(editor, random, any_root(editor, random), [](const Entry& e) { return !e.present && e.level == 1; });
        if (entry.address != 0) {
            editor.put(entry.address, kLeafBits | (where(editor, random) & kAddress));
        }
    };
}

std::uint64_t ram_of(const Editor& editor, std::uint64_t partition, Random& random) {
    const manifest::Header header = editor.header();
    const manifest::Partition record = editor.partition(partition);
    for (std::uint64_t i = 0; i < record.regions.count; ++i) {
        const auto region = editor.record<manifest::Region>(header.regions, record.regions.first + i);
        if (region.kind == manifest::RegionKind::ram) {
            return region.hpa.value + pick(random, region.size / 4096) * 4096;
        }
    }
    return 0;
}

std::uint64_t someones_ram(const Editor& editor, Random& random) {
    return ram_of(editor, pick(random, editor.header().partitions.count), random);
}

} // namespace

std::vector<Operator> memory_operators() {
    std::vector<Operator> out;
    const auto add = [&](const char* what, unsigned times, std::function<void(Editor&, Random&)> apply) {
        out.push_back({"nested tables", what, times, std::move(apply)});
    };
    add("write right flipped", 6, flip_leaf(kWritable));
    add("execute right flipped", 6, flip_leaf(1ULL << 63));
    add("page unmapped", 4, flip_leaf(kPresent));
    add("page without user right", 3, flip_leaf(kUser));
    add("write-through", 2, flip_leaf(1ULL << 3));
    add("uncacheable", 2, flip_leaf(1ULL << 3 | 1ULL << 4));
    add("frame off by one bit", 8,
        [](Editor& editor, Random& random) { flip_leaf(1ULL << (21 + pick(random, 18)))(editor, random); });
    add("page leads to some partition's RAM", 8, lead_to(someones_ram));
    add("page leads to the kernel", 2,
        lead_to([](const Editor& editor, Random&) { return editor.header().kernel.base.value; }));
    add("page leads to the workspace", 2,
        lead_to([](const Editor& editor, Random&) { return editor.header().workspace.base.value; }));
    add("page leads to the sealed tables", 2, lead_to([](const Editor& editor, Random&) {
            return editor.header().bundle_base.value + editor.header().tables_offset;
        }));
    add("page leads to the manifest", 2,
        lead_to([](const Editor& editor, Random&) { return editor.header().bundle_base.value; }));
    add("page leads to the trampoline", 1,
        lead_to([](const Editor& editor, Random&) { return editor.header().trampoline.value; }));
    add("page leads to the local APIC", 1, lead_to([](const Editor&, Random&) { return 0xFEE0'0000ULL; }));
    add("page leads to the IOMMU", 1,
        lead_to([](const Editor& editor, Random&) { return editor.header().iommu.registers.value; }));
    add("page leads past the board's memory", 2,
        lead_to([](const Editor&, Random& random) { return (1ULL << 32) + pick(random, 1 << 20) * 4096; }));
    add("extra page of somebody's RAM", 6, map_more(someones_ram));
    add("extra page of the kernel", 2,
        map_more([](const Editor& editor, Random&) { return editor.header().kernel.base.value + 0x1000; }));
    add("extra page of a device", 2, map_more([](const Editor&, Random&) { return 0xFEC0'0000ULL; }));
    add("extra large page", 3, [](Editor& editor, Random& random) {
        const Entry entry =
            choose(editor, random, any_root(editor, random), [](const Entry& e) { return !e.present && e.level == 2; });
        editor.put(entry.address, kLeafBits | 0x80 | (someones_ram(editor, random) & ~0x1F'FFFFULL));
    });
    add("extra 1 GiB page", 2, [](Editor& editor, Random& random) {
        const Entry entry =
            choose(editor, random, any_root(editor, random), [](const Entry& e) { return !e.present && e.level == 3; });
        editor.put(entry.address, kLeafBits | 0x80);
    });
    add("table taken for a large page", 3, [](Editor& editor, Random& random) {
        const Entry entry = choose(editor, random, any_root(editor, random), [](const Entry& e) {
            return e.present && !e.leaf && (e.level == 2 || e.level == 3);
        });
        editor.put(entry.address, entry.value | 0x80);
    });
    add("table of another partition", 4, [](Editor& editor, Random& random) {
        const std::uint64_t mine = pick(random, editor.header().partitions.count);
        const std::uint64_t other = (mine + 1) % editor.header().partitions.count;
        const auto table = [](const Entry& e) { return e.present && !e.leaf && e.level == 3; };
        const Entry entry = choose(editor, random, root_of(editor, mine), table);
        const Entry theirs = choose(editor, random, root_of(editor, other), table);
        editor.put(entry.address, theirs.value);
    });
    add("table outside the bundle", 2, [](Editor& editor, Random& random) {
        const Entry entry =
            choose(editor, random, any_root(editor, random), [](const Entry& e) { return e.present && !e.leaf; });
        editor.put(entry.address, (entry.value & ~kAddress) | 0x300'0000);
    });
    add("root inside itself", 1, [](Editor& editor, Random& random) {
        const std::uint64_t root = any_root(editor, random);
        editor.put(root + 8 * 5, root | kLeafBits);
    });
    add("tables unmapped", 2, [](Editor& editor, Random& random) {
        const Entry entry =
            choose(editor, random, any_root(editor, random), [](const Entry& e) { return e.present && !e.leaf; });
        editor.put(entry.address, entry.value & ~kPresent);
    });
    add("table without write right", 2, [](Editor& editor, Random& random) {
        const Entry entry =
            choose(editor, random, any_root(editor, random), [](const Entry& e) { return e.present && !e.leaf; });
        editor.put(entry.address, entry.value & ~kWritable);
    });
    add("two pages exchanged", 3, [](Editor& editor, Random& random) {
        const std::uint64_t root = root_of(editor, 0);
        const auto leaf = [](const Entry& e) { return e.leaf && e.level == 1; };
        const Entry a = choose(editor, random, root, leaf);
        const Entry b = choose(editor, random, root, leaf);
        editor.put(a.address, b.value);
        editor.put(b.address, a.value);
    });
    add("a run of pages shifted by one", 3, [](Editor& editor, Random& random) {
        const std::uint64_t root = any_root(editor, random);
        const Entry last = choose(editor, random, root, [](const Entry& e) { return e.leaf && e.level == 1; });
        for (const Entry& entry : editor.entries(root)) {
            if (entry.leaf && entry.level == 1 && entry.input <= last.input && entry.input + (1 << 18) > last.input) {
                editor.put(entry.address, entry.value + 4096);
            }
        }
    });
    add("a table used twice in one partition", 3, [](Editor& editor, Random& random) {
        const std::uint64_t root = any_root(editor, random);
        const auto table = [](const Entry& e) { return e.present && !e.leaf && e.level == 2; };
        const Entry one = choose(editor, random, root, table);
        const Entry free = choose(editor, random, root, [](const Entry& e) { return !e.present && e.level == 2; });
        if (one.address != 0 && free.address != 0) {
            editor.put(free.address, one.value);
        }
    });
    add("an entry led into a page of tables", 4, lead_to([](const Editor& editor, Random& random) {
            const manifest::Header header = editor.header();
            return header.bundle_base.value + header.tables_offset + pick(random, header.tables_size / 4096) * 4096;
        }));
    add("a 2 MiB page split wrongly", 2, [](Editor& editor, Random& random) {
        const Entry entry =
            choose(editor, random, any_root(editor, random), [](const Entry& e) { return e.leaf && e.level == 2; });
        if (entry.address != 0) {
            editor.put(entry.address, entry.value & ~0x80ULL); // its frame is taken for a table
        }
    });
    add("reserved address bit", 3,
        [](Editor& editor, Random& random) { flip_leaf(1ULL << (40 + pick(random, 12)))(editor, random); });
    return out;
}

} // namespace septum::mutation
