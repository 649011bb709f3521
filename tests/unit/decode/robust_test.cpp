// SPDX-License-Identifier: Apache-2.0
// Whatever the bytes are: an answer, no crash, no read outside, no endless work. The generator is fixed, so a failure
// repeats; the iteration is printed with it.
#include "tests/unit/cpu_time.hpp"
#include "verifier/facts/facts.hpp"
#include "verifier/verifier.hpp"
#include "world.hpp"

#include <algorithm>
#include <random>

namespace septum::verifier {
namespace {

using decode::test::Bytes;
using decode::test::make_device_world;
using decode::test::make_iso;
using decode::test::make_world;
using decode::test::World;

class Mutator {
public:
    explicit Mutator(unsigned seed) : random_(seed) {}

    void mutate(Bytes& bytes) {
        const unsigned changes = 1 + below(4);
        for (unsigned i = 0; i < changes && !bytes.empty(); ++i) {
            const std::size_t at = below(static_cast<unsigned>(bytes.size()));
            switch (below(8)) {
            case 0:
            case 1:
            case 2:
                bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ (1U << below(8)));
                break;
            case 3:
                bytes[at] = static_cast<std::uint8_t>(random_());
                break;
            case 4:
                word(bytes, at);
                break;
            case 5:
                bytes.resize(at);
                break;
            case 6:
                garbage(bytes, at);
                break;
            default:
                copy(bytes, at);
                break;
            }
        }
    }

    unsigned below(unsigned bound) { return static_cast<unsigned>(random_() % bound); }

private:
    // A number of the kind that overflows.
    void word(Bytes& bytes, std::size_t at) {
        constexpr std::uint64_t numbers[] = {
            0,     1,      ~0ULL,        0xFFFF'FFFF,          0x7FFF'FFFF, 0x8000'0000'0000'0000,
            0xFFF, 0x1000, World::kBase, World::kBase + 0x2000};
        std::uint64_t value = numbers[below(std::size(numbers))];
        at &= ~std::size_t{7};
        for (std::size_t i = at; i < std::min(at + 8, bytes.size()); ++i, value >>= 8) {
            bytes[i] = static_cast<std::uint8_t>(value);
        }
    }
    void garbage(Bytes& bytes, std::size_t at) {
        const std::size_t end = std::min<std::size_t>(bytes.size(), at + below(4096));
        for (; at < end; ++at) {
            bytes[at] = static_cast<std::uint8_t>(random_());
        }
    }
    void copy(Bytes& bytes, std::size_t at) {
        const std::size_t from = below(static_cast<unsigned>(bytes.size()));
        const std::size_t size = std::min<std::size_t>(below(4096), bytes.size() - std::max(at, from));
        std::copy_n(Bytes(bytes).begin() + static_cast<std::ptrdiff_t>(from), size,
                    bytes.begin() + static_cast<std::ptrdiff_t>(at));
    }

