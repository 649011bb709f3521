// SPDX-License-Identifier: Apache-2.0
// A partition's initial memory and the state of its boot CPU: the payload file, flattened, and what goes with it.
#pragma once

#include "build/plan/plan.hpp"
#include "build/tables/bytes.hpp"
#include "build/tables/vmcb.hpp"
#include "config/model.hpp"

#include <optional>
#include <string>
#include <vector>

namespace septum::build {

// Bytes at a guest-physical place: either made here, or a view of the payload file.
struct Piece {
    Gpa gpa;
    std::vector<std::uint8_t> own;
    ByteView view; // used when `own` is empty

    [[nodiscard]] ByteView bytes() const { return own.empty() ? view : ByteView(own); }
};

struct GuestImage {
    std::vector<Piece> pieces; // sorted by gpa, disjoint, inside the RAM below 3 GiB
    VmcbEntry entry;
    std::uint64_t rdi = 0;
    std::uint64_t rsi = 0;
    std::uint64_t rbx = 0;
};

// A payload file as the model names it.
struct NamedBytes {
    std::string path;  // as written
    config::Span span; // where it is written
    ByteView bytes;
};

// A native partition: ELF64, entered with the launch state that septum/guest/ promises. The views in the result are
// of `file`, which must outlive it.
[[nodiscard]] config::Outcome<GuestImage> native_image(const Plan& plan, std::size_t partition, const NamedBytes& file);

// Linux: bzImage and perhaps an initrd, entered by the 64-bit boot protocol (Linux x86 boot protocol 2.12).
[[nodiscard]] config::Outcome<GuestImage> linux_image(const Plan& plan, std::size_t partition,
                                                      const config::Partition& declared, const NamedBytes& kernel,
                                                      const NamedBytes* initrd);

// An ELF with a PVH entry note (Xen docs/misc/pvh.pandoc) and perhaps one module, entered in 32-bit protected mode with
// EBX at its start info.
[[nodiscard]] config::Outcome<GuestImage> pvh_image(const Plan& plan, std::size_t partition,
                                                    const config::Partition& declared, const NamedBytes& kernel,
                                                    const NamedBytes* module);

// An ELF with a Multiboot header (Multiboot 0.6.96) and perhaps one module, entered in 32-bit protected mode with EBX
// at its boot information.
[[nodiscard]] config::Outcome<GuestImage> multiboot_image(const Plan& plan, std::size_t partition,
                                                          const config::Partition& declared, const NamedBytes& kernel,
                                                          const NamedBytes* module);

} // namespace septum::build
