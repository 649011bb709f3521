// SPDX-License-Identifier: Apache-2.0
#include "build/plan/regions.hpp"

#include "build/plan/items.hpp"

#include <septum/guest/board.hpp>
#include <septum/guest/event_log.hpp>
#include <septum/guest/info.hpp>

#include <algorithm>

namespace septum::build {
namespace {

using config::Diagnostic;

constexpr std::uint64_t kChannelLimit = guest::kChannelLimit;
// The first doorbell vector of a native partition: above the exceptions and the PC's traditional vectors.
constexpr std::uint8_t kFirstDoorbellVector = 0x40;

static_assert(guest::kEventLogBase >= guest::kLowRamLimit &&
              guest::kEventLogBase + guest::kEventLogSize <= guest::kChannelBase);

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

} // namespace

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
                              format_size(kChannelLimit - guest::kChannelBase) + ", each from a multiple of 2 MiB on");
            d.help = "make its channels smaller, or fewer";
            diagnostics.push_back(std::move(d));
        }
        if (++joined[partition] == guest::kMaxInfoChannels + 1) {
            diagnostics.push_back(make_error("plan.limit",
                                             "`" + plan.partitions[partition].name + "` joins more channels than the " +
                                                 std::to_string(guest::kMaxInfoChannels) +
                                                 " a partition can be told of",
                                             channel.name.span, "one too many"));
            diagnostics.back().help = "put what goes the same way into one channel";
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

} // namespace septum::build
