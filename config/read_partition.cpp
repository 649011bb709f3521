// SPDX-License-Identifier: Apache-2.0
#include "config/read_partition.hpp"

#include "config/fields.hpp"
#include "config/read_board.hpp"
#include "config/read_boot.hpp"
#include "config/read_devices.hpp"
#include "config/read_health.hpp"
#include "config/scalars.hpp"
#include "config/show.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <unordered_map>

namespace septum::config {

namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr std::uint64_t kLeastNative = 2 * kMiB;
constexpr std::uint64_t kLeastLinux = 64 * kMiB; // a distribution kernel and its initial RAM disk, unpacked
constexpr std::size_t kMostPortRanges = 256;

void read_pins(const Node& list, const Board* board, Partition& partition, Diagnostics& diagnostics) {
    if (list.items.empty() || list.items.size() > kMostCpus) {
        diagnostics.error("config.out-of-range",
                          fmt::format("a partition has 1 to {} CPUs, found {}", kMostCpus, list.items.size()),
                          list.span);
        return;
    }
    const std::uint64_t last = board != nullptr && !board->cpus.empty() ? board->cpus.size() - 1 : kMostCpus - 1;
    for (const Node& item : list.items) {
        const auto cpu = read_integer(item, "cpus", 0, kMostCpus - 1, diagnostics);
        if (!cpu)
            continue;
        if (*cpu > last) {
            diagnostics
                .error("config.unknown-cpu", fmt::format("board {} has no CPU {}", tick(board->name.value), *cpu),
                       item.span, "not on the board")
                .notes.push_back(fmt::format("its CPUs are numbered 0 to {}", last));
            continue;
        }
        partition.cpu_pins.push_back({static_cast<std::uint32_t>(*cpu), item.span});
    }
    partition.cpu_count = static_cast<std::uint32_t>(list.items.size());
}

void read_cpus(const Node& node, const Board* board, Partition& partition, Diagnostics& diagnostics) {
    partition.cpus_span = node.span;
    if (node.kind == Node::Kind::list) {
        read_pins(node, board, partition, diagnostics);
        return;
    }
    if (node.kind == Node::Kind::mapping) {
        const auto share =
            std::find_if(node.keys.begin(), node.keys.end(), [](const Node& k) { return k.text == "share"; });
        if (share == node.keys.end())
            wrong_type(node, "cpus", "a number such as `2` or a list such as `[1, 2]`", diagnostics);
        else
            diagnostics
                .error("config.share-unsupported", "scheduled CPUs (`share`) are not available in this version",
                       share->span, "a slot on a shared CPU")
                .help = "give the partition whole CPUs: `cpus: 1`";
        return;
    }
    if (node.quoted || node.text.empty() || node.text.find_first_not_of("0123456789-_") != std::string::npos) {
        wrong_type(node, "cpus", "a number such as `2` or a list such as `[1, 2]`", diagnostics);
        return;
    }
    partition.cpu_count = static_cast<std::uint32_t>(read_integer(node, "cpus", 1, kMostCpus, diagnostics).value_or(1));
}

void read_memory(const Node& node, Partition& partition, Diagnostics& diagnostics) {
    const auto bytes = read_size(node, "memory", diagnostics);
    if (!bytes)
        return;
    partition.memory = {*bytes, node.span};
    const bool is_linux = partition.boot.kind == BootKind::linux;
    const std::uint64_t least = is_linux ? kLeastLinux : kLeastNative;
    if (*bytes % kPage != 0) // KiB are the smallest unit, so this is the only way to miss a page
        diagnostics.error("config.alignment",
                          fmt::format("`memory` must be a multiple of 4 KiB, found {}", describe(node)), node.span,
                          "not whole pages");
    else if (*bytes < least)
        diagnostics.error("config.memory-too-small",
                          fmt::format("{} partition needs at least {}, found {}", is_linux ? "a Linux" : "a",
                                      show_size(least), show_size(*bytes)),
                          node.span, "too small");
}

void read_largest_page(const Node& node, Partition& partition, Diagnostics& diagnostics) {
    const auto bytes = read_size(node, "largest-page", diagnostics);
    if (!bytes)
        return;
    if (*bytes == kPage || *bytes == 2 * kMiB || *bytes == 1024 * kMiB)
        partition.largest_page = *bytes;
    else
        diagnostics.error("config.page-size",
                          fmt::format("`largest-page` expects `4 KiB`, `2 MiB` or `1 GiB`, found {}", describe(node)),
                          node.span, "no such page size");
}

void read_port_list(const Node& node, Partition& partition, Diagnostics& diagnostics) {
    if (!expect_list(node, "ports", "a list such as `[0x2f8-0x2ff]`", diagnostics))
        return;
    for (const Node& item : node.items) {
        if (partition.ports_first.size() == kMostPortRanges) {
            diagnostics.error("config.too-many",
                              fmt::format("more port ranges than allowed: at most {}", kMostPortRanges), item.span,
                              "one too many");
            return;
        }
        const auto range = read_ports(item, "ports", diagnostics);
        if (!range)
            continue;
        for (std::size_t i = 0; i < partition.ports_first.size(); ++i) {
            if (range->first > partition.ports_last[i].value || range->last < partition.ports_first[i].value)
                continue;
            diagnostics
                .error("config.ports-overlap",
                       fmt::format("port 0x{:x} is granted twice to one partition",
                                   std::max(range->first, partition.ports_first[i].value)),
                       item.span, "again here")
                .related.push_back({partition.ports_first[i].span, "first here"});
            break;
        }
        partition.ports_first.push_back({range->first, item.span});
        partition.ports_last.push_back({range->last, item.span});
    }
}

void read_base(const Node& node, Partition& partition, Diagnostics& diagnostics) {
    const auto base = read_page_address(node, "base", diagnostics);
    if (!base)
        return;
    partition.base = {*base, node.span};
    if (*base + partition.memory.value > kAddressLimit)
        diagnostics.error(
            "config.out-of-range",
            fmt::format("{} from 0x{:x} on goes beyond 52 address bits", show_size(partition.memory.value), *base),
            node.span, "too high");
}

} // namespace

