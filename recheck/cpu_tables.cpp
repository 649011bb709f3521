// SPDX-License-Identifier: Apache-2.0
#include "recheck/tables.hpp"

namespace septum::recheck {

namespace {

// A bit that is clear grants.
bool granted(Bytes map, std::uint64_t bit) {
    return (map[bit / 8] >> (bit % 8) & 1) == 0;
}

void extend(std::vector<Range>& ranges, std::uint32_t number) {
    if (!ranges.empty() && ranges.back().last + 1 == number) {
        ranges.back().last = number;
    } else {
        ranges.push_back({number, number});
    }
}

} // namespace

void check_template(Host& host, std::uint64_t vmcb, const manifest::Partition& record, const std::string& who) {
    const Bytes page = host.table(vmcb, kPage, "the VMCB templates of `" + who + "`");
    constexpr std::uint64_t kMaps = 3ULL << 59; // IOIO_PROT and MSR_PROT: bits 27 and 28 at offset 00Ch
    if ((word(page, 1) & kMaps) != kMaps || (word(page, 0x90 / 8) & 1) == 0 ||
        word(page, 0xB0 / 8) != record.npt_root.value || word(page, 0x40 / 8) != record.iopm.value ||
        word(page, 0x48 / 8) != record.msrpm.value || static_cast<std::uint32_t>(word(page, 0x58 / 8)) != record.asid) {
        throw Differs("a VMCB template of `" + who + "` at " + hex(vmcb) +
                      " does not run it on its own page tables and permission maps, under its ASID");
    }
}

void read_maps(Host& host, const manifest::Partition& record, Partition& out) {
    const Bytes ports = host.table(record.iopm.value, 3 * kPage, "the I/O permission map of `" + out.name + "`");
    for (std::uint32_t port = 0; port <= 0x10002; ++port) {
        if (!granted(ports, port))
            continue;
        if (port > 0xFFFF) // tested by accesses that run past it
            throw Differs("`" + out.name + "` may run past port 0xffff");
        extend(out.ports, port);
    }
    const Bytes msrs = host.table(record.msrpm.value, 2 * kPage, "the MSR permission map of `" + out.name + "`");
    static constexpr std::uint32_t kFirst[] = {0x0000'0000, 0xC000'0000, 0xC001'0000};
    for (std::uint32_t i = 0; i < 3 * 0x2000; ++i) {
        const std::uint32_t msr = kFirst[i / 0x2000] + i % 0x2000;
        if (granted(msrs, 2ULL * i))
            extend(out.msr_reads, msr);
        if (granted(msrs, 2ULL * i + 1))
            extend(out.msr_writes, msr);
    }
}

} // namespace septum::recheck
