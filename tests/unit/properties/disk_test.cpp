// SPDX-License-Identifier: Apache-2.0
// The judge of disks and of archives for the network, as build/ makes them: proved as they ship and after an update,
// refused for every change on a way into them.
#include "build/image/disk.hpp"
#include "build/image/iso.hpp"
#include "build/image/netboot.hpp"
#include "tests/mutation/world.hpp"
#include "verifier/verifier.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

namespace septum::verifier {

namespace {

using Image = std::vector<std::uint8_t>;

class Disks : public testing::Test {
protected:
    static void SetUpTestSuite() {
        world_ = mutation::make_world(mutation::Machine::x2apic);
        if (world_) {
            auto disk = build::make_disk(world_->kernel, world_->bundle, "mutated");
            auto archive = build::make_netboot(world_->kernel, world_->bundle);
            for (const auto& diagnostics : {disk.diagnostics, archive.diagnostics}) {
                for (const config::Diagnostic& diagnostic : diagnostics) {
                    why_ += diagnostic.message + "; ";
                }
            }
            disk_ = std::move(disk.value).value_or(Image{});
            archive_ = std::move(archive.value).value_or(Image{});
        }
    }
    static void TearDownTestSuite() {
        disk_ = {};
        archive_ = {};
    }
    void SetUp() override {
        ASSERT_TRUE(world_.has_value());
        if (disk_.empty() || archive_.empty()) {
            GTEST_SKIP() << "no image can be made here: " << why_;
        }
    }

    // Where a text is, from `from` on; past the end when it is nowhere.
    static std::size_t find(const Image& image, std::string_view text, std::size_t from = 0) {
        const std::size_t found =
            std::string_view(reinterpret_cast<const char*>(image.data()), image.size()).find(text, from);
        EXPECT_NE(found, std::string_view::npos) << text;
        return std::min(found, image.size());
    }
    static void write(Image& image, std::size_t at, std::string_view text) {
        ASSERT_LE(at + text.size(), image.size());
        std::copy(text.begin(), text.end(), image.begin() + static_cast<std::ptrdiff_t>(at));
    }
    // Everything that is said against an image, a line each; empty when it is proved.
    static std::string said(const Image& image) {
        const Report report = verify_image(world_->model, image, {});
        EXPECT_EQ(report.count(Verdict::disagreed), 0U);
        std::string text;
        for (const config::Diagnostic& defect : report.defects) {
            text += defect.message + "\n";
        }
        for (const PropertyResult& result : report.results) {
            for (const Finding& finding : result.findings) {
                text += result.id + ": " + finding.diagnostic.message + "\n";
            }
        }
        EXPECT_EQ(text.empty(), report.proved());
        return text;
    }
    static bool says(const std::string& said, const std::string& text) { return said.find(text) != std::string::npos; }

