// SPDX-License-Identifier: Apache-2.0
#include "config/read_iommu.hpp"

#include "config/choices.hpp"
#include "config/scalars.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace septum::config {

namespace {

constexpr std::uint64_t kKiB = 1ULL << 10;
constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr std::uint64_t kGiB = 1ULL << 30;
constexpr std::size_t kMostReserved = 64;

// The name of a function of the board, or a message.
bool is_known(const Node& node, std::string_view key, const Board& board, Diagnostics& diagnostics) {
    if (node.kind != Node::Kind::scalar) {
        wrong_type(node, key, "the name of a device", diagnostics);
        return false;
    }
    std::vector<std::string_view> known;
    for (const BoardPciFunction& function : board.pci)
        known.push_back(function.name.value);
    if (std::find(known.begin(), known.end(), node.text) != known.end())
        return true;
    diagnostics
        .error("config.unknown-device",
               fmt::format("board {} has no device {}", tick(board.name.value), tick(node.text)), node.span,
               "not in `pci`")
        .help = did_you_mean(node.text, known, "`pci` lists them");
    return false;
}

void read_reserved(const Node& list, Board& board, Diagnostics& diagnostics) {
    if (!expect_list(list, "reserved", "a list such as `[{base: 0x7f00_0000, size: 64 KiB, devices: [usb0]}]`",
                     diagnostics))
        return;
    for (const Node& item : list.items) {
        if (board.iommu.reserved.size() == kMostReserved) {
            diagnostics.error("config.too-many",
                              fmt::format("more reserved regions than allowed: at most {}", kMostReserved), item.span,
                              "one too many");
            return;
        }
        const Fields fields(item, "a reserved region", item.span,
                            {{"base", true}, {"size", true}, {"devices", true}, {"accept"}}, diagnostics);
        BoardReserved reserved;
        if (const Node* base = fields.find("base"))
            reserved.base = {read_page_address(*base, "base", diagnostics).value_or(0), base->span};
        if (const Node* size = fields.find("size")) {
            reserved.size = read_size(*size, "size", diagnostics).value_or(4 * kKiB);
            if (reserved.size == 0 || reserved.size % (4 * kKiB) != 0)
                diagnostics.error("config.alignment",
                                  fmt::format("`size` must be a multiple of 4 KiB, found {}", describe(*size)),
                                  size->span, "not whole pages");
        }
        if (const Node* devices = fields.find("devices");
            devices != nullptr && expect_list(*devices, "devices", "a list of device names", diagnostics))
            for (const Node& name : devices->items)
                if (is_known(name, "devices", board, diagnostics))
                    reserved.devices.push_back({name.text, name.span});
        if (const Node* accept = fields.find("accept"))
            reserved.declared = read_bool(*accept, "accept", diagnostics).value_or(false);
        board.iommu.reserved.push_back(std::move(reserved));
    }
}

void read_geometry(const Fields& fields, BoardIommuUnit& unit, Diagnostics& diagnostics) {
    if (const Node* node = fields.find("address-bits")) {
        const auto bits = read_integer(*node, "address-bits", 39, 48, diagnostics);
        unit.address_bits = static_cast<std::uint8_t>(bits.value_or(unit.address_bits));
        if (bits && *bits != 39 && *bits != 48)
            wrong_type(*node, "address-bits", "39 or 48", diagnostics).label = "tables of three or of four levels";
        if (bits == 39 && unit.kind == BoardIommu::amd_vi)
            diagnostics.error("board.iommu", "an AMD IOMMU has tables of four levels here: `address-bits` is 48",
                              node->span, "not 39");
    }
    if (const Node* node = fields.find("largest-page")) {
        const auto bytes = read_size(*node, "largest-page", diagnostics);
        if (bytes && *bytes != 4 * kKiB && *bytes != 2 * kMiB && *bytes != kGiB)
            diagnostics.error(
                "config.page-size",
                fmt::format("`largest-page` expects `4 KiB`, `2 MiB` or `1 GiB`, found {}", describe(*node)),
                node->span, "no such page size");
        unit.largest_page = bytes.value_or(unit.largest_page);
    }
    if (const Node* node = fields.find("version")) {
        unit.version = read_integer(*node, "version", 0x10, 0xFF, diagnostics).value_or(unit.version);
        if (unit.kind == BoardIommu::amd_vi)
            diagnostics.error("board.iommu", "an AMD IOMMU has no `version`", node->span, "only VT-d units have one");
    }
    if (const Node* node = fields.find("extended-interrupts"))
        unit.extended_interrupts = read_bool(*node, "extended-interrupts", diagnostics).value_or(false);
}

} // namespace

void read_iommu(const Node& node, Span at, Board& board, Diagnostics& diagnostics) {
    static constexpr std::array<std::pair<std::string_view, BoardIommu>, 3> kKinds{
        {{"none", BoardIommu::none}, {"vt-d", BoardIommu::vt_d}, {"amd-vi", BoardIommu::amd_vi}}};
    const Fields fields(node, "`iommu`", at,
                        {{"kind", true},
                         {"registers"},
                         {"address-bits"},
                         {"largest-page"},
                         {"version"},
                         {"extended-interrupts"},
                         {"function"},
                         {"reserved"}},
                        diagnostics);
    const Node* kind = fields.find("kind");
    if (kind == nullptr)
        return;
    BoardIommuUnit& unit = board.iommu;
    const auto read = read_choice(*kind, "kind", kKinds, diagnostics);
    unit.kind = read.value_or(BoardIommu::none);
    if (read == BoardIommu::none)
        for (const std::string_view key :
             {"registers", "address-bits", "largest-page", "version", "extended-interrupts", "function", "reserved"})
            if (const Node* value = fields.find(key))
                diagnostics.error("board.iommu", fmt::format("a board without an IOMMU has no {}", tick(key)),
                                  value->span, "of what?");
    if (unit.kind == BoardIommu::none)
        return;
    if (const Node* registers = fields.find("registers")) {
        const auto address = read_page_address(*registers, "registers", diagnostics);
        unit.registers = {address.value_or(0), registers->span};
        if (address && unit.kind == BoardIommu::amd_vi && *address % (16 * kKiB) != 0)
            diagnostics.error(
                "config.alignment",
                fmt::format("`registers` of an AMD IOMMU must be a multiple of 16 KiB, found {}", describe(*registers)),
                registers->span, "it has 16 KiB of them"); // AMD IOMMU §3.2.2
    } else {
        diagnostics.error("config.missing-key", "`iommu` has no `registers`", kind->span, "such a unit has registers");
    }
    unit.address_bits = unit.kind == BoardIommu::amd_vi ? 48 : 39;
    read_geometry(fields, unit, diagnostics);
    const Node* function = fields.find("function");
    if (function != nullptr && is_known(*function, "function", board, diagnostics))
        unit.function = Spanned<std::string>{function->text, function->span};
    if (unit.kind == BoardIommu::amd_vi && function == nullptr)
        diagnostics.error("config.missing-key", "`iommu` has no `function`", kind->span,
                          "an AMD IOMMU is a PCI function: name it");
    if (unit.kind == BoardIommu::vt_d && function != nullptr)
        diagnostics.error("board.iommu", "a VT-d unit is no PCI function: it has no `function`", function->span,
                          "only AMD IOMMUs have one");
    if (const Node* reserved = fields.find("reserved"))
        read_reserved(*reserved, board, diagnostics);
}

} // namespace septum::config
