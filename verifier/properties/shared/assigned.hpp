// SPDX-License-Identifier: Apache-2.0
// The devices that partitions own: what the file and the board say of each, and the image's record of it.
#pragma once

#include "verifier/properties/property.hpp"
#include "verifier/properties/shared/intervals.hpp"

namespace septum::verifier {

struct AssignedDevice {
    std::uint32_t partition = 0; // index into the model's
    const config::BoardPciFunction* function = nullptr;
    config::Span span;                        // the line that gives it away
    const manifest::Device* record = nullptr; // null: not in the image, or no image
};

// In the file's order; names that the board does not have are left out.
[[nodiscard]] std::vector<AssignedDevice> assigned_devices(const Context& context);
[[nodiscard]] bool any_device(const config::Model& model);

// Whether it boots as a PC does (Linux, PVH, Multiboot), and so is shown a PC's trigger registers and, even without
// devices, a PCI bus.
[[nodiscard]] bool is_pc(const config::Partition& partition);
[[nodiscard]] bool sees_bus(const config::Partition& partition);

// The bridge right above a function; null on bus 0 or when the board lists none.
[[nodiscard]] const config::BoardPciFunction* bridge_above(const config::Board& board,
                                                           const config::BoardPciFunction& function);
// Every bridge above it, the nearest first.
[[nodiscard]] std::vector<const config::BoardPciFunction*> bridges_above(const config::Board& board,
                                                                         const config::BoardPciFunction& function);

// Whether an IOMMU stands between devices and the rest. Says what follows when none does: on a board that has none the
// property is not applicable; an image that drives none of the board's is a violation, as `otherwise` ("nothing blocks
// DMA").
[[nodiscard]] bool has_unit(const Context& context, Judge& judge, const char* otherwise);

// Interrupts that its owner sees: entries of its MSI-X table, or vectors of its MSI capability.
[[nodiscard]] std::uint32_t interrupts_shown(const config::BoardPciFunction& function);

// A memory BAR of the board; `owner`: the model's partition, or ~0u.
struct BoardBarPlace {
    const config::BoardPciFunction* function = nullptr;
    const config::BoardBar* bar = nullptr;
    std::uint32_t owner = ~0U;
};
[[nodiscard]] std::vector<BoardBarPlace> board_bars(const config::Model& model);
// Pages of a BAR that the MSI-X table touches, as offsets; empty when it is in another.
[[nodiscard]] Pieces table_pages_of(const config::BoardPciFunction& function, const config::BoardBar& bar);

inline constexpr std::uint64_t kInterruptWindow = 0xFEE0'0000; // VT-d §3.14, APM 2 §16.9: writes here are interrupts
inline constexpr std::uint64_t kInterruptWindowEnd = 0xFEF0'0000;
inline constexpr const char* kNoDevice = "no device is assigned";

} // namespace septum::verifier