    static std::optional<mutation::World> world_;
    static Image disk_;
    static Image archive_;
    static std::string why_;
};
std::optional<mutation::World> Disks::world_;
Image Disks::disk_;
Image Disks::archive_;
std::string Disks::why_;

TEST_F(Disks, AreProved) {
    for (const Image& image : {disk_, archive_}) {
        const Report report = verify_image(world_->model, image, {});
        for (const config::Diagnostic& defect : report.defects) {
            ADD_FAILURE() << defect.message;
        }
        for (const PropertyResult& r : report.results) {
            EXPECT_TRUE(r.verdict != Verdict::violated && r.verdict != Verdict::inconclusive)
                << r.id << ": " << r.reason << (r.findings.empty() ? "" : r.findings.front().diagnostic.message);
        }
        EXPECT_TRUE(report.proved());
        EXPECT_TRUE(verify_image_alone(image, {.solver = false}).count(Verdict::violated) == 0);
    }
}

// The root directory's two entries, and grub.cfg: the files are in /b, and that is where GRUB looks.
TEST_F(Disks, AreProvedAfterAnUpdate) {
    Image image = disk_;
    const std::size_t root = find(image, "BOOT       ", find(image, "SEPTUM     \x08"));
    const std::size_t a = find(image, std::string_view("A          \x10", 12), root);
    const std::size_t b = find(image, std::string_view("B          \x10", 12), root);
    ASSERT_EQ(b, a + 32);
    image[a] = 'B';
    image[b] = 'A';
    EXPECT_PRED2(says, said(image), "no file `/a/septum.elf`");
    const std::size_t config = find(image, "multiboot2 /a/", root);
    image[config + 12] = 'b';
    EXPECT_PRED2(says, said(image), "no file `/a/appliance.sep`");
    image[find(image, "module2 /a/", config) + 9] = 'b';
    EXPECT_EQ(said(image), "");
}

TEST_F(Disks, ASecondConfigurationIsRefused) {
    Image image = disk_;
    const std::size_t entry = find(image, "GRUB    CFG");
    ASSERT_EQ(image[entry + 32], 0); // the directory's end
    write(image, entry + 32, "CUSTOM  CFG\x20");
    EXPECT_PRED2(says, said(image),
                 "image.boot-path: the image has a file `/boot/grub/custom.cfg`, which is none of an appliance's");
}

TEST_F(Disks, AnotherConfigurationIsRefused) {
    const std::size_t config = find(disk_, "set timeout=0\nmultiboot2 /a/");
    for (const auto& [at, text] : {std::pair<std::size_t, const char*>{12, "9"}, {0, "#et"}, {65, "cat"}}) {
        Image image = disk_;
        write(image, config + at, text);
        EXPECT_NE(said(image), "") << text;
    }
}

TEST_F(Disks, AnotherBootSectorIsRefused) {
    Image image = disk_;
    image[0x5C] ^= 1;
    EXPECT_PRED2(says, said(image), "the boot sector loads sector 35, expected the first of partition 1: 34");
    image = disk_;
    image[34 * 512 + 0x1F4] ^= 8;
    EXPECT_PRED2(says, said(image), "GRUB's first sector loads ");
}

TEST_F(Disks, AnotherGrubIsRefused) {
    Image image = disk_;
    image[34 * 512 + 20'000] ^= 0x40; // in the packed part
    EXPECT_PRED2(says, said(image), "GRUB for BIOS is not one of GRUB's programs, or is damaged");
    image = disk_;
    write(image, find(image, "(,gpt3)/boot/grub"), "(,gpt2)");
    EXPECT_PRED2(says, said(image), "GRUB for UEFI looks for grub.cfg in `(,gpt2)/boot/grub`");
    image = disk_;
    write(image, find(image, std::string_view("mods\0\0\0\0", 8)), "mode");
    EXPECT_PRED2(says, said(image), "GRUB for UEFI is not one of GRUB's programs");
}

TEST_F(Disks, AnotherProgramForUefiIsRefused) {
    Image image = disk_;
    const std::size_t entry = find(image, "BOOTX64 EFI");
    ASSERT_EQ(image[entry + 32], 0);
    write(image, entry + 32, "BOOTIA32EFI\x20");
    EXPECT_PRED2(says, said(image), "the image has a file `efi:/efi/boot/bootia32.efi`");
}

TEST_F(Disks, AnAlteredBundleOrKernelIsRefused) {
    Image image = disk_;
    const std::size_t bundle = find(image, std::string_view("\x7FSEPTUM1", 8));
    image[bundle + world_->bundle.size() / 2] ^= 0x10;
    EXPECT_NE(said(image), "");
    image = disk_;
    const std::string_view code(reinterpret_cast<const char*>(world_->kernel.data()) + 0x2000, 64);
    image[find(image, code) + 5] ^= 1;
    EXPECT_PRED2(says, said(image), "image.kernel: ");
}

TEST_F(Disks, ADiskCutShortIsRefused) {
    for (const std::size_t size : {std::size_t{600}, disk_.size() / 2, disk_.size() - 512}) {
        Image image = disk_;
        image.resize(size);
        EXPECT_PRED2(says, said(image), "the disk is cut short: expected ");
    }
}

TEST_F(Disks, AnAlteredArchiveIsRefused) {
    Image image = archive_;
    write(image, find(image, "multiboot2 $prefix/septum.elf"), "multiboot2 $prefix/septum.elg");
    EXPECT_PRED2(says, said(image), "GRUB for UEFI has other commands built in");
    image = archive_;
    image[find(image, "grub-bios.0") + 512 + 20'000] ^= 0x40;
    EXPECT_PRED2(says, said(image), "GRUB for BIOS is not one of GRUB's programs, or is damaged");
    image = archive_;
    write(image, find(image, "grub-bios.0"), "grub-bios.1");
    EXPECT_PRED2(says, said(image), "the image has no file `grub-bios.0`");
}

// The file system for UEFI that lies in an ISO, a FAT12.
TEST_F(Disks, AnIsoIsLookedIntoForUefiToo) {
    const auto made = build::make_iso(world_->kernel, world_->bundle, {.volume = "mutated"});
    ASSERT_TRUE(made.ok());
    const Image& iso = *made.value;
    EXPECT_EQ(said(iso), "");
    Image image = iso;
    const std::size_t search = find(image, "search.fs_uuid ");
    image[search + 15] ^= 1; // a digit of the volume's date
    EXPECT_PRED2(says, said(image), "GRUB for UEFI has other commands built in, expected those that lead to");
    image = iso;
    const std::size_t entry = find(image, "BOOTX64 EFI");
    ASSERT_EQ(image[entry + 32], 0);
    write(image, entry + 32, "BOOTIA32EFI\x20");
    EXPECT_PRED2(says, said(image), "the image has a file `efi:/efi/boot/bootia32.efi`");
    image = iso;
    const std::size_t fat = find(image, std::string_view("\xF0\xFF\xFF", 3), find(image, "FAT12   "));
    image[fat + 3] ^= 1;
    EXPECT_PRED2(says, said(image), "`/boot/grub/efi.img`: the two FATs differ at cluster 2");
    image = iso;
    const std::string_view type("\x28\x73\x2A\xC1\x1F\xF8\xD2\x11", 8); // the table's entry for it
    image[find(image, type) + 32] ^= 4;
    EXPECT_PRED2(says, said(image), "an EFI system partition begins in sector ");
}

} // namespace

} // namespace septum::verifier
