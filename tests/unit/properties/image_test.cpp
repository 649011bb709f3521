// SPDX-License-Identifier: Apache-2.0
// The judge of an image: proved as it ships, and refused for every change on the boot path.
#include "build/image/iso.hpp"
#include "tests/mutation/world.hpp"
#include "verifier/verifier.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

namespace septum::verifier {

namespace {

using Image = std::vector<std::uint8_t>;

class Images : public testing::Test {
protected:
    static void SetUpTestSuite() {
        world_ = mutation::make_world(mutation::Machine::x2apic);
        if (world_) {
            auto made = build::make_iso(world_->kernel, world_->bundle, {.volume = "mutated", .uefi = false});
            for (const config::Diagnostic& diagnostic : made.diagnostics) {
                why_ += diagnostic.message + "; ";
            }
            if (made.ok()) {
                image_ = std::move(*made.value);
            }
        }
    }
    void SetUp() override {
        ASSERT_TRUE(world_.has_value());
        if (image_.empty()) {
            GTEST_SKIP() << "no image can be made here: " << why_;
        }
    }

    static std::size_t find(const Image& image, std::string_view text) {
        const std::string_view bytes(reinterpret_cast<const char*>(image.data()), image.size());
        return std::min(bytes.find(text), image.size());
    }
    Report verify(const Image& image) const {
        Report report = verify_image(world_->model, image, {});
        EXPECT_EQ(report.count(Verdict::disagreed), 0U);
        return report;
    }
    // Replaces a text on the boot path by one as long.
    Image with(std::string_view from, std::string_view to) const {
        Image image = image_;
        const std::size_t at = find(image, from);
        EXPECT_LT(at, image.size()) << from;
        EXPECT_EQ(from.size(), to.size());
        if (at < image.size()) {
            std::copy(to.begin(), to.end(), image.begin() + static_cast<std::ptrdiff_t>(at));
        }
        return image;
    }
    static const PropertyResult* result(const Report& report, std::string_view id) {
        for (const PropertyResult& r : report.results) {
            if (r.id == id) {
                return &r;
            }
        }
        return nullptr;
    }

    static std::optional<mutation::World> world_;
    static Image image_;
    static std::string why_;
};
std::optional<mutation::World> Images::world_;
Image Images::image_;
std::string Images::why_;

TEST_F(Images, TheImageIsProved) {
    const Report report = verify_image(world_->model, image_, {});
    for (const config::Diagnostic& defect : report.defects) {
        ADD_FAILURE() << defect.message;
    }
    for (const PropertyResult& r : report.results) {
        EXPECT_TRUE(r.verdict != Verdict::violated && r.verdict != Verdict::inconclusive)
            << r.id << ": " << r.reason << (r.findings.empty() ? "" : r.findings.front().diagnostic.message);
    }
    EXPECT_TRUE(report.proved());
    EXPECT_EQ(result(report, "image.boot-path")->verdict, Verdict::proved);
    EXPECT_NE(report.image_digest, (std::array<std::uint8_t, 32>{}));
}

TEST_F(Images, AnotherGrubConfigIsRefused) {
    for (const auto& [from, to] : {std::pair{"set timeout=0\nmulti", "set timeout=9\nmulti"},
                                   std::pair{"module2 /boot/appliance.sep\nboot", "module2 /boot/appliance.sep\ncat "},
                                   std::pair{"multiboot2 /boot/septum.elf\n", "multiboot2 /boot/septum.elg\n"},
                                   std::pair{"set timeout=0\nmulti", "#et timeout=0\nmulti"}}) {
        const Report report = verify(with(from, to));
        EXPECT_FALSE(report.proved()) << to;
        const PropertyResult* path = result(report, "image.boot-path");
        EXPECT_TRUE(!report.defects.empty() || path->verdict == Verdict::violated) << to;
    }
}

TEST_F(Images, AnotherWayInIsRefused) {
    const auto said = [&](const Image& image) {
        const Report report = verify(image);
        const PropertyResult* path = result(report, "image.boot-path");
        return path == nullptr || path->findings.empty() ? "" : path->findings.front().diagnostic.message;
    };
    Image image = image_;
    image[0x1B0] ^= 4; // of a USB stick's boot sector
    EXPECT_EQ(said(image).substr(0, 28), "the boot sector loads sector");
    image = image_;
    const std::size_t catalogue = find(image, std::string_view("\x88\0\0\0\0\0\4\0", 8));
    ASSERT_LT(catalogue, image.size());
    image[catalogue + 8] ^= 1; // El Torito's default entry
    EXPECT_EQ(said(image).substr(0, 32), "the boot catalogue starts what l");
    image = image_;
    const std::size_t program = find(image, std::string_view("\xEA\x1C\x82\0\0", 5)); // GRUB's decompressor
    ASSERT_LT(program + 30'000, image.size());
    image[program + 30'000] ^= 1; // in the stream behind it
    EXPECT_EQ(said(image), "GRUB for BIOS is not one of GRUB's programs, or is damaged");
}

TEST_F(Images, AnAlteredKernelIsRefused) {
    Image image = image_;
    const std::string_view code(reinterpret_cast<const char*>(world_->kernel.data()) + 0x2000, 64);
    const std::size_t at = find(image, code);
    ASSERT_LT(at, image.size());
    image[at + 5] ^= 1;
    const Report report = verify(image);
    EXPECT_EQ(result(report, "image.kernel")->verdict, Verdict::violated);
}

TEST_F(Images, AnAlteredBundleIsRefused) {
    const std::string_view magic("\x7FSEPTUM1", 8);
    const std::size_t bundle = find(image_, magic);
    ASSERT_LT(bundle, image_.size());
    for (const std::size_t offset : {std::size_t{0x200}, world_->bundle.size() / 2, world_->bundle.size() - 1}) {
        Image image = image_;
        image[bundle + offset] ^= 0x10;
        EXPECT_FALSE(verify(image).proved()) << offset;
    }
}

TEST_F(Images, AnImageCutShortIsRefused) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{2048}, image_.size() / 2, image_.size() - 2048}) {
        Image image = image_;
        image.resize(size);
        const Report report = verify(image);
        EXPECT_FALSE(report.proved()) << size;
    }
}

TEST_F(Images, AByteThatNothingDescribesIsFoundBothWays) {
    Image image = image_;
    image[0x1000] = 1; // in the system area, behind the partition table
    const Report report = verify(image);
    const PropertyResult* const found = result(report, "image.well-formed");
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->by_enumeration, Verdict::violated);
    EXPECT_EQ(found->by_solver, Verdict::violated);
}

TEST_F(Images, AnotherAppliancesImageIsRefused) {
    auto other = mutation::make_world(mutation::Machine::xapic);
    ASSERT_TRUE(other.has_value());
    EXPECT_FALSE(verify_image(other->model, image_, {.solver = false}).proved());
}

} // namespace

} // namespace septum::verifier
