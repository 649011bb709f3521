// SPDX-License-Identifier: Apache-2.0
#include "tests/mutation/interpreter.hpp"

#include <septum/manifest/layout.hpp>
#include <septum/manifest/manifest.hpp>

#include <algorithm>
#include <cstring>

namespace septum::mutation {

namespace {

namespace m = manifest;

constexpr std::uint64_t kUnknown = ~0ULL; // a table that is not there: who knows what it would grant

class Reader {
public:
    explicit Reader(const Bytes& bundle) : bytes_(bundle) { read(0, header_); }

    Grants run() {
        if (header_.magic != m::kMagic) {
            return {};
        }
        for (std::uint32_t i = 0; i < header_.partitions.count && i < m::kMaxPartitions; ++i) {
            m::Partition partition;
            if (read(header_.partitions.offset + i * sizeof partition, partition)) {
                one(i, partition);
            }
        }
        kernel();
        devices();
        records();
        std::sort(out_.begin(), out_.end());
        return std::move(out_);
    }

private:
    template <typename T>
    bool read(std::uint64_t offset, T& value) const {
        if (offset > bytes_.size() || sizeof value > bytes_.size() - offset) {
            std::memset(static_cast<void*>(&value), 0, sizeof value);
            return false;
        }
        std::memcpy(static_cast<void*>(&value), bytes_.data() + offset, sizeof value);
        return true;
    }

    // Host-physical; the bundle lies at its planned place.
    template <typename T>
    bool host(std::uint64_t address, T& value) const {
        return address >= header_.bundle_base.value && read(address - header_.bundle_base.value, value);
    }

    void say(Kind kind, std::uint32_t who, std::uint64_t key, std::uint64_t value) {
        out_.push_back({kind, who, key, value});
    }

    struct Walk {
        Kind kind;
        std::uint32_t who;
        bool nested;
    };

    // Which memory type a leaf asks for. The upper half of the PAT repeats the lower one at reset, so its bit is moot.
    static std::uint64_t cache(std::uint64_t entry) { return entry >> 3 & 3; }

    void table(const Walk& walk, int level, std::uint64_t base, std::uint64_t virtual_base, bool writable, bool runs) {
        if (out_.size() > 400'000) {
            return; // a mutant that maps all there is: different enough already
        }
        for (std::uint64_t i = 0; i < 512; ++i) {
            std::uint64_t entry = 0;
            const std::uint64_t shift = 12 + 9 * static_cast<std::uint64_t>(level - 1);
            const std::uint64_t at = virtual_base + (i << shift);
            if (!host(base + i * 8, entry)) {
                say(walk.kind, walk.who, at, kUnknown);
                return;
            }
            const bool user = (entry & 4) != 0;
            if ((entry & 1) == 0 || (walk.nested && !user)) {
                continue;
            }
            const bool w = writable && (entry & 2) != 0;
            const bool x = runs && (entry >> 63) == 0;
            const std::uint64_t next = entry & 0x000F'FFFF'FFFF'F000;
            const bool leaf = level == 1 || ((level == 2 || level == 3) && (entry & 0x80) != 0);
            if (!leaf) {
                table(walk, level - 1, next, at, w, x);
                continue;
            }
            const std::uint64_t size = 1ULL << shift;
            const std::uint64_t page = next & ~(size - 1);
            const std::uint64_t bits =
                cache(entry) << 2 | (w ? 2 : 0) | (x ? 1 : 0) | (walk.nested || !user ? 0 : 0x20);
            for (std::uint64_t k = 0; k < size; k += 4096) {
                say(walk.kind, walk.who, at + k, (page + k) | bits);
            }
        }
    }

