// SPDX-License-Identifier: Apache-2.0
#include "build/plan/items.hpp"

#include "build/plan/devices.hpp"

#include <septum/guest/event_log.hpp>
#include <septum/manifest/layout.hpp>

#include <algorithm>

namespace septum::build {
namespace {

using config::Diagnostic;
using config::Span;

constexpr std::uint64_t kHugePage = kGiB;
// The kernel maps identically, so nothing lies beyond the lower half of 48-bit linear addresses.
constexpr std::uint64_t kIdentityLimit = 1ULL << 47;

bool has_good_size(std::uint64_t size, const std::string& name, Span span, std::vector<Diagnostic>& diagnostics) {
    if (size >= kIdentityLimit) {
        diagnostics.push_back(make_error("plan.size",
                                         "`" + name + "` has " + format_size(size) + ", expected less than " +
                                             format_size(kIdentityLimit),
                                         span, "more than the kernel can map"));
        return false;
    }
    if (size != 0 && size % kPageSize == 0) {
        return true;
    }
    diagnostics.push_back(make_error(
        "plan.size", "`" + name + "` has " + format_size(size) + ", expected a multiple of 4 KiB that is not zero",
        span, "not whole pages"));
    return false;
}

} // namespace

Diagnostic make_error(std::string id, std::string message, Span primary, std::string label) {
    Diagnostic d;
    d.id = std::move(id);
    d.message = std::move(message);
    d.primary = primary;
    d.label = std::move(label);
    return d;
}

std::vector<Item> items_of(const config::Model& model, std::vector<Diagnostic>& diagnostics) {
    std::vector<Item> items;
    for (std::size_t i = 0; i < model.partitions.size(); ++i) {
        const auto& partition = model.partitions[i];
        if (!has_good_size(partition.memory.value, partition.name.value, partition.memory.span, diagnostics)) {
            continue;
        }
        Item item;
        item.kind = Item::Kind::ram;
        item.index = i;
        item.name = partition.name.value;
        item.size = partition.memory.value;
        item.pin = partition.base;
        item.size_span = partition.memory.span.known() ? partition.memory.span : partition.name.span;
        item.minimum = kLargePage;
        const bool huge =
            model.board.huge_pages_1g && partition.largest_page >= kHugePage && partition.memory.value >= kHugePage;
        item.alignment = huge ? kHugePage : kLargePage;
        if (partition.base && partition.largest_page < kLargePage) {
            item.minimum = kPageSize; // whoever asks for small pages and a place may have any page
        }
        items.push_back(std::move(item));
    }
    for (std::size_t i = 0; i < model.channels.size(); ++i) {
        const auto& channel = model.channels[i];
        if (!has_good_size(channel.size.value, channel.name.value, channel.size.span, diagnostics)) {
            continue;
        }
        Item item;
        item.kind = Item::Kind::channel;
        item.index = i;
        item.name = channel.name.value;
        item.size = channel.size.value;
        item.pin = channel.base;
        item.size_span = channel.size.span.known() ? channel.size.span : channel.name.span;
        item.alignment = channel.size.value >= kLargePage ? kLargePage : kPageSize;
        items.push_back(std::move(item));
    }
    Item crash;
    crash.kind = Item::Kind::crash_record;
    crash.name = "crash record";
    crash.size = kPageSize;
    crash.size_span = model.name.span;
    items.push_back(std::move(crash));
    for (const auto& partition : model.partitions) {
        if (partition.event_log) {
            Item log;
            log.kind = Item::Kind::event_log;
            log.name = "event log";
            log.size = guest::kEventLogSize;
            log.size_span = partition.event_log_span;
            items.push_back(std::move(log));
            break;
        }
    }
    Item workspace;
    workspace.kind = Item::Kind::workspace;
    workspace.name = "workspace";
    workspace.size = model.board.cpus.size() * layout::CpuBlock::kSize +
                     model.partitions.size() * layout::PartitionBlock::kSize + device_workspace(model);
    workspace.size_span = model.name.span;
    items.push_back(std::move(workspace));
    return items;
}

std::string called(const Item& item) {
    return item.kind == Item::Kind::channel ? "channel `" + item.name + "`" : "`" + item.name + "`";
}

Holes free_memory(const config::Board& board) {
    Holes holes;
    const std::uint64_t limit = board.physical_address_bits == 0 || board.physical_address_bits >= 47
                                    ? kIdentityLimit
                                    : 1ULL << board.physical_address_bits;
    for (const auto& memory : board.memory) {
        // Below the kernel lies what the firmware and GRUB use until the kernel owns the machine.
        const std::uint64_t base = round_up(std::max(memory.base.value, layout::kKernelBase), kPageSize);
        const std::uint64_t end = std::min(memory.base.value + memory.size.value, limit) & ~(kPageSize - 1);
        if (base < end) {
            holes.add(base, end - base);
        }
    }
    return holes;
}

} // namespace septum::build
