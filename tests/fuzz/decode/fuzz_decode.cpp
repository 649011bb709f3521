// SPDX-License-Identifier: Apache-2.0
// The first byte chooses: the bytes as they are, for every decoder; or edits of a good bundle or image, so that the
// fuzzer gets past the magics and digests of no interest.
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

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    static const decode::test::World world = decode::test::make_device_world();
    static const Bytes image = decode::test::make_iso(world.kernel, world.bundle);
    const decode::ByteSpan rest(data + 1, size - 1);
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