    void vmcb(std::uint32_t who, std::uint64_t address) {
        std::uint8_t page[4096];
        if (!host(address, page)) {
            say(Kind::control, who, 0, kUnknown);
            return;
        }
        const auto field = [&](std::size_t offset, std::size_t size) {
            std::uint64_t value = 0;
            std::memcpy(&value, page + offset, size);
            return value;
        };
        for (std::uint64_t bit = 0; bit < 192; ++bit) {
            if ((page[bit / 8] >> (bit % 8) & 1) != 0) {
                say(Kind::intercept, who, bit, 1);
            }
        }
        // TSC offset, ASID, TLB, virtual interrupts, shadow, nested paging and SEV, AVIC, event, LBR; EFER's SVME.
        constexpr struct {
            std::size_t offset;
            std::size_t size;
        } kFields[] = {{0x50, 8}, {0x58, 4}, {0x5C, 1}, {0x60, 8}, {0x68, 8}, {0x90, 8}, {0x98, 8},
                       {0xA0, 8}, {0xA8, 8}, {0xB8, 8}, {0xE0, 8}, {0xF0, 8}, {0xF8, 8}, {0x108, 8}};
        for (const auto& f : kFields) {
            say(Kind::control, who, f.offset, field(f.offset, f.size));
        }
        say(Kind::control, who, 0x4D0, field(0x4D0, 8) & 0x1000);
        say(Kind::control, who, 0x668, field(0x668, 8));
        if ((field(0x90, 8) & 1) != 0) {
            table({Kind::memory, who, true}, 4, field(0xB0, 8) & ~0xFFFULL, 0, true, true);
        } else {
            say(Kind::memory, who, 0, kUnknown); // guest-physical is host-physical: everything
        }
        const bool ports = (page[0x0F] >> 3 & 1) != 0;     // IOIO_PROT: bit 27 of 00Ch
        const bool registers = (page[0x0F] >> 4 & 1) != 0; // MSR_PROT: bit 28
        for (std::uint32_t port = 0; port < 0x1'0003; ++port) {
            std::uint8_t byte = 0;
            const bool there = host(field(0x40, 8) + port / 8, byte);
            if (!ports || !there || (byte >> (port % 8) & 1) == 0) {
                say(Kind::ports, who, port, 1);
            }
        }
        constexpr struct {
            std::uint32_t first;
            std::uint32_t offset;
        } kRanges[] = {{0, 0}, {0xC000'0000, 0x800}, {0xC001'0000, 0x1000}};
        for (const auto& range : kRanges) {
            for (std::uint32_t n = 0; n < 0x2000; ++n) {
                std::uint8_t byte = 0;
                const bool there = host(field(0x48, 8) + range.offset + n / 4, byte);
                const std::uint8_t two = static_cast<std::uint8_t>(byte >> (n % 4 * 2) & 3);
                if (!registers || !there || (two & 1) == 0) {
                    say(Kind::msr_read, who, range.first + n, 1);
                }
                if (!registers || !there || (two & 2) == 0) {
                    say(Kind::msr_write, who, range.first + n, 1);
                }
            }
        }
        if (!registers) {
            say(Kind::msr_write, who, kUnknown, 1);
        }
    }

