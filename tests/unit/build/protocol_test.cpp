// SPDX-License-Identifier: Apache-2.0
// Guests started by PVH and by Multiboot: what they are handed, and what is refused.
#include "build/tables/elf.hpp"
#include "build/tables/guest_image.hpp"
#include "tests/unit/build/models.hpp"

#include <septum/guest/board.hpp>

#include <algorithm>
#include <functional>

namespace septum::build {
namespace {

using namespace test;

constexpr std::uint32_t kBase = 0x10'0000;
constexpr std::size_t kText = 0x1000; // where the loaded bytes lie in the file

// An ELF32 with one loaded segment (4 KiB in the file, 8 KiB in memory) and one note segment inside it.
Bytes make_elf32() {
    Bytes file(kText + 0x1000, 0);
    const std::uint8_t ident[] = {0x7F, 'E', 'L', 'F', 1, 1, 1};
    std::copy(std::begin(ident), std::end(ident), file.begin());
    store16(file, 16, 2);          // ET_EXEC
    store16(file, 18, 3);          // EM_386
    store32(file, 24, kBase + 64); // e_entry
    store32(file, 28, 52);         // e_phoff
    store16(file, 42, 32);         // e_phentsize
    store16(file, 44, 2);          // e_phnum
    const auto segment = [&](std::size_t at, std::uint32_t type, std::uint32_t offset, std::uint32_t address,
                             std::uint32_t file_size, std::uint32_t memory_size) {
        store32(file, at, type);
        store32(file, at + 4, offset);
        store32(file, at + 8, address);
        store32(file, at + 12, address);
        store32(file, at + 16, file_size);
        store32(file, at + 20, memory_size);
        store32(file, at + 24, 7);
    };
    segment(52, 1, kText, kBase, 0x1000, 0x2000);
    segment(84, 4, kText + 0x20, kBase + 0x20, 20, 20);
    store32(file, kText + 0x20, 4); // the note: name size, description size, type, name, description
    store32(file, kText + 0x24, 4);
    store32(file, kText + 0x28, 18);
    const char owner[] = "Xen";
    std::copy(std::begin(owner), std::end(owner), file.begin() + kText + 0x2C);
    store32(file, kText + 0x30, kBase + 0x80);
    store32(file, kText, 0x1BAD'B002); // the Multiboot header
    store32(file, kText + 4, 3);
    store32(file, kText + 8, 0U - (0x1BAD'B002U + 3U));
    return file;
}

struct Placed {
    config::Model model = make_pair();
    Plan plan;

    Placed() {
        model.partitions[0].boot.cmdline = {"one two", at(25)};
        auto outcome = place(model, {Hpa{0x20'0000}, 0x1000});
        EXPECT_TRUE(outcome.ok());
        plan = std::move(*outcome.value);
    }

    [[nodiscard]] config::Outcome<GuestImage> start(bool pvh, const Bytes& kernel,
                                                    const Bytes* module = nullptr) const {
        const NamedBytes named{"module", at(24), module != nullptr ? ByteView(*module) : ByteView()};
        const auto make = pvh ? pvh_image : multiboot_image;
        return make(plan, 0, model.partitions[0], {"kernel", at(23), kernel}, module != nullptr ? &named : nullptr);
    }
};

// The guest's initial memory, as it would find it.
template <typename T>
T read(const GuestImage& image, std::uint64_t gpa) {
    for (const Piece& piece : image.pieces) {
        if (gpa >= piece.gpa.value && gpa + sizeof(T) <= piece.gpa.value + piece.bytes().size()) {
            return load<T>(piece.bytes(), gpa - piece.gpa.value);
        }
    }
    ADD_FAILURE() << "nothing lies at " << std::hex << gpa;
    return {};
}

std::string text_at(const GuestImage& image, std::uint64_t gpa) {
    std::string text;
    while (const char c = read<char>(image, gpa + text.size())) {
        text += c;
    }
    return text;
}

TEST(Pvh, TellsTheGuestWhatItHas) {
    const Placed placed;
    const Bytes kernel = make_elf32();
    const Bytes module(5000, 0xAB);
    const auto outcome = placed.start(true, kernel, &module);
    ASSERT_TRUE(outcome.ok());
    const GuestImage& image = *outcome.value;
    EXPECT_EQ(image.entry.mode, EntryMode::protected32);
    EXPECT_EQ(image.entry.rip, kBase + 0x80);
    const std::uint64_t info = image.rbx;
    EXPECT_EQ(read<std::uint32_t>(image, info), 0x336E'C578U);
    EXPECT_EQ(read<std::uint32_t>(image, info + 4), 1U);
    EXPECT_EQ(read<std::uint32_t>(image, info + 12), 1U);
    const auto list = read<std::uint64_t>(image, info + 16);
    const auto module_at = read<std::uint64_t>(image, list);
    EXPECT_EQ(read<std::uint64_t>(image, list + 8), module.size());
    EXPECT_EQ(read<std::uint8_t>(image, module_at + 4999), 0xAB);
    EXPECT_EQ(module_at % kPageSize, 0U);
    EXPECT_EQ(text_at(image, read<std::uint64_t>(image, info + 24)), "one two");
    EXPECT_EQ(read<std::uint64_t>(image, info + 32), guest::kAcpiBase);
    const auto map = read<std::uint64_t>(image, info + 40);
    ASSERT_EQ(read<std::uint32_t>(image, info + 48), 3U);
    EXPECT_EQ(read<std::uint64_t>(image, map + 48), 0x10'0000U);
    EXPECT_EQ(read<std::uint64_t>(image, map + 56), placed.plan.partitions[0].ram.size - 0x10'0000);
    EXPECT_EQ(read<std::uint32_t>(image, map + 64), 1U);
}

TEST(Multiboot, TellsTheGuestWhatItHas) {
    const Placed placed;
    const Bytes kernel = make_elf32();
    const Bytes module(5000, 0xAB);
    const auto outcome = placed.start(false, kernel, &module);
    ASSERT_TRUE(outcome.ok());
    const GuestImage& image = *outcome.value;
    EXPECT_EQ(image.entry.mode, EntryMode::protected32);
    EXPECT_EQ(image.entry.rip, kBase + 64);
    EXPECT_EQ(image.entry.rax, 0x2BAD'B002U);
    const std::uint64_t info = image.rbx;
    const auto flags = read<std::uint32_t>(image, info);
    EXPECT_EQ(flags, 1U | 1U << 2 | 1U << 3 | 1U << 6 | 1U << 9);
    EXPECT_EQ(read<std::uint32_t>(image, info + 4), 640U);
    EXPECT_EQ(read<std::uint32_t>(image, info + 8), (placed.plan.partitions[0].ram.size - 0x10'0000) / 1024);
    EXPECT_EQ(text_at(image, read<std::uint32_t>(image, info + 16)), "one two");
    const auto list = read<std::uint32_t>(image, info + 24);
    EXPECT_EQ(read<std::uint32_t>(image, list + 4) - read<std::uint32_t>(image, list), module.size());
    EXPECT_EQ(read<std::uint32_t>(image, info + 44), 3U * 24);
    const auto map = read<std::uint32_t>(image, info + 48);
    EXPECT_EQ(read<std::uint32_t>(image, map), 20U);
    EXPECT_EQ(read<std::uint64_t>(image, map + 4), 0U);
    EXPECT_EQ(read<std::uint64_t>(image, map + 12), 0xA'0000U);
    EXPECT_EQ(text_at(image, read<std::uint32_t>(image, info + 64)), "Septum");
}

TEST(Protocols, RefuseWhatTheyCannotStart) {
    const Placed placed;
    const Bytes good = make_elf32();
    struct Bad {
        bool pvh;
        const char* says;
        std::function<void(Bytes&)> change;
    };
    const Bad cases[] = {
        {true, "has no PVH entry", [](Bytes& f) { store32(f, kText + 0x28, 17); }},
        {true, "has its entry at 0x90000", [](Bytes& f) { store32(f, kText + 0x30, 0x9'0000); }},
        {true, "is not an ELF file", [](Bytes& f) { f[0] = 0; }},
        {false, "has no Multiboot header", [](Bytes& f) { store32(f, kText + 8, 0); }},
        {false, "says its load addresses",
         [](Bytes& f) {
             store32(f, kText + 4, 1U << 16);
             store32(f, kText + 8, 0U - (0x1BAD'B002U + (1U << 16)));
         }},
        {false, "asks for a video mode",
         [](Bytes& f) {
             store32(f, kText + 4, 4);
             store32(f, kText + 8, 0U - (0x1BAD'B002U + 4U));
         }},
        {false, "asks for what this loader does not know",
         [](Bytes& f) {
             store32(f, kText + 4, 8);
             store32(f, kText + 8, 0U - (0x1BAD'B002U + 8U));
         }},
        {false, "is not for i386", [](Bytes& f) { store16(f, 18, 62); }},
        {false, "has a segment at 0xf0000", [](Bytes& f) { store32(f, 52 + 12, 0xF'0000); }},
        {false, "is truncated", [](Bytes& f) { f.resize(0x1800); }},
        {false, "is truncated", [](Bytes& f) { f.resize(40); }},
        {false, "is truncated", [](Bytes& f) { f.resize(60); }},
        {false, "has program headers of 31 bytes", [](Bytes& f) { store16(f, 42, 31); }},
    };
    for (const Bad& bad : cases) {
        Bytes file = good;
        bad.change(file);
        const auto outcome = placed.start(bad.pvh, file);
        EXPECT_FALSE(outcome.ok()) << bad.says;
        ASSERT_FALSE(outcome.diagnostics.empty()) << bad.says;
        EXPECT_NE(outcome.diagnostics[0].message.find(bad.says), std::string::npos) << outcome.diagnostics[0].message;
        EXPECT_TRUE(outcome.diagnostics[0].primary.known());
    }
    const Bytes empty;
    EXPECT_FALSE(placed.start(false, good, &empty).ok());
    const Bytes large(placed.plan.partitions[0].ram.size, 1);
    EXPECT_FALSE(placed.start(true, good, &large).ok());
}

TEST(Elf, NotesThatLieAreNotFollowed) {
    Bytes file = make_elf32();
    const auto entry_note = [&] {
        ElfFile elf;
        FormatError error;
        EXPECT_TRUE(read_elf(file, elf, error, ElfKind::x86)) << error.message;
        return find_note(elf, "Xen", 18).size();
    };
    EXPECT_EQ(entry_note(), 4U);
    store32(file, kText + 0x20, 0xFFFF'FFFF); // the name's size
    EXPECT_EQ(entry_note(), 0U);
    store32(file, kText + 0x20, 4);
    store32(file, kText + 0x24, 0xFFFF'FFF0); // the description's
    EXPECT_EQ(entry_note(), 0U);
    ElfFile elf;
    FormatError error;
    EXPECT_FALSE(read_elf(file, elf, error)); // 32 bits only where they are asked for
}

} // namespace
} // namespace septum::build
