// SPDX-License-Identifier: Apache-2.0
#include "build/tables/info_image.hpp"

#include <algorithm>

namespace septum::build {

std::optional<GuestImage> information_image(const Plan& plan, std::size_t partition, const config::Partition& declared,
                                            const NamedBytes& kernel, const ElfFile& elf_file, std::uint64_t entry,
                                            const NamedBytes* module, MakeInformation make_information,
                                            std::vector<config::Diagnostic>& diagnostics) {
    const PlannedPartition& planned = plan.partitions[partition];
    const std::uint64_t ram = std::min(planned.ram.size, guest::kLowRamLimit);

    GuestImage image;
    bool good = place_segments(elf_file, kernel, planned, {.limit = ram}, entry, image, diagnostics);
    std::vector<std::uint8_t> line;
    good = make_command_line(declared, kernel, kLowRamEnd - kInformationLine - 1, {}, line, diagnostics) && good;
    PlacedModule placed;
    if (good && module != nullptr) {
        const auto at = place_module(*module, segments_end(elf_file), ram, planned, diagnostics);
        good = at.has_value();
        placed = {at.value_or(0), module->bytes.size()};
    }
    if (!good) {
        return std::nullopt;
    }
    add_piece(image, kInformation, make_information(planned, module != nullptr ? &placed : nullptr));
    add_piece(image, kInformationLine, std::move(line));
    add_firmware(image, plan, partition, declared);
    if (module != nullptr) {
        add_view(image, placed.at, module->bytes);
    }
    sort_pieces(image);
    image.entry.mode = EntryMode::protected32;
    image.entry.rip = entry;
    image.rbx = kInformation;
    return image;
}

} // namespace septum::build