    void rules(std::uint32_t who, const m::Partition& partition) {
        for (std::uint32_t i = 0; i < partition.ports.count; ++i) {
            m::PortRule rule;
            if (!read(header_.ports.offset + (partition.ports.first + i) * sizeof rule, rule)) {
                continue;
            }
            for (std::uint32_t port = rule.first; port <= rule.last; ++port) {
                if (rule.answer != m::PortAnswer::constant) {
                    say(Kind::port_answer, who, port, static_cast<std::uint64_t>(rule.answer));
                }
            }
        }
        for (std::uint32_t i = 0; i < partition.msrs.count; ++i) {
            m::MsrRule rule;
            if (!read(header_.msrs.offset + (partition.msrs.first + i) * sizeof rule, rule)) {
                continue;
            }
            const auto right = [](m::MsrAnswer answer) { return answer > m::MsrAnswer::ignore; };
            if (right(rule.on_read) || right(rule.on_write)) {
                say(Kind::msr_answer, who, rule.first, rule.last);
                say(Kind::msr_answer, who, rule.first | 1ULL << 32,
                    static_cast<std::uint64_t>(rule.on_read) << 8 | static_cast<std::uint64_t>(rule.on_write));
                say(Kind::msr_answer, who, rule.first | 1ULL << 33,
                    rule.on_write == m::MsrAnswer::efer ? rule.value : 0);
            }
        }
        constexpr struct {
            std::uint32_t leaf;
            int reg;
            std::uint32_t bits;
        } kDangerous[] = {{0x1, 2, 1U << 3 | 1U << 5 | 1U << 24},
                          {0xA, 0, ~0U},
                          {0x8000'0001, 2, 1U << 2 | 1U << 12},
                          {0x8000'000A, 3, ~0U},
                          {0x8000'001F, 0, ~0U},
                          {0x5, 2, ~0U}};
        for (std::uint32_t i = 0; i < partition.cpuid.count; ++i) {
            m::CpuidRule rule;
            if (!read(header_.cpuid.offset + (partition.cpuid.first + i) * sizeof rule, rule)) {
                continue;
            }
            for (const auto& dangerous : kDangerous) {
                const std::uint32_t shown = (rule.mask[dangerous.reg] | rule.set[dangerous.reg]) & dangerous.bits;
                if (rule.leaf == dangerous.leaf && shown != 0) {
                    say(Kind::cpuid, who,
                        static_cast<std::uint64_t>(rule.leaf) << 8 | static_cast<unsigned>(dangerous.reg), shown);
                }
            }
            if (rule.leaf == 1) { // without these a guest would look for an APIC page that it has not
                say(Kind::cpuid, who, kUnknown, rule.set[2] & (1U << 31 | 1U << 21));
            }
        }
    }

    void one(std::uint32_t who, const m::Partition& partition) {
        vmcb(who * 2, partition.vmcb_boot.value);
        vmcb(who * 2 + 1, partition.vmcb_ap.value);
        rules(who, partition);
        for (std::uint64_t cause = 0; cause < m::kCauses; ++cause) {
            say(Kind::conduct, who, 16 + cause, static_cast<std::uint64_t>(partition.on[cause]));
        }
        say(Kind::conduct, who, 5, partition.backoff_ms);
        say(Kind::conduct, who, 6, partition.heartbeat_ms);
        say(Kind::conduct, who, 7, partition.event_log);
        say(Kind::conduct, who, 1, partition.restart_limit);
        say(Kind::conduct, who, 2, partition.console);
        say(Kind::conduct, who, 3, static_cast<std::uint64_t>(partition.boot));
        say(Kind::conduct, who, 4, partition.asid);
        say(Kind::conduct, who, 5, static_cast<std::uint64_t>(partition.first_cpu) << 16 | partition.cpu_count);
        say(Kind::place, who, 16, partition.block.value);
        for (std::uint32_t i = 0; i < partition.payloads.count; ++i) {
            m::Payload payload;
            if (read(header_.payloads.offset + (partition.payloads.first + i) * sizeof payload, payload)) {
                for (std::uint64_t at = 0; at < payload.size && at < 1 << 24; at += 4096) {
                    say(Kind::load, who, payload.gpa.value + at, payload.hpa.value + at);
                }
            }
        }
        for (std::uint32_t i = 0; i < partition.regions.count; ++i) {
            m::Region region;
            if (read(header_.regions.offset + (partition.regions.first + i) * sizeof region, region)) {
                say(Kind::scrub, who, region.gpa.value << 2, region.hpa.value);
                say(Kind::scrub, who, region.gpa.value << 2 | 1, region.size);
                say(Kind::scrub, who, region.gpa.value << 2 | 2,
                    static_cast<std::uint64_t>(region.kind) << 16 | static_cast<std::uint64_t>(region.access) << 8 |
                        static_cast<std::uint64_t>(region.type));
            }
        }
    }

    void kernel() {
        table({Kind::kernel_memory, 0, false}, 4, header_.kernel_page_tables.value & ~0xFFFULL, 0, true, true);
        say(Kind::place, 0, 0, header_.bundle_base.value);
        say(Kind::place, 0, 1, header_.workspace.base.value);
        say(Kind::place, 0, 2, header_.workspace.size);
        say(Kind::place, 0, 3, header_.kernel.base.value);
        say(Kind::place, 0, 4, header_.kernel.size);
        say(Kind::place, 0, 5, header_.trampoline.value);
        say(Kind::contract, 0, 0, static_cast<std::uint64_t>(header_.apic));
    }

    void devices() {
        say(Kind::contract, 0, 1, static_cast<std::uint64_t>(header_.iommu.kind));
        say(Kind::contract, 0, 2, header_.iommu.registers.value);
        say(Kind::contract, 0, 3, header_.iommu.extended & header_.iommu.extended_mask & 8);
        for (std::uint64_t bus = 0; bus < 256; ++bus) {
            std::uint64_t root[2] = {0, 0};
            if (!host(header_.iommu.root_table.value + bus * 16, root)) {
                say(Kind::dma, 0, bus << 8, kUnknown);
                continue;
            }
            if ((root[0] & 1) == 0) {
                continue;
            }
            for (std::uint64_t function = 0; function < 256; ++function) {
                std::uint64_t context[2] = {0, 0};
                const bool there = host((root[0] & ~0xFFFULL) + function * 16, context);
                if (!there || (context[0] & 1) != 0) {
                    say(Kind::dma, 0, bus << 8 | function, there ? context[0] : kUnknown);
                }
            }
        }
        for (std::uint64_t i = 0; i < header_.iommu.interrupt_table_entries && i < 0x1'0000; ++i) {
            std::uint64_t entry[2] = {0, 0};
            const bool there = host(header_.iommu.interrupt_table.value + i * 16, entry);
            if (!there || (entry[0] & 1) != 0) {
                say(Kind::interrupt, 0, i, there ? entry[0] : kUnknown);
            }
        }
    }

    void records() {
        for (std::uint32_t i = 0; i < header_.cpus.count; ++i) {
            m::Cpu cpu;
            if (read(header_.cpus.offset + i * sizeof cpu, cpu)) {
                say(Kind::cpu, i, cpu.apic_id, static_cast<std::uint64_t>(cpu.partition) << 16 | cpu.vcpu);
                say(Kind::place, i, 32, cpu.block.value);
            }
        }
        for (std::uint32_t i = 0; i < header_.channels.count; ++i) {
            m::Channel channel;
            if (read(header_.channels.offset + i * sizeof channel, channel)) {
                say(Kind::channel, i, 0, static_cast<std::uint64_t>(channel.writer) << 16 | channel.reader);
                say(Kind::channel, i, 1, channel.doorbell);
                say(Kind::channel, i, 2, channel.vector);
                say(Kind::channel, i, 3, channel.reader_cpu);
                say(Kind::channel, i, 4, channel.memory.base.value);
                say(Kind::channel, i, 5, channel.memory.size);
            }
        }
        for (std::uint32_t i = 0; i < header_.ram.count; ++i) {
            m::Range range;
            if (read(header_.ram.offset + i * sizeof range, range)) {
                for (std::uint64_t page = 0; page < range.size && page < 1ULL << 30; page += 4096) {
                    say(Kind::contract, 1, range.base.value + page, 1);
                }
            }
        }
        for (std::uint32_t i = 0; i < header_.facts.count; ++i) {
            m::Fact fact;
            if (read(header_.facts.offset + i * sizeof fact, fact)) {
                const std::uint64_t key =
                    static_cast<std::uint64_t>(fact.kind) << 56 | static_cast<std::uint64_t>(fact.index) << 48 | fact.a;
                say(Kind::contract, 2, key, fact.mask);
                say(Kind::contract, 3, key, fact.expected);
            }
        }
    }

    const Bytes& bytes_;
    m::Header header_{};
    Grants out_;
};

} // namespace

Grants interpret(const Bytes& bundle) {
    return Reader(bundle).run();
}

} // namespace septum::mutation
