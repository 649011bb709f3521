// SPDX-License-Identifier: Apache-2.0
// Firmware and GRUB really start what the image says: by BIOS and UEFI, as a CD, as a USB stick would be, as a disk.
#include "build/image/disk.hpp"
#include "build/image/iso.hpp"
#include "tiny_kernel.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace septum::build {
namespace {

namespace fs = std::filesystem;

struct Way {
    const char* name;
    const char* firmware; // -bios, or empty
    const char* drive;    // what comes before the file's name
    bool disk = false;    // the image of a disk, not of a CD
};

const char* find_firmware() {
    for (const char* path : {"/usr/share/ovmf/OVMF.fd", "/usr/share/qemu/OVMF.fd"})
        if (fs::exists(path))
            return path;
    return "";
}

constexpr const char* kUsb = "-device qemu-xhci -device usb-storage,drive=d -drive format=raw,if=none,id=d,file=";

class BootTest : public ::testing::TestWithParam<Way> {};

TEST_P(BootTest, KernelSpeaks) {
    const Way& way = GetParam();
    if (std::system("qemu-system-x86_64 --version >/dev/null 2>&1") != 0)
        GTEST_SKIP() << "qemu-system-x86_64 is not installed";
    const bool uefi = way.firmware[0] != '\0';
    const std::string firmware = find_firmware();
    if (uefi && firmware.empty())
        GTEST_SKIP() << "ovmf is not installed";

    const std::vector<std::uint8_t> bundle(4096, 1);
    const auto image = way.disk ? make_disk(testing::tiny_kernel(), bundle, "tiny")
                                : make_iso(testing::tiny_kernel(), bundle, {.volume = "tiny"});
    ASSERT_TRUE(image.ok()) << image.diagnostics[0].message;
    std::string folder = (fs::temp_directory_path() / "image-boot-XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    const std::string file = folder + "/tiny.img";
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char*>(image.value->data()), static_cast<std::streamsize>(image.value->size()));

    const std::string command =
        "timeout 400 qemu-system-x86_64 -M q35 -accel tcg -cpu max -smp 2 -m 512 -nodefaults -vga none -display none "
        "-serial stdio -no-reboot -device isa-debug-exit,iobase=0xf4,iosize=4 " +
        (uefi ? "-bios " + firmware + " " : std::string()) + way.drive + file + " </dev/null";
    const auto start = std::chrono::steady_clock::now();
    FILE* pipe = ::popen(command.c_str(), "r");
    ASSERT_NE(pipe, nullptr);
    std::string said;
    char buffer[512];
    while (const auto n = std::fread(buffer, 1, sizeof buffer, pipe))
        said.append(buffer, n);
    const int status = ::pclose(pipe);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    fs::remove_all(folder);

    EXPECT_EQ(WEXITSTATUS(status), testing::kTinyKernelExit) << said;
    if (uefi) // the firmware and GRUB talk there too
        EXPECT_NE(said.find(testing::kTinyKernelSays), std::string::npos) << said;
    else
        EXPECT_EQ(said, testing::kTinyKernelSays);
    RecordProperty("seconds", std::to_string(seconds.count()));
    std::printf("[          ] %s: %.2f s from power-on to the kernel's end\n", way.name, seconds.count());
}

INSTANTIATE_TEST_SUITE_P(Ways, BootTest,
                         ::testing::Values(Way{"BiosCd", "", "-cdrom "},
                                           Way{"BiosDisk", "", "-drive format=raw,if=ide,file="},
                                           Way{"UefiCd", "ovmf", "-cdrom "},
                                           Way{"UefiDisk", "ovmf", "-drive format=raw,if=ide,file="},
                                           Way{"BiosFromDisk", "", "-drive format=raw,if=ide,file=", true},
                                           Way{"BiosFromDiskOnUsb", "", kUsb, true},
                                           Way{"UefiFromDisk", "ovmf", "-drive format=raw,if=ide,file=", true},
                                           Way{"UefiFromDiskOnUsb", "ovmf", kUsb, true}),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

} // namespace
} // namespace septum::build