Partition read_partition(const NamedEntry& entry, const Board* board, Diagnostics& diagnostics) {
    Partition partition;
    partition.name = {entry.name->text, entry.name->span};
    partition.span = entry_span(entry);
    if (entry.value == nullptr)
        return partition;
    const Fields fields(*entry.value, "partition " + tick(entry.name->text), entry.name->span,
                        {{"cpus", true},
                         {"memory", true},
                         {"base"},
                         {"largest-page"},
                         {"boot", true},
                         {"console"},
                         {"on_fault"},
                         {"heartbeat"},
                         {"event-log"},
                         {"ports"},
                         {"legacy"},
                         {"devices"}},
                        diagnostics);
    if (const Node* boot = fields.find("boot"))
        if (auto read = read_boot(*boot, fields.key_span("boot"), diagnostics))
            partition.boot = *std::move(read);
    if (const Node* cpus = fields.find("cpus"))
        read_cpus(*cpus, board, partition, diagnostics);
    if (const Node* memory = fields.find("memory"))
        read_memory(*memory, partition, diagnostics);
    if (const Node* base = fields.find("base"))
        read_base(*base, partition, diagnostics);
    if (const Node* page = fields.find("largest-page"))
        read_largest_page(*page, partition, diagnostics);
    if (const Node* console = fields.find("console"))
        partition.console = read_bool(*console, "console", diagnostics).value_or(false);
    if (const Node* heartbeat = fields.find("heartbeat"))
        read_heartbeat(*heartbeat, board, partition, diagnostics);
    if (const Node* on_fault = fields.find("on_fault")) {
        partition.on_fault = read_on_fault(*on_fault, fields.key_span("on_fault"), diagnostics);
        check_watchdog_answer(*on_fault, partition, diagnostics);
    }
    if (const Node* event_log = fields.find("event-log")) {
        partition.event_log = read_bool(*event_log, "event-log", diagnostics).value_or(false);
        partition.event_log_span = event_log->span;
    }
    if (const Node* ports = fields.find("ports"))
        read_port_list(*ports, partition, diagnostics);
    if (const Node* legacy = fields.find("legacy"))
        read_legacy(*legacy, partition, diagnostics);
    if (const Node* devices = fields.find("devices"))
        read_devices(*devices, board, partition, diagnostics);
    return partition;
}

void check_cpus(const std::vector<Partition>& partitions, const Board& board, Diagnostics& diagnostics) {
    struct Owner {
        std::string_view partition;
        Span span;
    };
    std::unordered_map<std::uint32_t, Owner> owners;
    std::size_t asked = 0;
    for (const Partition& partition : partitions) {
        asked += partition.cpu_count;
        for (const Spanned<std::uint32_t>& pin : partition.cpu_pins) {
            const auto [it, fresh] = owners.try_emplace(pin.value, Owner{partition.name.value, pin.span});
            if (fresh)
                continue;
            const bool same = it->second.partition == partition.name.value;
            diagnostics
                .error("config.cpu-pinned-twice",
                       same ? fmt::format("CPU {} is pinned twice by {}", pin.value, tick(partition.name.value))
                            : fmt::format("CPU {} is pinned by {} and by {}", pin.value, tick(it->second.partition),
                                          tick(partition.name.value)),
                       pin.span, "again here")
                .related.push_back({it->second.span, "first here"});
        }
    }
    if (asked <= board.cpus.size() || partitions.empty())
        return;
    const auto greediest =
        std::max_element(partitions.begin(), partitions.end(),
                         [](const Partition& a, const Partition& b) { return a.cpu_count < b.cpu_count; });
    Diagnostic& many = diagnostics.error(
        "config.too-many-cpus",
        fmt::format("the partitions ask for {} CPUs, board {} has {}", asked, tick(board.name.value),
                    board.cpus.size()),
        greediest->cpus_span, fmt::format("{} asks for {}", tick(greediest->name.value), greediest->cpu_count));
    for (const Partition& partition : partitions)
        if (&partition != &*greediest && partition.cpus_span.known())
            many.related.push_back(
                {partition.cpus_span, fmt::format("{} asks for {}", tick(partition.name.value), partition.cpu_count)});
    many.help = "every CPU belongs to one partition; ask for fewer or choose another board";
}

} // namespace septum::config
