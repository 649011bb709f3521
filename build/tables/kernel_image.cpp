// SPDX-License-Identifier: Apache-2.0
#include "build/tables/kernel_image.hpp"

#include "build/plan/plan.hpp"
#include "build/tables/digest.hpp"
#include "build/tables/elf.hpp"

#include <septum/manifest/layout.hpp>

#include <algorithm>

namespace septum::build {
namespace {

constexpr std::uint64_t page_down(std::uint64_t value) {
    return value & ~(kPageSize - 1);
}
constexpr std::uint64_t page_up(std::uint64_t value) {
    return page_down(value + kPageSize - 1);
}

config::Diagnostic kernel_error(std::string message) {
    config::Diagnostic d;
    d.id = "image.kernel";
    d.message = "the kernel " + std::move(message);
    return d;
}

bool same_rights(const KernelSegment& a, const KernelSegment& b) {
    return a.write == b.write && a.execute == b.execute && a.boot_only == b.boot_only;
}

} // namespace

config::Outcome<KernelImage> read_kernel(ByteView bytes) {
    config::Outcome<KernelImage> outcome;
    ElfFile file;
    FormatError error;
    if (!read_elf(bytes, file, error)) {
        outcome.diagnostics.push_back(kernel_error(error.message));
        return outcome;
    }
    KernelImage kernel;
    std::uint64_t end = layout::kKernelBase;
    std::vector<ByteView> measured;
    for (const auto& segment : file.segments) {
        KernelSegment out;
        out.base = segment.physical_address;
        out.file_size = segment.file_size;
        out.memory_size = segment.memory_size;
        out.file_offset = segment.offset;
        out.write = (segment.flags & elf::kWrite) != 0;
        out.execute = (segment.flags & elf::kExecute) != 0;
        out.boot_only = (segment.flags & layout::kSegmentBootOnly) != 0;
        const std::string where = format_range(out.base, out.memory_size);
        if (segment.virtual_address != segment.physical_address) {
            outcome.diagnostics.push_back(kernel_error(
                "has a segment at " + where + " that is linked elsewhere: expected virtual = physical, found " +
                format_address(segment.virtual_address)));
        }
        if (out.base < layout::kKernelBase || out.base + out.memory_size > layout::kKernelLimit) {
            outcome.diagnostics.push_back(
                kernel_error("has a segment at " + where + ", expected it inside " +
                             format_range(layout::kKernelBase, layout::kKernelLimit - layout::kKernelBase)));
        }
        if (!out.boot_only && out.write && out.execute) {
            outcome.diagnostics.push_back(
                kernel_error("has a resident segment at " + where + " that is both writable and executable"));
        }
        for (const auto& other : kernel.segments) {
            if (page_down(out.base) < page_up(other.base + other.memory_size) &&
                page_down(other.base) < page_up(out.base + out.memory_size) &&
                (!same_rights(out, other) ||
                 (out.base < other.base + other.memory_size && other.base < out.base + out.memory_size))) {
                outcome.diagnostics.push_back(kernel_error("has segments at " + where + " and " +
                                                           format_range(other.base, other.memory_size) +
                                                           " that share a page"));
            }
        }
        if (!out.write) {
            measured.push_back(bytes.subspan(out.file_offset, out.file_size));
        }
        end = std::max(end, out.base + out.memory_size);
        kernel.segments.push_back(out);
    }
    kernel.range = {Hpa{layout::kKernelBase}, page_up(end) - layout::kKernelBase};
    kernel.digest = sha256(measured);
    kernel.file_digest = sha256(bytes);
    if (outcome.diagnostics.empty()) {
        outcome.value = std::move(kernel);
    }
    return outcome;
}

} // namespace septum::build
