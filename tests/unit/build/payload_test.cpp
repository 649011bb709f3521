// SPDX-License-Identifier: Apache-2.0
// What becomes of a payload file, good or bad.
#include "build/tables/digest.hpp"
#include "build/tables/guest_image.hpp"
#include "build/tables/kernel_image.hpp"
#include "tests/unit/build/models.hpp"

#include <septum/guest/board.hpp>
#include <septum/guest/info.hpp>

#include <filesystem>
#include <fstream>

#include <unistd.h>

namespace septum::build {
namespace {

using namespace test;

struct Placed {
    config::Model model = make_pair();
    Plan plan;

    explicit Placed(std::uint64_t linux_memory = 0) {
        if (linux_memory != 0) {
            model.partitions[0].memory.value = linux_memory;
            model.partitions[0].boot.kind = config::BootKind::linux;
            model.partitions[0].boot.cmdline = {"quiet", at(25)};
        }
        auto outcome = place(model, {Hpa{0x20'0000}, 0x1000});
        EXPECT_TRUE(outcome.ok());
        plan = std::move(*outcome.value);
    }

    [[nodiscard]] config::Outcome<GuestImage> native(const Bytes& bytes) const {
        return native_image(plan, 0, {"alpha.elf", at(23), bytes});
    }
    [[nodiscard]] config::Outcome<GuestImage> linux_guest(const Bytes& kernel, const Bytes* initrd = nullptr) const {
        const NamedBytes named{"rd.gz", at(24), initrd != nullptr ? ByteView(*initrd) : ByteView()};
        return linux_image(plan, 0, model.partitions[0], {"vmlinuz", at(23), kernel},
                           initrd != nullptr ? &named : nullptr);
    }
};

void expect_refused(const config::Outcome<GuestImage>& outcome, const std::string& id, const std::string& part) {
    EXPECT_FALSE(outcome.ok());
    ASSERT_FALSE(outcome.diagnostics.empty());
    EXPECT_EQ(outcome.diagnostics[0].id, id);
    EXPECT_NE(outcome.diagnostics[0].message.find(part), std::string::npos) << outcome.diagnostics[0].message;
    EXPECT_TRUE(outcome.diagnostics[0].primary.known());
}

TEST(Native, IsFlattened) {
    const Placed placed;
    const Bytes elf = make_guest_elf();
    const auto outcome = placed.native(elf);
    ASSERT_TRUE(outcome.ok());
    const GuestImage& image = *outcome.value;
    ASSERT_EQ(image.pieces.size(), 4U);
    EXPECT_EQ(image.pieces[0].gpa.value, guest::kPageTablesBase);
    EXPECT_EQ(image.pieces[1].gpa.value, guest::kInfoBase);
    EXPECT_EQ(image.pieces[2].gpa.value, 0x10'0000U);
    EXPECT_EQ(image.pieces[3].bytes().size(), 8U); // zeros behind it come from the scrub
    EXPECT_EQ(image.entry.rip, 0x10'0000U);
    EXPECT_EQ(image.entry.rsp, 8 * kMiB - 16);
    EXPECT_EQ(image.rdi, guest::kInfoBase);
    const auto info = get<guest::Info>(image.pieces[1].bytes(), 0);
    EXPECT_EQ(info.magic, guest::kInfoMagic);
    EXPECT_EQ(info.cpu_count, 2U);
    EXPECT_EQ(info.ram_size, 8 * kMiB);
    ASSERT_EQ(info.channel_count, 2U);
    EXPECT_STREQ(info.channels[0].name, "answer");
    EXPECT_STREQ(info.channels[0].peer, "beta");
    EXPECT_EQ(info.channels[0].direction, 2);
    EXPECT_EQ(info.channels[0].vector, 0x40);
    EXPECT_EQ(info.channels[1].direction, 1);
    EXPECT_EQ(info.channels[1].vector, 0);
}

TEST(Native, BadFilesAreRefused) {
    const Placed placed;
    const Bytes good = make_guest_elf();
    expect_refused(placed.native({}), "payload.format", "is not an ELF file");
    expect_refused(placed.native(make_bzimage()), "payload.format", "expected it to begin with 7f 45 4c 46");
    expect_refused(placed.native(Bytes(good.begin(), good.begin() + 40)), "payload.format", "is truncated");
    expect_refused(placed.native(Bytes(good.begin(), good.begin() + 100)), "payload.format", "program header table");
    expect_refused(placed.native(Bytes(good.begin(), good.end() - 1)), "payload.format", "segment 1 needs");
    Bytes bad = good;
    bad[4] = 1;
    expect_refused(placed.native(bad), "payload.format", "is not a 64-bit ELF: expected class 2, found 1");
    bad = good;
    bad[18] = 183;
    expect_refused(placed.native(bad), "payload.format", "is not for x86-64: expected machine 62, found 183");
    bad = good;
    bad[16] = 3;
    expect_refused(placed.native(bad), "payload.format", "expected type 2 (ET_EXEC), found 3 (ET_DYN)");
    expect_refused(placed.native(make_elf(0x10'0000, {})), "payload.format", "nothing to load");
    expect_refused(placed.native(make_elf(0xF'0000, {{5, 0xF'0000, 0, Bytes(8, 1)}})), "mem.payload-fits",
                   "at or above 0x100000");
    expect_refused(placed.native(make_elf(0x10'0000, {{5, 0x10'0000, 8 * kMiB, Bytes(8, 1)}})), "mem.payload-fits",
                   "to end at or below 0x7ff000");
    expect_refused(
        placed.native(make_elf(0x10'0000, {{5, 0x10'0000, 0, Bytes(32, 1)}, {6, 0x10'0010, 0, Bytes(8, 1)}})),
        "payload.format", "segments that overlap");
    expect_refused(placed.native(make_elf(0x20'0000, {{5, 0x10'0000, 0, Bytes(32, 1)}})), "payload.format",
                   "has its entry at 0x200000");
    expect_refused(placed.native(make_elf(0x10'0000, {{6, 0x10'0000, 0, Bytes(32, 1)}})), "payload.format",
                   "inside an executable segment");
    expect_refused(placed.native(make_elf(0x10'0000, {{5, ~0ULL - 8, 32, Bytes(32, 1)}})), "payload.format",
                   "wraps round");
}

TEST(Native, AnyCutOrFlipEndsInAnAnswer) {
    const Placed placed;
    const Bytes good = make_guest_elf();
    for (std::size_t size = 0; size < good.size(); ++size) {
        static_cast<void>(placed.native(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))));
    }
    for (std::size_t at_byte = 0; at_byte < 176; ++at_byte) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            Bytes bad = good;
            bad[at_byte] = static_cast<std::uint8_t>(bad[at_byte] ^ (1U << bit));
            const auto outcome = placed.native(bad);
            EXPECT_NE(outcome.ok(), !outcome.diagnostics.empty());
        }
    }
}

TEST(Linux, IsLaidOutByTheBootProtocol) {
    const Placed placed(64 * kMiB);
    const Bytes kernel = make_bzimage();
    const Bytes initrd(5000, 0x1F);
    const auto outcome = placed.linux_guest(kernel, &initrd);
    ASSERT_TRUE(outcome.ok());
    const GuestImage& image = *outcome.value;
    EXPECT_EQ(image.entry.rip, 0x100'0200U);
    EXPECT_EQ(image.entry.cr3, 0x1'0000U);
    ASSERT_EQ(image.rsi % kPageSize, 0U);
    std::uint64_t end = 0;
    ByteView zero_page;
    for (const Piece& piece : image.pieces) {
        EXPECT_GE(piece.gpa.value, end);
        end = piece.gpa.value + piece.bytes().size();
        if (piece.gpa.value == image.rsi) {
            zero_page = piece.bytes();
        }
    }
    EXPECT_LE(end, 64 * kMiB);
    ASSERT_EQ(zero_page.size(), kPageSize);
    EXPECT_EQ(zero_page[0x210], 0xFF);
    EXPECT_EQ(get<std::uint64_t>(zero_page, 0x070), guest::kAcpiBase);
    EXPECT_EQ(get<std::uint32_t>(zero_page, 0x218), 64 * kMiB - 2 * kPageSize);
    EXPECT_EQ(get<std::uint32_t>(zero_page, 0x21C), 5000U);
    ASSERT_EQ(zero_page[0x1E8], 3);
    EXPECT_EQ(get<std::uint64_t>(zero_page, 0x2D0 + 8), 0xA'0000U);
    EXPECT_EQ(get<std::uint64_t>(zero_page, 0x2D0 + 20), 0xE'0000U);
    EXPECT_EQ(get<std::uint32_t>(zero_page, 0x2D0 + 36), 2U);
    EXPECT_EQ(get<std::uint64_t>(zero_page, 0x2D0 + 40), 0x10'0000U);
    EXPECT_EQ(get<std::uint64_t>(zero_page, 0x2D0 + 48), 63 * kMiB);
    const std::uint64_t line = get<std::uint32_t>(zero_page, 0x228);
    const auto cmdline = std::find_if(image.pieces.begin(), image.pieces.end(),
                                      [&](const Piece& piece) { return piece.gpa.value == line; });
    ASSERT_NE(cmdline, image.pieces.end());
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(cmdline->own.data())), "noapic quiet");
    const auto stub = std::find_if(image.pieces.begin(), image.pieces.end(),
                                   [](const Piece& piece) { return piece.gpa.value == guest::kResetStub; });
    ASSERT_NE(stub, image.pieces.end());
    EXPECT_LE(stub->own.size(), 16U);
}

TEST(Linux, BadFilesAreRefused) {
    const Placed placed(64 * kMiB);
    const Bytes good = make_bzimage();
    expect_refused(placed.linux_guest({}), "payload.format", "too short");
    expect_refused(placed.linux_guest(Bytes(4096, 0)), "payload.format", "is not a Linux bzImage");
    expect_refused(placed.linux_guest(Bytes(good.begin(), good.end() - 1)), "payload.format",
                   "is truncated: its header promises 2048 bytes, found 2047");
    const auto altered = [&](std::size_t offset, auto value) {
        Bytes bad = good;
        put(bad, offset, value);
        return placed.linux_guest(bad);
    };
    expect_refused(altered(0x206, std::uint16_t{0x020B}), "payload.format",
                   "boot protocol 2.11, expected at least 2.12");
    expect_refused(altered(0x236, std::uint16_t{0}), "payload.format", "no 64-bit entry");
    expect_refused(altered(0x211, std::uint8_t{0}), "payload.format", "is a zImage");
    expect_refused(altered(0x201, std::uint8_t{0x10}), "payload.format", "setup header");
    expect_refused(altered(0x1F1, std::uint8_t{200}), "payload.format", "truncated");
    expect_refused(altered(0x230, std::uint32_t{3}), "payload.format", "kernel_alignment");
    expect_refused(altered(0x258, std::uint64_t{0}), "payload.format", "expected one at or above 0x100000");
    expect_refused(altered(0x258, ~std::uint64_t{0x1F'FFFF}), "mem.payload-fits", "asks for memory up to");
    expect_refused(altered(0x260, std::uint32_t{64 << 20}), "mem.payload-fits", "has 64 MiB");
    const auto large = altered(0x260, std::uint32_t{64 << 20});
    EXPECT_NE(large.diagnostics[0].notes.at(0).find("init_size 0x4000000 (64 MiB) from pref_address 0x1000000 on"),
              std::string::npos);
    EXPECT_NE(large.diagnostics[0].help.find("at least 80 MiB, or boot the `vmlinux`"), std::string::npos);
    expect_refused(altered(0x260, std::uint32_t{16}), "payload.format", "init_size");
    expect_refused(altered(0x238, std::uint32_t{3}), "payload.cmdline", "has 12 bytes");
    const Bytes big(20 * kMiB, 1);
    const auto outcome = placed.linux_guest(good, &big);
    expect_refused(outcome, "mem.payload-fits", "has 20971520 bytes");
    EXPECT_NE(outcome.diagnostics[0].help.find("more memory: at least "), std::string::npos)
        << outcome.diagnostics[0].help;
    EXPECT_EQ(outcome.diagnostics[0].primary, at(24));
    const Bytes empty;
    expect_refused(placed.linux_guest(good, &empty), "payload.format", "is empty");
}

TEST(Linux, AnyFlipOfTheHeaderEndsInAnAnswer) {
    const Placed placed(64 * kMiB);
    const Bytes good = make_bzimage();
    const Bytes initrd(100, 1);
    for (std::size_t at_byte = 0x1F0; at_byte < 0x270; ++at_byte) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            Bytes bad = good;
            bad[at_byte] = static_cast<std::uint8_t>(bad[at_byte] ^ (1U << bit));
            const auto outcome = placed.linux_guest(bad, &initrd);
            EXPECT_NE(outcome.ok(), !outcome.diagnostics.empty());
        }
    }
}

TEST(Kernel, SegmentsAndDigest) {
    const Bytes elf = make_kernel();
    const auto outcome = read_kernel(elf);
    ASSERT_TRUE(outcome.ok());
    EXPECT_EQ(outcome.value->range.base.value, 0x20'0000U);
    EXPECT_EQ(outcome.value->range.size, 0x7000U);
    EXPECT_TRUE(outcome.value->segments[0].boot_only);
    EXPECT_EQ(outcome.value->file_digest, sha256(elf));
    const auto with_flip = [&elf](std::size_t offset) {
        Bytes altered = elf;
        altered[offset] ^= 1;
        return *read_kernel(altered).value;
    };
    const std::size_t bytes = 64 + 4 * 56;                                        // the first segment's
    EXPECT_NE(with_flip(bytes + 0x10).digest, outcome.value->digest);             // boot part
    EXPECT_NE(with_flip(bytes + 0x810).digest, outcome.value->digest);            // text
    EXPECT_EQ(with_flip(elf.size() - 1).digest, outcome.value->digest);           // data changes as the kernel runs
    EXPECT_NE(with_flip(elf.size() - 1).file_digest, outcome.value->file_digest); // but ships as it was built
}

TEST(Kernel, BadOnesAreRefused) {
    const auto refused = [](const Bytes& elf) {
        const auto outcome = read_kernel(elf);
        EXPECT_FALSE(outcome.ok());
        return outcome.diagnostics.empty() ? std::string() : outcome.diagnostics[0].message;
    };
    EXPECT_EQ(refused(Bytes(100, 0)),
              "the kernel is not an ELF file: expected it to begin with 7f 45 4c 46, found 00 00 00 00");
    EXPECT_NE(refused(make_elf(0, {{7, 0x20'0000, 0, Bytes(8, 1)}})).find("both writable and executable"),
              std::string::npos);
    EXPECT_NE(refused(make_elf(0, {{5, 0x10'0000, 0, Bytes(8, 1)}})).find("expected it inside 0x200000..0x400000"),
              std::string::npos);
    EXPECT_NE(
        refused(make_elf(0, {{5, 0x20'0000, 0, Bytes(8, 1)}, {6, 0x20'0800, 0, Bytes(8, 1)}})).find("share a page"),
        std::string::npos);
}

TEST(ReadPayloads, FindsOnceAndReportsEveryMissingFile) {
    const auto folder = std::filesystem::temp_directory_path() / ("septum-payloads-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder / "extra" / "beta.elf");
    std::ofstream(folder / "extra" / "alpha.elf") << "alpha";
    auto model = make_pair();
    model.directory = folder;
    model.partitions.push_back(model.partitions[0]);
    model.partitions.push_back(make_partition("gamma", kMiB));
    const auto bad = read_payloads(model, {folder / "extra"});
    ASSERT_EQ(bad.diagnostics.size(), 2U);
    EXPECT_EQ(bad.diagnostics[0].id, "payload.unreadable");
    EXPECT_EQ(bad.diagnostics[0].message, "`beta.elf` is a folder, expected a file");
    EXPECT_EQ(bad.diagnostics[1].id, "payload.missing");
    EXPECT_EQ(bad.diagnostics[1].message, "`gamma.elf` does not exist");
    EXPECT_EQ(bad.diagnostics[1].notes.size(), 2U);
    model.partitions.pop_back();
    model.partitions.erase(model.partitions.begin() + 1);
    const auto good = read_payloads(model, {folder / "extra"});
    ASSERT_TRUE(good.ok());
    ASSERT_EQ(good.value->size(), 1U);
    EXPECT_EQ(good.value->at(0).bytes.size(), 5U);
    std::filesystem::remove_all(folder);
}

} // namespace
} // namespace septum::build
