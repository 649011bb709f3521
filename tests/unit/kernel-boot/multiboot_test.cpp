// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/multiboot.hpp"

#include "tests/unit/kernel-boot/said.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

namespace septum::kernel::boot {
namespace {

// Builds an information structure tag by tag (Multiboot2 §3.6.1).
class Information {
public:
    Information& tag(u32 type, const std::vector<u32>& words, u32 extra_bytes = 0) {
        const auto size = static_cast<u32>(8 + words.size() * 4 + extra_bytes);
        word(type);
        word(size);
        for (const u32 value : words) {
            word(value);
        }
        bytes_.resize(bytes_.size() + extra_bytes);
        bytes_.resize((bytes_.size() + 7) & ~size_t{7});
        return *this;
    }
    Information& module(u32 begin, u32 end) { return tag(3, {begin, end}, 5); }
    Information& map(const std::vector<MemoryMap::Entry>& entries) {
        std::vector<u32> words{24, 0};
        for (const auto& entry : entries) {
            u32 raw[6];
            std::memcpy(raw, &entry, sizeof raw);
            words.insert(words.end(), raw, raw + 6);
        }
        return tag(6, words);
    }
    Information& end() { return tag(0, {}); }
    void word(u32 value) {
        u8 raw[4];
        std::memcpy(raw, &value, sizeof raw);
        bytes_.insert(bytes_.end(), raw, raw + 4);
    }
    // In a buffer of exactly its size, so that the sanitizer sees a byte too far.
    Refusal read(Loaded& loaded) {
        const auto size = static_cast<u32>(bytes_.size());
        std::memcpy(bytes_.data(), &size, sizeof size);
        exact_ = std::make_unique<u8[]>(bytes_.size());
        std::memcpy(exact_.get(), bytes_.data(), bytes_.size());
        return read_multiboot({exact_.get(), bytes_.size()}, loaded);
    }
    std::vector<u8>& bytes() { return bytes_; }

private:
    std::vector<u8> bytes_ = std::vector<u8>(8);
    std::unique_ptr<u8[]> exact_;
};

TEST(Multiboot, ModuleAndMap) {
    Information information;
    information.tag(1, {0x61}).map({{0x1000, 0x2000, 1, 0}, {0x3000, 0x1000, 2, 0}}).module(0x400000, 0x500000).end();
    Loaded loaded;
    ASSERT_FALSE(information.read(loaded));
    EXPECT_EQ(loaded.module_begin, 0x400000u);
    EXPECT_EQ(loaded.module_end, 0x500000u);
    ASSERT_EQ(loaded.memory.count(), 2u);
    EXPECT_EQ(loaded.memory.at(0).base, 0x1000u);
    EXPECT_EQ(loaded.memory.at(1).type, 2u);
}

TEST(Multiboot, ExactlyOneModule) {
    Loaded loaded;
    EXPECT_EQ(said(Information().map({}).end().read(loaded)),
              "septum: refused: multiboot2 modules: expected 1, found 0 (code 0x10)");
    EXPECT_EQ(said(Information().map({}).module(1, 2).module(3, 4).end().read(loaded)),
              "septum: refused: multiboot2 modules: expected 1, found 2 (code 0x10)");
}

TEST(Multiboot, ExactlyOneMap) {
    Loaded loaded;
    EXPECT_EQ(said(Information().module(1, 2).end().read(loaded)),
              "septum: refused: multiboot2 memory maps: expected 1, found 0 (code 0x10)");
}

TEST(Multiboot, ModuleTurnedRound) {
    Loaded loaded;
    EXPECT_EQ(said(Information().map({}).module(0x2000, 0x1000).end().read(loaded)),
              "septum: refused: multiboot2 module: expected an address range, found 0x2000..0x1000 (code 0x10)");
}

TEST(Multiboot, NoEndTag) {
    Loaded loaded;
    EXPECT_TRUE(Information().map({}).module(1, 2).read(loaded));
}

TEST(Multiboot, EntriesTooSmall) {
    Loaded loaded;
    EXPECT_EQ(said(Information().tag(6, {16, 0}).module(1, 2).end().read(loaded)),
              "septum: refused: multiboot2 memory map entry size: expected 24, found 16 (code 0x10)");
}

// Whatever the size fields say, nothing is read outside and the loop ends.
TEST(Multiboot, SizesThatLie) {
    Information good;
    good.map({{0, 0x1000, 1, 0}}).module(0x1000, 0x2000).end();
    const std::vector<u8> bytes = good.bytes();
    for (size_t at = 0; at + 4 <= bytes.size(); at += 4) {
        for (const u32 lie : {0u, 1u, 7u, 8u, 15u, 16u, 17u, 0x7FFF'FFFFu, 0xFFFF'FFF8u, 0xFFFF'FFFFu}) {
            const auto exact = std::make_unique<u8[]>(bytes.size());
            std::memcpy(exact.get(), bytes.data(), bytes.size());
            const auto size = static_cast<u32>(bytes.size());
            std::memcpy(exact.get(), &size, sizeof size);
            std::memcpy(exact.get() + at, &lie, sizeof lie);
            Loaded loaded;
            if (!read_multiboot({exact.get(), bytes.size()}, loaded)) {
                for (u64 i = 0; i < loaded.memory.count(); i++) {
                    (void)loaded.memory.at(i);
                }
            }
        }
    }
}

TEST(Multiboot, TooManyTags) {
    Information information;
    for (u32 i = 0; i < kMaxTags; i++) {
        information.tag(99, {});
    }
    information.map({}).module(1, 2).end();
    Loaded loaded;
    EXPECT_TRUE(information.read(loaded));
}

} // namespace
} // namespace septum::kernel::boot
