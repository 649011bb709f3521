// SPDX-License-Identifier: Apache-2.0
// The first byte chooses: the bytes as they are, for every decoder; or edits of a good bundle or image, so that the
// fuzzer gets past the magics and digests of no interest. A disk is too large to be copied each time: its edits are
// undone.
#include "disk_world.hpp"
#include "verifier/decode/lzma.hpp"
#include "verifier/facts/facts.hpp"
#include "verifier/verifier.hpp"
#include "world.hpp"

#include <cstdlib>

namespace {

using namespace septum;
using namespace septum::verifier;
using decode::test::Bytes;

// Each edit is five bytes: where (3), what (1), how (1: set, flip, or set a run).
void edit(Bytes& bytes, decode::ByteSpan edits, std::size_t first, std::size_t size) {
    for (; edits.size() >= 5; edits = edits.subspan(5)) {
        const std::size_t at =
            first + (std::size_t{edits[0]} | std::size_t{edits[1]} << 8 | std::size_t{edits[2]} << 16) % size;
        switch (edits[4] & 3) {
        case 0:
            bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ edits[3]);
            break;
        case 1:
            bytes[at] = edits[3];
            break;
        default:
            for (std::size_t i = at; i < std::min(at + (edits[4] >> 2), bytes.size()); ++i) {
                bytes[i] = edits[3];
            }
        }
    }
}

void raw(decode::ByteSpan bytes) {
    (void)decode::decode_iso(bytes);
    (void)decode::decode_gpt(bytes);
    (void)decode::decode_fat32(bytes, "fat", 0);
    (void)decode::decode_tar(bytes);
    (void)decode::decode_lzma(bytes, 4096);
    (void)decode::decode_grub_efi(bytes, "grub");
    (void)decode::decode_grub_bios(bytes, 0, "grub");
    (void)decode::decode_elf(bytes);
    (void)decode::decode_manifest(bytes);
    (void)decode::decode_grub_config(bytes);
    (void)decode::decode_iopm_bytes(bytes, 0, "iopm");
    (void)decode::decode_msrpm_bytes(bytes, 0, "msrpm");
    const decode::HostMemory host{0, bytes, 0, bytes.size()};
    (void)decode::decode_vtd(host, 0, 46, "iommu");
    (void)decode::decode_amd_vi(host, 0, 46, true, "iommu");
    (void)decode::decode_interrupt_table(host, 0, 256, "irt");
    const decode::GuestMemory memory({{0xE0000, bytes}});
    (void)decode::decode_acpi(memory, 0, "acpi");
    (void)decode::decode_acpi(memory, 0xE0000, "acpi");
    (void)decode::decode_linux_params(memory, 0xE0000, "params");
    (void)decode::decode_guest_info(memory, 0xE0000, "info");
}

// Each edit is five bytes: where (2), in which part (1), what (1), how (1: set or flip). With `seal` the partition
// table's checksums are made to fit.
void disk(decode::test::DiskWorld& world, decode::ByteSpan edits, bool seal) {
    using decode::test::DiskWorld;
    constexpr std::size_t kSector = DiskWorld::kSector;
    constexpr std::size_t kLast = DiskWorld::kSectors * kSector;
    const struct {
        std::size_t at, size;
    } parts[] = {{0, 34 * kSector},
                 {kLast - 33 * kSector, 33 * kSector},
                 {DiskWorld::kEntries, 3 * 128},
                 {DiskWorld::kDataAt, 8 * kSector},
                 {DiskWorld::fat_entry(0), 64},
                 {DiskWorld::fat_entry(0, true), 64},
                 {DiskWorld::cluster(2), 5 * kSector},
                 {DiskWorld::cluster(2), 256}};
    std::vector<std::pair<std::size_t, std::uint8_t>> before;
    constexpr std::ptrdiff_t kHead = 34 * kSector; // what seal() writes
    constexpr std::ptrdiff_t kTail = 33 * kSector;
    const decode::test::Bytes head(world.bytes.begin(), world.bytes.begin() + kHead);
    const decode::test::Bytes tail(world.bytes.end() - kTail, world.bytes.end());
    for (; edits.size() >= 5; edits = edits.subspan(5)) {
        const auto& part = parts[edits[2] & 7];
        const std::size_t at = part.at + (std::size_t{edits[0]} | std::size_t{edits[1]} << 8) % part.size;
        before.emplace_back(at, world.bytes[at]);
        world.bytes[at] = (edits[4] & 1) != 0 ? edits[3] : static_cast<std::uint8_t>(world.bytes[at] ^ edits[3]);
    }
    if (seal) {
        world.seal();
    }
    if (const auto image = open_image(world.bytes); image.ok() != image.diagnostics.empty()) {
        std::abort();
    }
    for (; !before.empty(); before.pop_back()) {
        world.bytes[before.back().first] = before.back().second;
    }
    std::copy(head.begin(), head.end(), world.bytes.begin());
    std::copy(tail.begin(), tail.end(), world.bytes.end() - kTail);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    static const decode::test::World world = decode::test::make_device_world();
    static const Bytes image = decode::test::make_iso(world.kernel, world.bundle);
    const decode::ByteSpan rest(data + 1, size - 1);
    if ((data[0] & 0x18) == 0x18) {
        static decode::test::DiskWorld made = decode::test::make_disk(world.kernel, world.bundle);
        disk(made, rest, (data[0] & 4) != 0);
        return 0;
    }
    switch (data[0] & 3) {
    case 0:
        raw(rest);
        break;
    case 1: {
        Bytes bundle = world.bundle;
        edit(bundle, rest, 0, (data[0] & 4) != 0 ? 2000 : bundle.size());
        if (read_bundle(world.kernel, bundle).ok() != read_bundle(world.kernel, bundle).diagnostics.empty()) {
            std::abort();
        }
        break;
    }
    case 2: {
        Bytes kernel = world.kernel;
        edit(kernel, rest, 0, 256);
        (void)read_bundle(kernel, world.bundle);
        break;
    }
    default: {
        Bytes bytes = image;
        edit(bytes, rest, std::size_t{16} * 2048,
             (data[0] & 4) != 0 ? std::size_t{8} * 2048 : bytes.size() - 16 * 2048);
        (void)walk(bytes, "left", 0xD000'0000, nullptr);
        break;
    }
    }
    return 0;
}
