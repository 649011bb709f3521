// SPDX-License-Identifier: Apache-2.0
#include "build/plan/cpus.hpp"
#include "build/plan/devices.hpp"
#include "build/plan/holes.hpp"
#include "build/plan/plan.hpp"

#include <septum/guest/board.hpp>
#include <septum/guest/event_log.hpp>
#include <septum/guest/info.hpp>
#include <septum/manifest/layout.hpp>

#include <algorithm>
#include <optional>

namespace septum::build {
namespace {

using config::Diagnostic;
using config::Span;

constexpr std::uint64_t kLargePage = 2 * kMiB;
constexpr std::uint64_t kHugePage = kGiB;
// The kernel maps identically, so nothing lies beyond the lower half of 48-bit linear addresses.
constexpr std::uint64_t kIdentityLimit = 1ULL << 47;
constexpr std::uint64_t kChannelLimit = guest::kChannelLimit;
// The first doorbell vector of a native partition: above the exceptions and the PC's traditional vectors.
constexpr std::uint8_t kFirstDoorbellVector = 0x40;

static_assert(guest::kEventLogBase >= guest::kLowRamLimit &&
              guest::kEventLogBase + guest::kEventLogSize <= guest::kChannelBase);

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
    return (value + unit - 1) & ~(unit - 1);
}

Diagnostic make_error(std::string id, std::string message, Span primary, std::string label) {
    Diagnostic d;
    d.id = std::move(id);
    d.message = std::move(message);
    d.primary = primary;
    d.label = std::move(label);
    return d;
}

// Something that wants host-physical memory.
struct Item {
    enum class Kind : std::uint8_t { ram, channel, workspace, event_log, crash_record } kind = Kind::ram;
    std::size_t index = 0; // in the model
    std::string name;
    std::uint64_t size = 0;
    std::uint64_t alignment = kPageSize; // wanted
    std::uint64_t minimum = kPageSize;   // needed
    std::optional<config::Spanned<std::uint64_t>> pin;
    Span size_span;
    std::optional<std::uint64_t> base; // the answer
};

bool has_good_size(std::uint64_t size, const std::string& name, Span span, std::vector<Diagnostic>& diagnostics) {
    if (size != 0 && size % kPageSize == 0 && size < kIdentityLimit) {
        return true;
    }
    diagnostics.push_back(make_error(
        "plan.size", "`" + name + "` has " + format_size(size) + ", expected a multiple of 4 KiB that is not zero",
        span, "not whole pages"));
    return false;
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
    workspace.size =
        model.board.cpus.size() * layout::CpuBlock::kSize + model.partitions.size() * layout::PartitionBlock::kSize +
        device_workspace(model);
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

// Pins first, each against the rules, the board, the kernel and the pins before it.
void place_pins(std::vector<Item>& items, Holes& holes, const manifest::Range& kernel, const config::Board& board,
                std::vector<Diagnostic>& diagnostics) {
    const Holes all = free_memory(board); // before anything was taken
    std::vector<const Item*> placed;
    for (auto& item : items) {
        if (!item.pin) {
            continue;
        }
        const std::uint64_t base = item.pin->value;
        const Span span = item.pin->span;
        if (base % item.minimum != 0) {
            Diagnostic d = make_error("plan.alignment",
                                      called(item) + " is pinned at " + format_address(base) +
                                          ", expected a multiple of " + format_size(item.minimum),
                                      span, "not aligned");
            d.help = "the nearest places are " + format_address(base & ~(item.minimum - 1)) + " and " +
                     format_address(round_up(base, item.minimum)) +
                     "; or leave `base` out and let the planner place it";
            diagnostics.push_back(std::move(d));
            continue;
        }
        if (base < layout::kKernelBase) {
            Diagnostic d = make_error("mem.kernel-private",
                                      called(item) + " is pinned at " + format_address(base) + ", below " +
                                          format_address(layout::kKernelBase),
                                      span, "needed by the firmware and GRUB");
            d.help = "leave `base` out and let the planner place it";
            diagnostics.push_back(std::move(d));
            continue;
        }
        if (!all.contains(base, item.size)) {
            Diagnostic d = make_error("mem.within-board",
                                      called(item) + " is pinned at " + format_range(base, item.size) +
                                          ", which is not all memory of board `" + board.name.value + "`",
                                      span, "outside the board's memory");
            for (const auto& memory : board.memory) {
                d.notes.push_back("the board has memory at " + format_range(memory.base.value, memory.size.value));
            }
            d.help = "leave `base` out and let the planner place it";
            diagnostics.push_back(std::move(d));
            continue;
        }
        bool clash = false;
        for (const Item* other : placed) {
            const std::uint64_t low = std::max(base, *other->base);
            const std::uint64_t high = std::min(base + item.size, *other->base + other->size);
            if (low < high) {
                Diagnostic d =
                    make_error("mem.disjoint",
                               called(*other) + " and " + called(item) + " both own " + format_range(low, high - low),
                               span, "overlaps by " + format_size(high - low));
                d.related.push_back(
                    {other->pin->span, called(*other) + " owns " + format_range(*other->base, other->size)});
                d.notes.push_back("witness: host-physical " + format_address(low));
                d.help = "declare a channel between them, or leave `base` out and let the planner place it";
                diagnostics.push_back(std::move(d));
                clash = true;
            }
        }
        if (clash) {
            continue;
        }
        if (!holes.take(base, item.size)) {
            Diagnostic d =
                make_error("mem.kernel-private",
                           called(item) + " is pinned at " + format_range(base, item.size) +
                               ", which overlaps the kernel at " + format_range(kernel.base.value, kernel.size),
                           span, "overlaps the kernel");
            d.help = "pin it from " + format_address(layout::kKernelLimit) +
                     " on, or leave `base` out and let the planner place it";
            diagnostics.push_back(std::move(d));
            continue;
        }
        item.base = base;
        placed.push_back(&item);
    }
}

void report_no_room(const std::string& who, std::uint64_t size, std::uint64_t alignment, Span span,
                    const std::vector<Item>& items, const manifest::Range& kernel, const Holes& holes,
                    const config::Board& board, std::vector<Diagnostic>& diagnostics) {
    const auto largest = holes.largest();
    Diagnostic d =
        make_error("plan.no-room",
                   who + " needs " + format_size(size) + " in one piece, but the largest free hole of board `" +
                       board.name.value + "` is " +
                       (largest.size == 0 ? std::string("empty")
                                          : format_size(largest.size) + " at " + format_address(largest.base)),
                   span, "does not fit");
    if (alignment > kPageSize) {
        d.notes.push_back("it has to start on a multiple of " + format_size(alignment));
    }
    std::uint64_t board_total = 0;
    for (const auto& memory : board.memory) {
        board_total += memory.size.value;
    }
    d.notes.push_back("the board has " + format_size(board_total) + " in all, " + format_size(holes.total()) +
                      " of it still free");
    std::string where = "where the memory goes: the kernel " + format_size(kernel.size);
    std::vector<const Item*> largest_first;
    for (const auto& item : items) {
        if (item.base) {
            largest_first.push_back(&item);
        }
    }
    std::sort(largest_first.begin(), largest_first.end(),
              [](const Item* a, const Item* b) { return a->size != b->size ? a->size > b->size : a->name < b->name; });
    constexpr std::size_t kShown = 8;
    for (std::size_t i = 0; i < std::min(kShown, largest_first.size()); ++i) {
        where += ", " + called(*largest_first[i]) + " " + format_size(largest_first[i]->size);
    }
    if (largest_first.size() > kShown) {
        where += ", and " + std::to_string(largest_first.size() - kShown) + " more";
    }
    d.notes.push_back(std::move(where));
    d.help = "give a partition less memory, or choose a board with more";
    diagnostics.push_back(std::move(d));
}

void place_rest(std::vector<Item>& items, Holes& holes, const manifest::Range& kernel, const config::Board& board,
                std::vector<Diagnostic>& diagnostics) {
    std::vector<Item*> order;
    for (auto& item : items) {
        if (!item.pin) {
            order.push_back(&item);
        }
    }
    std::sort(order.begin(), order.end(), [](const Item* a, const Item* b) {
        if (a->alignment != b->alignment) {
            return a->alignment > b->alignment;
        }
        if (a->size != b->size) {
            return a->size > b->size;
        }
        return a->kind != b->kind ? a->kind < b->kind : a->name < b->name;
    });
    for (Item* item : order) {
        if (item->kind == Item::Kind::crash_record) {
            continue;
        }
        item->base = holes.take_first(item->size, item->alignment);
        if (!item->base && item->minimum < item->alignment) {
            item->base = holes.take_first(item->size, item->minimum);
        }
        if (!item->base) {
            const bool own = item->kind != Item::Kind::ram && item->kind != Item::Kind::channel;
            const std::string who = own ? "the kernel's " + item->name : called(*item);
            report_no_room(who, item->size, item->minimum, item->size_span, items, kernel, holes, board, diagnostics);
        }
    }
    // As high as it goes below 4 GiB: a boot loader puts its modules low, and would write over what the last run has left.
    for (Item* item : order) {
        if (item->kind == Item::Kind::crash_record) {
            item->base = holes.take_last(item->size, 4 * kGiB);
            if (!item->base) {
                item->base = holes.take_first(item->size, item->alignment);
            }
            if (!item->base) {
                report_no_room("the kernel's crash record", item->size, item->minimum, item->size_span, items, kernel, holes,
                               board, diagnostics);
            }
        }
    }
}

void check_name(const config::Spanned<std::string>& name, const char* what, std::vector<Diagnostic>& diagnostics) {
    if (name.value.size() >= manifest::kNameSize) {
        diagnostics.push_back(make_error("plan.name",
                                         std::string("the name of the ") + what + " has " +
                                             std::to_string(name.value.size()) + " bytes, expected at most " +
                                             std::to_string(manifest::kNameSize - 1),
                                         name.span, "too long"));
    }
}

void check_limits(const config::Model& model, std::vector<Diagnostic>& diagnostics) {
    check_name(model.name, "appliance", diagnostics);
    check_name(model.board.name, "board", diagnostics);
    for (const auto& partition : model.partitions) {
        check_name(partition.name, "partition", diagnostics);
    }
    for (const auto& channel : model.channels) {
        check_name(channel.name, "channel", diagnostics);
    }
    if (model.partitions.empty()) {
        diagnostics.push_back(make_error("plan.empty", "the appliance has no partition, expected at least one",
                                         model.name.span, "nothing to run"));
    }
    if (model.partitions.size() > manifest::kMaxPartitions) {
        diagnostics.push_back(make_error("plan.limit",
                                         "the appliance has " + std::to_string(model.partitions.size()) +
                                             " partitions, expected at most " +
                                             std::to_string(manifest::kMaxPartitions),
                                         model.partitions[manifest::kMaxPartitions].name.span, "one too many"));
    }
    if (model.channels.size() > manifest::kMaxChannels) {
        diagnostics.push_back(make_error("plan.limit",
                                         "the appliance has " + std::to_string(model.channels.size()) +
                                             " channels, expected at most " + std::to_string(manifest::kMaxChannels),
                                         model.channels[manifest::kMaxChannels].name.span, "one too many"));
    }
    for (const auto& channel : model.channels) {
        if (channel.from.value >= model.partitions.size() || channel.to.value >= model.partitions.size()) {
            diagnostics.push_back(make_error(
                "plan.channel", "channel `" + channel.name.value + "` does not join two partitions of the appliance",
                channel.name.span, ""));
        }
    }
    if (model.board.vendor != config::Vendor::amd) {
        diagnostics.push_back(
            make_error("plan.vendor",
                       "board `" + model.board.name.value +
                           "` has processors by Intel, expected AMD: the kernel isolates with SVM only",
                       model.board.name.span, ""));
    }
}

// RAM as a guest sees it: up to 3 GiB from 0 on, the rest from 4 GiB on; one stretch of host memory.
void add_ram_regions(PlannedPartition& partition) {
    const std::uint64_t low = std::min(partition.ram.size, guest::kLowRamLimit);
    manifest::Region region{};
    region.hpa = partition.ram.base;
    region.size = low;
    region.kind = manifest::RegionKind::ram;
    region.access = manifest::kRead | manifest::kWrite | manifest::kExecute;
    region.type = manifest::MemoryType::write_back;
    region.object = ~0U;
    partition.regions.push_back(region);
    if (partition.ram.size > low) {
        region.gpa = Gpa{guest::kHighRamBase};
        region.hpa = partition.ram.base + low;
        region.size = partition.ram.size - low;
        partition.regions.push_back(region);
    }
}

// Whoever may read the event log sees it; only the kernel writes it.
void add_event_log(Plan& plan, const config::Model& model) {
    for (std::size_t p = 0; p < plan.partitions.size(); ++p) {
        if (model.partitions[p].event_log) {
            manifest::Region region{};
            region.gpa = Gpa{guest::kEventLogBase};
            region.hpa = plan.event_log.base;
            region.size = plan.event_log.size;
            region.kind = manifest::RegionKind::event_log;
            region.access = manifest::kRead;
            region.type = manifest::MemoryType::write_back;
            region.object = ~0U;
            plan.partitions[p].regions.push_back(region);
        }
    }
}

void add_channel_region(PlannedPartition& partition, Gpa gpa, const manifest::Range& memory, std::size_t channel,
                        bool sends) {
    manifest::Region region{};
    region.gpa = gpa;
    region.hpa = memory.base;
    region.size = memory.size;
    region.kind = sends ? manifest::RegionKind::channel_send : manifest::RegionKind::channel_receive;
    region.access = sends ? manifest::kRead | manifest::kWrite : manifest::kRead;
    region.type = manifest::MemoryType::write_back;
    region.object = static_cast<std::uint32_t>(channel);
    partition.regions.push_back(region);
}

// Guest-physical places and vectors of the channels, counted per partition in manifest order.
void join_channels(Plan& plan, const config::Model& model, std::vector<Diagnostic>& diagnostics) {
    std::vector<std::uint64_t> next(plan.partitions.size(), guest::kChannelBase);
    std::vector<std::uint32_t> joined(plan.partitions.size(), 0);
    std::vector<std::uint8_t> bells(plan.partitions.size(), 0);
    const auto reserve = [&](std::size_t partition, const config::Channel& channel) {
        const Gpa gpa{next[partition]};
        next[partition] = round_up(gpa.value + channel.size.value, kLargePage);
        if (gpa.value + channel.size.value > kChannelLimit) {
            Diagnostic d = make_error(
                "plan.channel-window",
                "channel `" + channel.name.value + "` does not fit below the guest-physical end " +
                    format_address(kChannelLimit) + " of the channels of `" + plan.partitions[partition].name + "`",
                channel.size.span, "would end at " + format_address(next[partition]));
            d.notes.push_back("all channels of a partition share " +
                              format_range(guest::kChannelBase, kChannelLimit - guest::kChannelBase) + ", " +
                              format_size(kChannelLimit - guest::kChannelBase));
            diagnostics.push_back(std::move(d));
        }
        if (++joined[partition] == guest::kMaxInfoChannels + 1) {
            diagnostics.push_back(make_error("plan.limit",
                                             "`" + plan.partitions[partition].name + "` joins more channels than the " +
                                                 std::to_string(guest::kMaxInfoChannels) +
                                                 " a partition can be told of",
                                             channel.name.span, "one too many"));
        }
        return gpa;
    };
    for (std::size_t i = 0; i < plan.channels.size(); ++i) {
        auto& channel = plan.channels[i];
        const auto& declared = model.channels[i];
        channel.writer_gpa = reserve(channel.writer, declared);
        add_channel_region(plan.partitions[channel.writer], channel.writer_gpa, channel.memory, i, true);
        if (channel.reader != channel.writer) {
            channel.reader_gpa = reserve(channel.reader, declared);
            add_channel_region(plan.partitions[channel.reader], channel.reader_gpa, channel.memory, i, false);
        } else {
            diagnostics.push_back(make_error("plan.channel",
                                             "channel `" + channel.name + "` leads from `" +
                                                 plan.partitions[channel.writer].name + "` to itself",
                                             declared.to.span, "expected another partition"));
        }
        channel.reader_cpu = plan.partitions[channel.reader].first_cpu;
        if (channel.doorbell && model.partitions[channel.reader].boot.kind == config::BootKind::elf64) {
            // A Linux reader polls the doorbell port instead: a stock kernel has no handler for a foreign vector.
            channel.vector = static_cast<std::uint8_t>(kFirstDoorbellVector + bells[channel.reader]++);
        }
    }
    for (auto& partition : plan.partitions) {
        std::sort(partition.regions.begin(), partition.regions.end(),
                  [](const manifest::Region& a, const manifest::Region& b) { return a.gpa < b.gpa; });
    }
}

// Who looks for missing heartbeats: a CPU that sleeps, or else the first partition's first.
void place_watchdog(Plan& plan, const config::Model& model) {
    plan.watched = model.board.watchdog && std::any_of(model.partitions.begin(), model.partitions.end(),
                                                       [](const auto& partition) { return partition.heartbeat_ms; });
    if (!plan.watched) {
        return;
    }
    const auto sleeper = std::find_if(plan.cpus.begin(), plan.cpus.end(),
                                      [](const PlannedCpu& cpu) { return cpu.partition == manifest::kNobody; });
    plan.watchdog_apic_id = (sleeper != plan.cpus.end() ? *sleeper : plan.cpus.front()).apic_id;
    if (model.board.watchdog->requester) {
        plan.watchdog_handle = 0;
        for (const auto& device : plan.devices) {
            plan.watchdog_handle = std::max(plan.watchdog_handle, device.first_handle + device.handles);
        }
    }
}

} // namespace

config::Outcome<Plan> place(const config::Model& model, manifest::Range kernel) {
    config::Outcome<Plan> outcome;
    auto& diagnostics = outcome.diagnostics;
    check_limits(model, diagnostics);
    check_devices(model, diagnostics);
    if (!diagnostics.empty()) {
        return outcome;
    }

    Plan plan;
    plan.name = model.name.value;
    plan.board = model.board.name.value;
    plan.kernel = kernel;
    plan.trampoline = Hpa{model.board.trampoline.value};
    if (plan.trampoline.value == 0 || plan.trampoline.value % kPageSize != 0 || plan.trampoline.value >= kMiB) {
        diagnostics.push_back(make_error("plan.trampoline",
                                         "the trampoline of board `" + plan.board + "` is " +
                                             format_address(plan.trampoline.value) +
                                             ", expected a page between 0x1000 and 0xff000",
                                         model.board.trampoline.span, "processors cannot wake up here"));
    }

    const auto cpus = assign_cpus(model, diagnostics);
    Holes holes = free_memory(model.board);
    if (!holes.take(kernel.base.value, kernel.size)) {
        Diagnostic d = make_error("mem.within-board",
                                  "the kernel lies at " + format_range(kernel.base.value, kernel.size) +
                                      ", which is not all memory of board `" + plan.board + "`",
                                  model.board.memory.empty() ? model.board.name.span : model.board.memory[0].base.span,
                                  "no memory for the kernel");
        diagnostics.push_back(std::move(d));
    }
    auto items = items_of(model, diagnostics);
    place_pins(items, holes, kernel, model.board, diagnostics);
    place_rest(items, holes, kernel, model.board, diagnostics);
    if (!diagnostics.empty()) {
        return outcome;
    }

    Hpa workspace_next;
    plan.channels.resize(model.channels.size());
    plan.partitions.resize(model.partitions.size());
    for (const auto& item : items) {
        const manifest::Range range{Hpa{*item.base}, item.size};
        switch (item.kind) {
        case Item::Kind::ram:
            plan.partitions[item.index].ram = range;
            break;
        case Item::Kind::channel:
            plan.channels[item.index].memory = range;
            break;
        case Item::Kind::workspace:
            plan.workspace = range;
            workspace_next = range.base;
            break;
        case Item::Kind::event_log:
            plan.event_log = range;
            break;
        case Item::Kind::crash_record:
            plan.crash_record = range.base;
            break;
        }
    }
    for (std::size_t p = 0; p < cpus.size(); ++p) {
        auto& partition = plan.partitions[p];
        partition.name = model.partitions[p].name.value;
        partition.asid = static_cast<std::uint32_t>(p + 1); // 0 is the host's (APM 2 §15.16)
        partition.first_cpu = static_cast<std::uint16_t>(plan.cpus.size());
        partition.cpu_count = static_cast<std::uint16_t>(cpus[p].size());
        for (std::size_t v = 0; v < cpus[p].size(); ++v) {
            PlannedCpu cpu;
            cpu.board_cpu = cpus[p][v];
            cpu.apic_id = model.board.cpus[cpus[p][v]].apic_id.value;
            cpu.partition = static_cast<std::uint16_t>(p);
            cpu.vcpu = static_cast<std::uint16_t>(v);
            cpu.block = workspace_next;
            workspace_next = workspace_next + layout::CpuBlock::kSize;
            plan.cpus.push_back(cpu);
        }
        add_ram_regions(partition);
    }
    for (std::size_t i = 0; i < model.board.cpus.size(); ++i) { // those that nobody owns sleep in the kernel
        const bool owned =
            std::any_of(plan.cpus.begin(), plan.cpus.end(), [i](const PlannedCpu& cpu) { return cpu.board_cpu == i; });
        if (!owned) {
            PlannedCpu cpu;
            cpu.board_cpu = static_cast<std::uint32_t>(i);
            cpu.apic_id = model.board.cpus[i].apic_id.value;
            cpu.partition = manifest::kNobody;
            cpu.block = workspace_next;
            workspace_next = workspace_next + layout::CpuBlock::kSize;
            plan.cpus.push_back(cpu);
        }
    }
    for (auto& partition : plan.partitions) {
        partition.block = workspace_next;
        workspace_next = workspace_next + layout::PartitionBlock::kSize;
    }
    for (std::size_t i = 0; i < plan.channels.size(); ++i) {
        auto& channel = plan.channels[i];
        const auto& declared = model.channels[i];
        channel.name = declared.name.value;
        channel.writer = static_cast<std::uint16_t>(declared.from.value);
        channel.reader = static_cast<std::uint16_t>(declared.to.value);
        channel.doorbell = declared.doorbell;
    }
    if (plan.cpus.size() > manifest::kMaxCpus) {
        diagnostics.push_back(make_error("plan.limit",
                                         "the board has " + std::to_string(plan.cpus.size()) +
                                             " cpus, expected at most " + std::to_string(manifest::kMaxCpus),
                                         model.board.name.span, ""));
        return outcome;
    }
    add_event_log(plan, model);
    join_channels(plan, model, diagnostics);
    place_devices(plan, model, workspace_next, diagnostics);
    place_watchdog(plan, model);
    if (diagnostics.empty()) {
        outcome.value = std::move(plan);
    }
    return outcome;
}

bool place_bundle(Plan& plan, const config::Model& model, const std::function<std::uint64_t(const Plan&)>& size_of,
                  std::vector<Diagnostic>& diagnostics) {
    plan.bundle = {};
    Holes free = free_memory(model.board);
    for (const auto& each : planned_ranges(plan)) {
        if (!free.take(each.range.base.value, each.range.size)) {
            return false; // place() never gives such a plan
        }
    }
    std::uint64_t size = round_up(size_of(plan), kPageSize);
    for (;;) {
        Holes holes = free;
        const auto base = holes.take_first(size, kPageSize);
        if (!base) {
            const auto largest = free.largest();
            Diagnostic d = make_error("plan.no-room",
                                      "the bundle of tables and payloads needs " + format_size(size) +
                                          " in one piece, but the largest hole left on board `" + plan.board + "` is " +
                                          format_size(largest.size) + " at " + format_address(largest.base),
                                      model.name.span, "does not fit");
            for (const auto& each : planned_ranges(plan)) {
                d.notes.push_back(format_range(each.range.base.value, each.range.size) + " " + each.what + ", " +
                                  format_size(each.range.size));
            }
            d.help = "give a partition less memory, or choose a board with more";
            diagnostics.push_back(std::move(d));
            plan.bundle = {};
            return false;
        }
        plan.bundle = {Hpa{*base}, size};
        const std::uint64_t needed = round_up(size_of(plan), kPageSize);
        if (needed <= size) {
            return true;
        }
        size = needed; // grows, and by no more than a few page tables: ends
    }
}

} // namespace septum::build
