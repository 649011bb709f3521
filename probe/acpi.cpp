// SPDX-License-Identifier: Apache-2.0
#include "probe/acpi.hpp"

#include <algorithm>

namespace septum::probe {
namespace {

constexpr std::size_t kHeader = 36; // ACPI 6.5 §5.2.6

bool is_table(ByteSpan table, std::string_view signature) {
    return table.size() >= kHeader && std::equal(signature.begin(), signature.end(), table.begin());
}

// Calls `each` with every structure from `at` on whose length is in its byte (or word) at `length_at`.
template <typename Each>
void structures(ByteSpan table, std::size_t at, std::size_t length_at, std::size_t length_size, Each each) {
    while (at + length_at + length_size <= table.size()) {
        const auto length = static_cast<std::size_t>(little(table, at + length_at, length_size));
        if (length < length_at + length_size || length > table.size() - at)
            return;
        each(table.subspan(at, length));
        at += length;
    }
}

} // namespace

std::uint64_t little(ByteSpan bytes, std::size_t at, std::size_t size) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size && at + i < bytes.size(); i++)
        value |= static_cast<std::uint64_t>(bytes[at + i]) << (8 * i);
    return value;
}

std::vector<std::uint32_t> madt_apic_ids(ByteSpan table) {
    std::vector<std::uint32_t> ids;
    if (!is_table(table, "APIC"))
        return ids;
    structures(table, 44, 1, 1, [&](ByteSpan entry) {        // ACPI 6.5 §5.2.12
        if (entry[0] == 0 && (little(entry, 4, 4) & 1) != 0) // processor local APIC
            ids.push_back(static_cast<std::uint32_t>(little(entry, 3, 1)));
        if (entry[0] == 9 && (little(entry, 8, 4) & 1) != 0) // processor local x2APIC
            ids.push_back(static_cast<std::uint32_t>(little(entry, 4, 4)));
    });
    return ids;
}

std::optional<std::uint64_t> mcfg_base(ByteSpan table) {
    if (!is_table(table, "MCFG"))
        return std::nullopt;
    for (std::size_t at = kHeader + 8; at + 16 <= table.size(); at += 16)
        if (little(table, at + 8, 2) == 0 && table[at + 10] == 0)
            return little(table, at, 8);
    return std::nullopt;
}

void read_dmar(ByteSpan table, Machine& machine) {
    if (!is_table(table, "DMAR"))
        return;
    structures(table, 48, 2, 2, [&](ByteSpan entry) { // VT-d §8.2
        const auto type = little(entry, 0, 2);
        if (type == 0 && entry.size() >= 16) { // DRHD
            Unit unit;
            unit.kind = UnitKind::vt_d;
            unit.registers = little(entry, 8, 8);
            machine.units.push_back(unit);
        }
        if (type == 1 && entry.size() >= 24) { // RMRR
            Reserved reserved;
            reserved.range = {little(entry, 8, 8), little(entry, 16, 8) + 1};
            structures(entry, 24, 1, 1, [&](ByteSpan scope) { // one hop only: deeper ones need the buses in between
                if (scope.size() == 8)
                    reserved.devices.push_back(static_cast<std::uint16_t>(
                        little(scope, 5, 1) << 8 | little(scope, 6, 1) << 3 | little(scope, 7, 1)));
            });
            machine.reserved.push_back(std::move(reserved));
        }
    });
}

void read_ivrs(ByteSpan table, Machine& machine) {
    if (!is_table(table, "IVRS"))
        return;
    structures(table, 48, 2, 2, [&](ByteSpan entry) { // AMD IOMMU §5.2.2
        if ((entry[0] == 0x10 || entry[0] == 0x11 || entry[0] == 0x40) && entry.size() >= 24) {
            const auto registers = little(entry, 8, 8);
            const auto known = std::find_if(machine.units.begin(), machine.units.end(),
                                            [&](const Unit& unit) { return unit.registers == registers; });
            if (known != machine.units.end())
                return; // the same unit in a newer block
            Unit unit;
            unit.kind = UnitKind::amd_vi;
            unit.registers = registers;
            unit.bdf = static_cast<std::uint16_t>(little(entry, 4, 2));
            machine.units.push_back(unit);
        }
        if ((entry[0] == 0x20 || entry[0] == 0x21 || entry[0] == 0x22) && entry.size() >= 32) { // IVMD
            Reserved reserved;
            reserved.range = {little(entry, 16, 8), little(entry, 16, 8) + little(entry, 24, 8)};
            if (entry[0] == 0x21)
                reserved.devices.push_back(static_cast<std::uint16_t>(little(entry, 4, 2)));
            machine.reserved.push_back(std::move(reserved));
        }
    });
}

std::map<std::uint32_t, std::uint32_t> srat_nodes(ByteSpan table) {
    std::map<std::uint32_t, std::uint32_t> nodes;
    if (!is_table(table, "SRAT"))
        return nodes;
    structures(table, 48, 1, 1, [&](ByteSpan entry) { // ACPI 6.5 §5.2.16
        if (entry[0] == 0 && entry.size() >= 16 && (little(entry, 4, 4) & 1) != 0)
            nodes[static_cast<std::uint32_t>(little(entry, 3, 1))] =
                static_cast<std::uint32_t>(little(entry, 2, 1) | little(entry, 9, 3) << 8);
        if (entry[0] == 2 && entry.size() >= 24 && (little(entry, 12, 4) & 1) != 0)
            nodes[static_cast<std::uint32_t>(little(entry, 8, 4))] = static_cast<std::uint32_t>(little(entry, 4, 4));
    });
    return nodes;
}

} // namespace septum::probe
