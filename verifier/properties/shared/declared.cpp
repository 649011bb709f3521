// SPDX-License-Identifier: Apache-2.0
#include "verifier/properties/shared/declared.hpp"

#include <septum/guest/board.hpp>
#include <septum/guest/event_log.hpp>

#include <algorithm>

namespace septum::verifier {

namespace {

constexpr std::uint64_t kChannelAlignment = 2 * kMiB;
constexpr std::uint8_t kFirstNativeVector = 0x40;

std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment) {
    return (value + alignment - 1) / alignment * alignment;
}

void declare_ram(const config::Partition& partition, DeclaredPartition& out) {
    using manifest::kExecute;
    using manifest::kRead;
    using manifest::kWrite;
    const std::uint64_t low = std::min(partition.memory.value, guest::kLowRamLimit);
    Grant grant;
    grant.size = low;
    grant.access = kRead | kWrite | kExecute;
    grant.span = partition.memory.span;
    if (partition.base) {
        grant.pinned = partition.base->value;
    }
    out.grants.push_back(grant);
    if (partition.memory.value > low) {
        grant.gpa = guest::kHighRamBase;
        grant.size = partition.memory.value - low;
        if (grant.pinned) {
            *grant.pinned += low;
        }
        out.grants.push_back(grant);
    }
}

// MSRs that VMRUN, VMLOAD and VMSAVE switch, or that only concern the CPU the partition owns.
constexpr PassedMsr kArchitectural[] = {
    {0x0000'0010, 0x0000'0010, true, false}, // TSC
    {0x0000'0174, 0x0000'0176, true, true},  // SYSENTER_CS, _ESP, _EIP
    {0x0000'0277, 0x0000'0277, true, true},  // PAT: G_PAT under nested paging (APM 2 §15.25.9)
    {0xC000'0081, 0xC000'0084, true, true},  // STAR, LSTAR, CSTAR, SFMASK
    {0xC000'0100, 0xC000'0103, true, true},  // FS.base, GS.base, KernelGSbase, TSC_AUX
};

// x2APIC registers (Intel SDM 3 table 11-6, APM 2 §16.11) that can neither reach another CPU nor block an NMI.
constexpr PassedMsr kX2apic[] = {
    {0x802, 0x803, true, false}, // id, version
    {0x808, 0x808, true, true},  // TPR
    {0x80A, 0x80A, true, false}, // PPR
    {0x80B, 0x80B, false, true}, // EOI
    {0x80D, 0x80D, true, false}, // LDR
    {0x80F, 0x80F, true, false}, // SVR
    {0x810, 0x827, true, false}, // ISR, TMR, IRR
    {0x828, 0x828, true, true},  // ESR
    {0x830, 0x830, true, false}, // ICR
    {0x832, 0x837, true, false}, // LVTs
    {0x838, 0x838, true, true},  // timer initial count
    {0x839, 0x839, true, false}, // timer current count
    {0x83E, 0x83E, true, true},  // timer divide
    {0x83F, 0x83F, false, true}, // SELF_IPI
};

} // namespace

Declared declare(const config::Model& model) {
    Declared out;
    out.partitions.resize(model.partitions.size());
    out.channels.resize(model.channels.size());
    std::vector<std::uint64_t> next(model.partitions.size(), guest::kChannelBase);
    std::vector<std::uint8_t> bells(model.partitions.size(), 0);
    for (std::size_t i = 0; i < model.partitions.size(); ++i) {
        const config::Partition& partition = model.partitions[i];
        declare_ram(partition, out.partitions[i]);
        if (partition.event_log) {
            Grant grant;
            grant.gpa = guest::kEventLogBase;
            grant.size = guest::kEventLogSize;
            grant.kind = manifest::RegionKind::event_log;
            grant.access = manifest::kRead;
            grant.span = partition.event_log_span;
            out.partitions[i].grants.push_back(grant);
        }
        const auto& causes = partition.on_fault.by_cause;
        const auto counted = causes.begin() + static_cast<std::ptrdiff_t>(config::Cause::reset); // those before it
        if (std::find(causes.begin(), counted, config::FaultAction::restart) != counted) {
            out.partitions[i].restart_limit = partition.on_fault.attempts;
        }
    }
    for (std::uint32_t c = 0; c < model.channels.size(); ++c) {
        const config::Channel& channel = model.channels[c];
        const auto end = [&](std::uint32_t partition, manifest::RegionKind kind, std::uint8_t access) {
            if (partition >= model.partitions.size()) {
                return; // chan.directed says so
            }
            Grant grant;
            grant.gpa = next[partition];
            grant.size = channel.size.value;
            grant.kind = kind;
            grant.access = access;
            grant.channel = c;
            grant.span = channel.span;
            if (channel.base) {
                grant.pinned = channel.base->value;
            }
            next[partition] = align_up(grant.end(), kChannelAlignment);
            out.partitions[partition].grants.push_back(grant);
        };
        end(channel.from.value, manifest::RegionKind::channel_send, manifest::kRead | manifest::kWrite);
        end(channel.to.value, manifest::RegionKind::channel_receive, manifest::kRead);
        if (channel.doorbell && channel.to.value < model.partitions.size() &&
            model.partitions[channel.to.value].boot.kind == config::BootKind::elf64) {
            out.channels[c].vector = static_cast<std::uint8_t>(kFirstNativeVector + bells[channel.to.value]++);
        }
    }
    for (DeclaredPartition& partition : out.partitions) {
        std::sort(partition.grants.begin(), partition.grants.end(),
                  [](const Grant& a, const Grant& b) { return a.gpa < b.gpa; });
    }
    out.msrs.assign(std::begin(kArchitectural), std::end(kArchitectural));
    if (model.board.apic.value == config::Apic::x2apic) {
        out.msrs.insert(out.msrs.end(), std::begin(kX2apic), std::end(kX2apic));
    }
    std::sort(out.msrs.begin(), out.msrs.end(),
              [](const PassedMsr& a, const PassedMsr& b) { return a.first < b.first; });
    return out;
}

} // namespace septum::verifier
