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
                } else if (partition.boot != m::BootKind::elf64 && (port == 0x4D0 || port == 0x4D1)) {
                    say(Kind::port_answer, who, port, 0x100U | rule.value); // a PC's kernel goes by these constants
                }
            }
        }
        for (std::uint32_t i = 0; i < partition.msrs.count; ++i) {
            m::MsrRule rule;
            if (!read(header_.msrs.offset + (partition.msrs.first + i) * sizeof rule, rule)) {
                continue;
            }
            if (rule.first <= 0x179 && rule.last >= 0x179) { // how many banks of machine checks a guest counts
                say(Kind::msr_answer, who, 0x179, static_cast<std::uint64_t>(rule.on_read) << 32 | rule.value);
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
        say(Kind::pci, 600 + who, 0,
            static_cast<std::uint64_t>(partition.devices.first) << 32 | partition.devices.count);
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
        say(Kind::conduct, who, 8, partition.entry_rdi);
        say(Kind::conduct, who, 9, partition.entry_rsi);
        say(Kind::conduct, who, 10, partition.entry_rbx);
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
        say(Kind::contract, 0, 4, header_.ecam.value);
        if (header_.iommu.kind == m::IommuKind::vt_d) { // RWBF and CM are not
            say(Kind::contract, 0, 5, header_.iommu.capability_mask & ~header_.iommu.capability & 0x90);
        }
        if (header_.iommu.kind == m::IommuKind::amd_vi) {
            amd_vi();
        } else {
            vt_d();
        }
        pci();
    }

    // One level of I/O page tables of either unit. `leaf`: 0 a table, else the level's page.
    void io_table(std::uint32_t requester, bool amd, int level, std::uint64_t base, std::uint64_t input,
                  std::uint64_t rights) {
        if (out_.size() > 400'000 || level < 1) {
            return;
        }
        for (std::uint64_t i = 0; i < 512; ++i) {
            std::uint64_t entry = 0;
            const std::uint64_t shift = 12 + 9 * static_cast<std::uint64_t>(level - 1);
            const std::uint64_t at = input + (i << shift);
            if (!host(base + i * 8, entry)) {
                say(Kind::dma, 1 + requester, at, kUnknown);
                return;
            }
            const std::uint64_t own = amd ? entry >> 61 & 3 : entry & 3;
            if (amd ? (entry & 1) == 0 : own == 0) {
                continue;
            }
            const std::uint64_t next = entry & 0x000F'FFFF'FFFF'F000;
            const int deeper = amd ? static_cast<int>(entry >> 9 & 7) : level - 1;
            const bool leaf = amd ? deeper == 0 : level == 1 || (entry & 0x80) != 0;
            if (!leaf) {
                if (deeper >= level) {
                    say(Kind::dma, 1 + requester, at, kUnknown);
                } else {
                    io_table(requester, amd, deeper, next, at, rights & own);
                }
                continue;
            }
            const std::uint64_t size = 1ULL << shift;
            for (std::uint64_t k = 0; k < size && (rights & own) != 0 && out_.size() < 400'000; k += 4096) {
                say(Kind::dma, 1 + requester, at + k, ((next & ~(size - 1)) + k) | (rights & own));
            }
        }
    }

    void vt_d() {
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
                if (there && (context[0] & 1) == 0) {
                    continue;
                }
                const auto requester = static_cast<std::uint32_t>(bus << 8 | function);
                say(Kind::dma, 0, requester, there ? (context[0] & 0xF) | context[1] << 8 : kUnknown);
                if ((context[0] >> 2 & 3) < 2) {
                    io_table(requester, false, static_cast<int>(context[1] & 7) + 2, context[0] & 0x000F'FFFF'FFFF'F000,
                             0, 3);
                }
            }
        }
        for (std::uint64_t i = 0; i < header_.iommu.interrupt_table_entries && i < 0x1'0000; ++i) {
            std::uint64_t entry[2] = {0, 0};
            const bool there = host(header_.iommu.interrupt_table.value + i * 16, entry);
            if (!there || (entry[0] & 1) != 0) {
                say(Kind::interrupt, 0, i, there ? entry[0] : kUnknown);
            }
            if (entry[1] != 0) { // the kernel keeps this half
                say(Kind::interrupt, 1, i, entry[1] & 0xF'FFFF);
            }
        }
    }

    void amd_vi() {
        for (std::uint32_t id = 0; id < 0x1'0000; ++id) {
            std::uint64_t entry[4] = {0, 0, 0, 0};
            if (!host(header_.iommu.root_table.value + id * 32ULL, entry)) {
                say(Kind::dma, 0, id, kUnknown);
                return;
            }
            const int mode = static_cast<int>(entry[0] >> 9 & 7);
            const std::uint64_t rights = entry[0] >> 61 & 3;
            if ((entry[0] & 3) != 3 || (mode == 0 && rights != 0)) {
                say(Kind::dma, 0, id, 1);
            } else if (rights != 0) {
                say(Kind::dma, 0, id, 2 | rights << 4 | (entry[1] & 0xFFFF) << 8);
                io_table(id, true, mode, entry[0] & 0x000F'FFFF'FFFF'F000, 0, rights);
            }
            // I, SE, SA, IoCtl, EX, SysMgt: bits 96, 97, 98, 99:100, 103, 104:105.
            if (const std::uint64_t more = entry[1] >> 32 & 0x39F; more != 0) {
                say(Kind::dma, 0, 0x1'0000ULL + id, more);
            }
            const std::uint64_t control = entry[2] >> 60 & 3;
            const std::uint64_t passes = entry[2] >> 56 & 0xC7;
            if ((entry[2] & 1) == 0 || control == 1 || passes != 0) {
                say(Kind::interrupt, 2, id, (entry[2] & 1) | control << 4 | passes << 8);
            }
            if ((entry[2] & 1) == 0 || control != 2) {
                continue;
            }
            const std::uint64_t table = entry[2] & 0x000F'FFFF'FFFF'FFC0;
            say(Kind::interrupt, 3, id, table | (entry[2] >> 1 & 0xF));
            for (std::uint64_t i = 0; i < 1ULL << (entry[2] >> 1 & 0xF) && i < 2048; ++i) {
                std::uint64_t remap[2] = {0, 0};
                const bool there = host(table + i * 16, remap);
                if (!there || (remap[0] & 1) != 0) {
                    say(Kind::interrupt, 4, static_cast<std::uint64_t>(id) << 16 | i, there ? remap[0] : kUnknown);
                }
            }
        }
    }

    void pci() {
        for (std::uint32_t i = 0; i < header_.devices.count && i < m::kMaxDevices; ++i) {
            m::Device d;
            if (!read(header_.devices.offset + i * sizeof d, d)) {
                continue;
            }
            say(Kind::pci, i, 0,
                static_cast<std::uint64_t>(d.bdf) << 32 | std::uint64_t{d.virtual_bdf} << 16 | d.partition);
            say(Kind::pci, i, 1, static_cast<std::uint64_t>(d.domain) << 32 | d.bridge);
            say(Kind::pci, i, 2, static_cast<std::uint64_t>(d.reset) << 8 | d.reset_at);
            say(Kind::pci, i, 3, static_cast<std::uint64_t>(d.first_handle) << 32 | d.handles);
            say(Kind::pci, i, 4,
                static_cast<std::uint64_t>(d.msix_at) << 16 | std::uint64_t{d.msi_at} << 8 | d.msi_flags);
            say(Kind::pci, i, 5, static_cast<std::uint64_t>(d.msix_bar) << 32 | d.msix_offset);
            say(Kind::pci, i, 6, d.msix_entries);
            say(Kind::pci, i, 7, d.interrupt_table.value);
            say(Kind::place, 300 + i, 0, d.block.value);
            for (std::uint32_t k = 0; k < d.bars.count && k < m::kMaxBars; ++k) {
                m::Bar b;
                if (read(header_.bars.offset + (d.bars.first + k) * sizeof b, b)) {
                    say(Kind::pci, i, 16 + k * 4, b.memory.base.value);
                    say(Kind::pci, i, 17 + k * 4, b.memory.size);
                    say(Kind::pci, i, 18 + k * 4, b.gpa.value);
                    say(Kind::pci, i, 19 + k * 4, static_cast<std::uint64_t>(b.number) << 8 | b.flags);
                }
            }
            for (std::uint32_t k = 0; k < d.registers.count && k < m::kMaxPciRegisters; ++k) {
                m::PciRegister r;
                if (!read(header_.pci_registers.offset + (d.registers.first + k) * sizeof r, r)) {
                    continue;
                }
                const std::uint64_t at = 256 + r.offset * 4ULL;
                say(Kind::pci, i, at, static_cast<std::uint64_t>(r.answer) << 8 | r.bar);
                say(Kind::pci, i, at + 1, r.read_mask);
                say(Kind::pci, i, at + 2, static_cast<std::uint64_t>(r.one_clears) << 32 | r.write_mask);
                // Constants that mean something: Command, pointer, interrupt pin, the beginning of capabilities; of a
                // virtual function all of them.
                if (r.offset == 4 || r.offset == 0x34 || r.offset == 0x3C || r.offset >= 0x40 || d.bdf == m::kNobody) {
                    say(Kind::pci, i, at + 3, r.set);
                }
            }
        }
        for (std::uint32_t i = 0; i < header_.bridges.count && i < m::kMaxBridges; ++i) {
            m::Bridge b;
            if (read(header_.bridges.offset + i * sizeof b, b)) {
                say(Kind::pci, 400 + i, 0,
                    static_cast<std::uint64_t>(b.bdf) << 32 | std::uint64_t{b.acs} << 16 | b.acs_at);
                say(Kind::pci, 400 + i, 1,
                    static_cast<std::uint64_t>(b.primary) << 32 | std::uint64_t{b.secondary} << 16 | b.subordinate);
                say(Kind::pci, 400 + i, 2, b.window.base.value);
                say(Kind::pci, 400 + i, 3, b.window.size);
                say(Kind::pci, 400 + i, 4, b.prefetchable.base.value);
                say(Kind::pci, 400 + i, 5, b.prefetchable.size);
            }
        }
        say(Kind::pci, 500, 0, header_.iommu.bdf);
        say(Kind::pci, 500, 1, header_.iommu.capability & header_.iommu.capability_mask);
        say(Kind::pci, 500, 2, header_.iommu.extended & header_.iommu.extended_mask);
        say(Kind::place, 500, 0, header_.iommu.queue.value);
        say(Kind::place, 500, 1, header_.iommu.log.value);
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