    std::mt19937 random_;
};

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr unsigned kSlower = 4;
#else
constexpr unsigned kSlower = 1;
#endif
#else
constexpr unsigned kSlower = 1;
#endif

TEST(Robust, MutatedBundles) {
    const World good = make_device_world();
    Mutator mutator(1);
    unsigned read = 0;
    for (unsigned i = 0; i < 8000 / kSlower; ++i) {
        SCOPED_TRACE(i);
        World w = good;
        // Half of the changes go to the manifest, where a byte has the most meaning.
        if (i % 2 == 0) {
            Bytes head(w.bundle.begin(), w.bundle.begin() + 0x1200); // device records begin at 0x1000
            mutator.mutate(head);
            std::copy(head.begin(), head.end(), w.bundle.begin());
        } else {
            mutator.mutate(w.bundle);
        }
        const auto outcome = read_bundle(w.kernel, w.bundle);
        ASSERT_EQ(outcome.ok(), outcome.diagnostics.empty());
        read += outcome.ok() ? 1U : 0U;
    }
    EXPECT_GT(read, 1000U / kSlower); // the loop must get past the header
}

TEST(Robust, MutatedImages) {
    const World good = make_world();
    const Bytes image = make_iso(good.kernel, good.bundle);
    Mutator mutator(2);
    for (unsigned i = 0; i < 4000 / kSlower; ++i) {
        SCOPED_TRACE(i);
        Bytes bytes = image;
        if (i % 2 == 0) { // descriptors and directories
            Bytes head(bytes.begin() + 16 * 2048, bytes.begin() + 24 * 2048);
            mutator.mutate(head);
            std::copy(head.begin(), head.end(), bytes.begin() + 16 * 2048);
        } else {
            mutator.mutate(bytes);
        }
        const auto outcome = read_image(bytes);
        ASSERT_EQ(outcome.ok(), outcome.diagnostics.empty());
        (void)walk(bytes, "left", 0x1234, nullptr);
    }
}

TEST(Robust, MutatedKernels) {
    const Bytes good = decode::test::make_kernel();
    Mutator mutator(3);
    for (unsigned i = 0; i < 4000; ++i) {
        SCOPED_TRACE(i);
        Bytes head(good.begin(), good.begin() + 64 + 3 * 56);
        mutator.mutate(head);
        Bytes bytes = good;
        std::copy(head.begin(), head.end(), bytes.begin());
        (void)decode::decode_elf(bytes);
        (void)decode::decode_elf(head);
    }
}

TEST(Robust, TablesOfGarbage) {
    Mutator mutator(4);
    for (unsigned i = 0; i < 2000 / kSlower; ++i) {
        SCOPED_TRACE(i);
        decode::test::Pages pages(12);
        // Mostly present entries that lead into the same few pages: the worst case for a walk.
        for (std::uint64_t page = 0; page < 12; ++page) {
            for (unsigned k = 0; k < 40; ++k) {
                const std::uint64_t flags = mutator.below(256) | (mutator.below(3) == 0 ? 0U : 0x67U);
                pages.entry(page, mutator.below(512),
                            decode::test::Pages::page(mutator.below(13)) | flags |
                                std::uint64_t{mutator.below(2)} << 63);
            }
        }
        const auto memory = pages.memory();
        const std::uint64_t root = decode::test::Pages::kBase;
        const auto table = decode::decode_page_table(memory, root, {}, "npt");
        for (std::size_t k = 1; k < table.intervals.size(); ++k) {
            ASSERT_GE(table.intervals[k].gpa, table.intervals[k - 1].gpa + table.intervals[k - 1].size);
        }
        // The walk of one address agrees with the decoding of all.
        for (unsigned k = 0; k < 20 && table.complete && !table.intervals.empty(); ++k) {
            const Interval& some = table.intervals[mutator.below(static_cast<unsigned>(table.intervals.size()))];
            const std::uint64_t offset = mutator.below(4096) * kPageSize % some.size;
            const auto one = decode::walk_page_table(memory, root, some.gpa + offset, {});
            ASSERT_TRUE(one.mapped);
            ASSERT_EQ(one.hpa, some.hpa + offset);
            ASSERT_EQ(one.access, some.access);
            ASSERT_EQ(one.type, some.type);
        }
        (void)decode::decode_vtd(memory, root, 46, "iommu");
        (void)decode::decode_amd_vi(memory, root, 46, i % 2 == 0, "iommu");
        (void)decode::decode_interrupt_table(memory, root, 1ULL << mutator.below(20), "irt");
        (void)decode::decode_vmcb(memory, root, "vmcb");
    }
}

TEST(Robust, GuestMemoryOfGarbage) {
    Mutator mutator(5);
    for (unsigned i = 0; i < 2000 / kSlower; ++i) {
        SCOPED_TRACE(i);
        Bytes aml(36 + mutator.below(400), 0);
        for (std::size_t k = 36; k < aml.size(); ++k) {
            constexpr std::uint8_t likely[] = {0x08, 0x10, 0x14, 0x5B, 0x82, 0x11, 0x12, 0x0A,
                                               0x0D, '_',  'A',  '\\', 0x2F, 0x2E, 0xA4, 0x00};
            aml[k] = likely[mutator.below(std::size(likely))];
        }
        aml[0] = 'D', aml[1] = 'S', aml[2] = 'D', aml[3] = 'T';
        // By way of a FADT, as a guest would find it.
        Bytes low(0x1000, 0);
        const auto set = [&](std::uint64_t at, std::uint64_t value, unsigned size) {
            decode::test::put(low, at, value, size);
        };
        const char rsdp[] = "RSD PTR ";
        std::copy(rsdp, rsdp + 8, low.begin());
        set(15, 2, 1);
        set(24, 0xE0100, 8);
        low[8] = static_cast<std::uint8_t>(-[&] {
            int sum = 0;
            for (unsigned k = 0; k < 20; ++k) {
                sum += k == 8 ? 0 : low[k];
            }
            return sum;
        }());
        set(0x100, 0x54445358, 4);
        set(0x104, 44, 4);
        set(0x124, 0xE0200, 8);
        set(0x200, 0x50434146, 4);
        set(0x204, 276, 4);
        set(0x200 + 140, 0xE1000, 8);
        decode::test::put(aml, 4, aml.size(), 4);
        if (i % 4 == 0) {
            mutator.mutate(low);
        }
        const decode::GuestMemory memory({{0xE0000, low}, {0xE1000, aml}});
        (void)decode::decode_acpi(memory, 0xE0000, "acpi");
        (void)decode::decode_linux_params(memory, 0xE0000, "params");
        (void)decode::decode_guest_info(memory, 0xE0000, "info");
        (void)decode::decode_grub_config(aml);
    }
}

TEST(Robust, EveryPartitionSharesOneTangle) {
    // Sixty-four partitions cannot be made by hand here; two that share a table full of itself can.
    World w = make_world();
    for (std::uint64_t i = 0; i < 512; ++i) {
        w.entry(World::kPartition[0], i, World::place(World::kPartition[0]) | 0x67);
        w.entry(World::kPartition[1], i, World::place(World::kPartition[0]) | 0x67);
    }
    const double start = cpu_seconds();
    const auto outcome = read_bundle(w.kernel, w.bundle);
    EXPECT_LT(cpu_seconds() - start, 30); // ten without sanitizers
    ASSERT_TRUE(outcome.ok());
    EXPECT_FALSE(outcome.value->partitions[0].npt.complete);
}

} // namespace
} // namespace septum::verifier
