// SPDX-License-Identifier: Apache-2.0
// image.kernel: the kernel is the one measured.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/digest.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/wording.hpp"
#include "verifier/properties/shared/words.hpp"

#include <septum/manifest/layout.hpp>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

// The same for the solver: words of digests and addresses, and segments as sets.
smt::Answer kernel_by_solver(const Context& context, unsigned timeout) {
    const Facts& facts = *context.facts;
    const decode::Elf& elf = facts.kernel.elf;
    Words words;
    words.digest(facts.bundle.kernel_digest);
    words.digest(facts.bundle.kernel_file_digest);
    if (context.options.kernel) {
        words.text(hex(facts.kernel.file_digest), *context.options.kernel);
    }
    words.is(facts.kernel.place.base, layout::kKernelBase);
    words.between(facts.kernel.place.base + facts.kernel.place.size, 0, layout::kKernelLimit);
    words.between(elf.entry, layout::kKernelBase, layout::kKernelLimit);
    words.is(elf.defects.total(), 0);
    Pieces segments;
    Pieces code;
    for (const decode::ElfSegment& segment : elf.segments) {
        words.is(segment.virtual_address, segment.physical_address);
        segments.push_back({segment.physical_address, segment.physical_address + segment.memory_size, 0});
        if ((segment.flags & decode::kElfExecute) != 0) {
            code.push_back({segment.virtual_address, segment.virtual_address + segment.memory_size, 0});
        }
    }
    const Pieces place{{facts.kernel.place.base, facts.kernel.place.base + facts.kernel.place.size, 0}};
    return smt::together({words.allowed("image.kernel: digests and addresses", timeout),
                          smt::within("image.kernel: segments in its range", segments, place, timeout),
                          smt::never_twice("image.kernel: segments", segments, timeout),
                          smt::within("image.kernel: entry", {{elf.entry, elf.entry + 1, 0}}, code, timeout)});
}

void kernel(const Context& context, Judge& judge) {
    const Facts& facts = *context.facts;
    compare_digest(judge, facts.bundle.kernel_file_digest, "the kernel's file", "");
    compare_digest(judge, facts.bundle.kernel_digest, "the kernel's code and constants", "");
    if (const auto& wanted = context.options.kernel; wanted && hex(facts.kernel.file_digest) != *wanted) {
        judge.violated({.message = fmt::format("the image's kernel is not septum's own: expected {}, found {}", *wanted,
                                               hex(facts.kernel.file_digest)),
                        .key = "another",
                        .witness = "SHA-256 " + hex(facts.kernel.file_digest),
                        .help = "build the image anew, or name the kernel that it was built with: `--kernel`"});
    }
    const PlaceRange& place = facts.kernel.place;
    if (place.base != layout::kKernelBase || place.base + place.size > layout::kKernelLimit) {
        judge.violated({.message = fmt::format("the kernel lies at {}, expected inside {}",
                                               range(place.base, place.base + place.size),
                                               range(layout::kKernelBase, layout::kKernelLimit)),
                        .key = "place",
                        .witness = "host-physical " + address(place.base)});
    }
    Pieces segments;
    bool entered = false;
    for (const decode::ElfSegment& segment : facts.kernel.elf.segments) {
        const std::uint64_t end = segment.physical_address + segment.memory_size;
        segments.push_back({segment.physical_address, end, segments.size()});
        entered = entered ||
                  ((segment.flags & decode::kElfExecute) != 0 && facts.kernel.elf.entry >= segment.virtual_address &&
                   facts.kernel.elf.entry < segment.virtual_address + segment.memory_size);
        if (segment.physical_address != segment.virtual_address) {
            judge.violated({.message = fmt::format("the kernel's segment at {} is linked for {}",
                                                   address(segment.physical_address), address(segment.virtual_address)),
                            .key = "identity",
                            .witness = "host-physical " + address(segment.physical_address)});
        }
    }
    for (const Piece& piece : without(segments, {{place.base, place.base + place.size, 0}})) {
        judge.violated({.message = fmt::format("the kernel's segment {} lies outside the kernel's range at {}",
                                               piece.value, range(piece.first, piece.end)),
                        .key = "segment",
                        .witness = "host-physical " + address(piece.first)});
    }
    for (const Overlap& overlap : overlaps(segments)) {
        judge.violated(
            {.message = fmt::format("the kernel's segments {} and {} overlap", overlap.earlier, overlap.later),
             .key = "overlap",
             .witness = "host-physical " + address(overlap.first)});
    }
    if (!entered) {
        judge.violated({.message = fmt::format("the kernel's entry {} lies in no executable segment",
                                               address(facts.kernel.elf.entry)),
                        .key = "entry",
                        .witness = "host-physical " + address(facts.kernel.elf.entry)});
    }
    for (const Defect& defect : facts.kernel.elf.defects.kept()) {
        judge.violated({.message = fmt::format("the kernel: {}: {}, expected {:#x}, found {:#x}", defect.what,
                                               decode::name(defect.kind), defect.expected, defect.found),
                        .key = decode::name(defect.kind),
                        .witness = "file offset " + address(defect.address)});
    }
    judge.solver_agrees(judge.found() == 0, [&](unsigned timeout) { return kernel_by_solver(context, timeout); });
}

} // namespace

const Property kImageKernel{
    .id = "image.kernel",
    .title = "the kernel is the one measured",
    .statement =
        "The kernel's file is the one that septum came with (or `--kernel` names) and has the digest that the "
        "manifest records, and so have its segments that are not writable, which the kernel compares again at boot; "
        "its segments lie in the kernel's range, apart from each other, at the address they are linked for.",
    .level = Level::bytes,
    .rests_on = "SHA-256; what the kernel's code does is tested, not proved",
    .manual = "System V gABI chapter 5; FIPS 180-4",
    .mend = "build the image anew with the kernel that it was planned for",
    .bytes = kernel,
};

} // namespace septum::verifier
