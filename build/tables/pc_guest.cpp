// SPDX-License-Identifier: Apache-2.0
#include "build/tables/pc_guest.hpp"

#include "build/tables/acpi.hpp"
#include "build/tables/guest_info.hpp"
#include "build/tables/payload_error.hpp"

#include <algorithm>

namespace septum::build {
namespace {

// Reached by a jump to FFFF:0000, as a PC's processors start. Real mode: mov al, 1; mov dx, kResetPort; out dx, al;
// hlt; jmp to the hlt.
std::vector<std::uint8_t> make_reset_stub() {
    return {0xB0, 0x01, 0xBA, guest::kResetPort & 0xFFU, guest::kResetPort >> 8U, 0xEE, 0xF4, 0xEB, 0xFD};
}

} // namespace

std::vector<MapEntry> memory_map(const PlannedPartition& partition) {
    std::vector<MapEntry> map{{0, kLowRamEnd, MapType::ram},
                              {guest::kFirmwareBase, kHighRam - guest::kFirmwareBase, MapType::reserved}};
    for (const auto& region : partition.regions) {
        if (region.kind == manifest::RegionKind::ram) {
            const std::uint64_t base = std::max(region.gpa.value, kHighRam);
            map.push_back({base, region.gpa.value + region.size - base, MapType::ram});
        }
    }
    return map;
}

void add_piece(GuestImage& image, std::uint64_t gpa, std::vector<std::uint8_t> bytes) {
    Piece piece;
    piece.gpa = Gpa{gpa};
    piece.own = std::move(bytes);
    image.pieces.push_back(std::move(piece));
}

void add_view(GuestImage& image, std::uint64_t gpa, ByteView bytes) {
    Piece piece;
    piece.gpa = Gpa{gpa};
    piece.view = bytes;
    image.pieces.push_back(std::move(piece));
}

void add_firmware(GuestImage& image, const Plan& plan, std::size_t index, const config::Partition& declared) {
    const auto& partition = plan.partitions[index];
    AcpiMachine machine;
    machine.console = declared.console;
    machine.pci = !declared.device_indices.empty();
    for (std::size_t i = 0; i < partition.cpu_count; ++i) {
        machine.apic_ids.push_back(plan.cpus[partition.first_cpu + i].apic_id);
    }
    add_piece(image, guest::kAcpiBase, acpi_tables(machine, Gpa{guest::kAcpiBase}));
    std::vector<std::uint8_t> info(sizeof(guest::Info), 0);
    store(ByteSpan(info), 0, guest_info(plan, index));
    add_piece(image, guest::kInfoBase, std::move(info));
    add_piece(image, guest::kResetStub, make_reset_stub());
}

std::optional<std::uint64_t> place_module(const NamedBytes& module, std::uint64_t bottom, std::uint64_t top,
                                          const PlannedPartition& partition,
                                          std::vector<config::Diagnostic>& diagnostics) {
    const std::uint64_t size = module.bytes.size();
    if (size == 0) {
        diagnostics.push_back(payload_error("payload.format", module,
                                            "is empty, expected an initial RAM disk or a module", "no bytes", ""));
        return std::nullopt;
    }
    if (top < bottom || size > top - bottom || ((top - size) & ~(kPageSize - 1)) < bottom) {
        diagnostics.push_back(payload_error(
            "mem.payload-fits", module,
            "has " + std::to_string(size) + " bytes, but between the kernel's end at " + format_address(bottom) +
                " and " + format_address(top) + " there are only " + std::to_string(top > bottom ? top - bottom : 0),
            "does not fit",
            "give `" + partition.name + "` more memory: at least " +
                format_size((bottom + ((size + kPageSize - 1) & ~(kPageSize - 1)) + kMiB - 1) & ~(kMiB - 1))));
        return std::nullopt;
    }
    return (top - size) & ~(kPageSize - 1);
}

bool make_command_line(const config::Partition& declared, const NamedBytes& kernel, std::uint64_t room,
                       std::string_view word, std::vector<std::uint8_t>& line,
                       std::vector<config::Diagnostic>& diagnostics) {
    std::string text(word);
    if (!declared.boot.cmdline.value.empty()) {
        text += (text.empty() ? "" : " ") + declared.boot.cmdline.value;
    }
    if (text.size() > room) {
        config::Diagnostic d;
        d.id = "payload.cmdline";
        d.message = "the command line of `" + declared.name.value + "` has " + std::to_string(text.size()) +
                    " bytes, but `" + kernel.path + "` takes at most " + std::to_string(room);
        if (!word.empty()) {
            d.notes.push_back("`" + std::string(word) + "`, which every Linux is given first, is counted");
        }
        d.primary = declared.boot.cmdline.span;
        d.label = "too long";
        diagnostics.push_back(std::move(d));
        return false;
    }
    line.assign(text.begin(), text.end());
    line.push_back(0);
    return true;
}

void sort_pieces(GuestImage& image) {
    std::sort(image.pieces.begin(), image.pieces.end(), [](const Piece& a, const Piece& b) { return a.gpa < b.gpa; });
}

} // namespace septum::build
