// SPDX-License-Identifier: Apache-2.0
// The records that the kernel acts by.
#include "tests/mutation/mutants.hpp"

namespace septum::mutation {

namespace {

namespace m = manifest;

std::uint64_t pick(Random& random, std::uint64_t count) {
    return random() % count;
}

template <typename T, typename Change>
std::function<void(Editor&, Random&)> any(m::Table m::Header::* table, Change change) {
    return [=](Editor& editor, Random& random) {
        const m::Table where = editor.header().*table;
        if (where.count != 0) {
            editor.change<T>(where, pick(random, where.count), change);
        }
    };
}

// The rule that answers `first`, of a random partition.
template <typename T, typename Change>
std::function<void(Editor&, Random&)> rule(m::Table m::Header::* table, std::uint32_t T::* key, std::uint32_t first,
                                           Change change) {
    return [=](Editor& editor, Random& random) {
        const m::Table where = editor.header().*table;
        std::vector<std::uint64_t> fitting;
        for (std::uint64_t i = 0; i < where.count; ++i) {
            if (editor.record<T>(where, i).*key == first) {
                fitting.push_back(i);
            }
        }
        if (!fitting.empty()) {
            editor.change<T>(where, fitting[pick(random, fitting.size())], change);
        }
    };
}

void partitions(std::vector<Operator>& out) {
    const auto add = [&](const char* what, unsigned times, auto change) {
        out.push_back({"partitions", what, times, any<m::Partition>(&m::Header::partitions, change)});
    };
    add("another ASID", 2, [](m::Partition& p) { p.asid ^= 1; });
    add("ASID 0", 1, [](m::Partition& p) { p.asid = 0; });
    add("another fault policy", 2, [](m::Partition& p) {
        m::OnFault& on = p.on[static_cast<u32>(m::Cause::forbidden)];
        on = on == m::OnFault::restart ? m::OnFault::stop : m::OnFault::restart;
    });
    add("halts the system", 2, [](m::Partition& p) { p.on[0] = m::OnFault::halt_system; });
    add("another limit of restarts", 2, [](m::Partition& p) { p.restart_limit += 1; });
    add("another pause", 2, [](m::Partition& p) { p.backoff_ms += 7; });
    add("another heartbeat", 2, [](m::Partition& p) { p.heartbeat_ms += 100; });
    add("event log given or taken", 2, [](m::Partition& p) { p.event_log ^= 1; });
    add("console given or taken", 2, [](m::Partition& p) { p.console ^= 1; });
    add("boots otherwise", 2, [](m::Partition& p) { p.boot = m::BootKind::linux; });
    add("one CPU more", 2, [](m::Partition& p) { p.cpu_count = static_cast<u16>(p.cpu_count + 1); });
    add("CPUs of another", 2, [](m::Partition& p) { p.first_cpu ^= 2; });
    add("block elsewhere", 2, [](m::Partition& p) { p.block = p.block + 0x1000; });
    add("starts with another RDI", 1, [](m::Partition& p) { p.entry_rdi += 0x1000; });
    add("starts with another RSI", 1, [](m::Partition& p) { p.entry_rsi ^= 1; });
    add("starts with another RBX", 1, [](m::Partition& p) { p.entry_rbx += 0x10; });
    add("other payloads", 1, [](m::Partition& p) { p.payloads.first += 1; });
}

void cpus(std::vector<Operator>& out) {
    const auto add = [&](const char* what, unsigned times, auto change) {
        out.push_back({"CPUs", what, times, any<m::Cpu>(&m::Header::cpus, change)});
    };
    add("APIC id of another", 3, [](m::Cpu& c) { c.apic_id ^= 1; });
    add("APIC id of nobody", 2, [](m::Cpu& c) { c.apic_id += 64; });
    add("another owner", 3, [](m::Cpu& c) { c.partition = static_cast<u16>(c.partition == 0 ? 1 : 0); });
    add("another number", 2, [](m::Cpu& c) { c.vcpu = static_cast<u16>(c.vcpu + 1); });
    add("block of another", 2, [](m::Cpu& c) { c.block = c.block + 0x9000; });
    add("block outside", 1, [](m::Cpu& c) { c.block = Hpa{0x100'0000}; });
}

void channels(std::vector<Operator>& out) {
    const auto add = [&](const char* what, unsigned times, auto change) {
        out.push_back({"channels", what, times, any<m::Channel>(&m::Header::channels, change)});
    };
    add("turned round", 2, [](m::Channel& c) { std::swap(c.writer, c.reader); });
    add("another reader", 2, [](m::Channel& c) { c.reader = static_cast<u16>((c.reader + 1) % 3); });
    add("doorbell given or taken", 2, [](m::Channel& c) { c.doorbell ^= 1; });
    add("another vector", 2, [](m::Channel& c) { c.vector = static_cast<u8>(c.vector + 1); });
    add("exception for a vector", 1, [](m::Channel& c) { c.vector = 8; });
    add("rings another CPU", 2, [](m::Channel& c) { c.reader_cpu = static_cast<u16>(c.reader_cpu + 1); });
    add("memory elsewhere", 2, [](m::Channel& c) { c.memory.base = c.memory.base + 0x1000; });
    add("larger", 2, [](m::Channel& c) { c.memory.size += 0x1000; });
}

void regions(std::vector<Operator>& out) {
    const auto add = [&](const char* what, unsigned times, auto change) {
        out.push_back({"regions", what, times, any<m::Region>(&m::Header::regions, change)});
    };
    add("place of another", 3, [](m::Region& r) { r.hpa = r.hpa + 0x20'0000; });
    add("shorter", 2, [](m::Region& r) { r.size -= 0x1000; });
    add("more rights", 2, [](m::Region& r) { r.access = r.access == 7 ? 3 : 7; });
    add("another kind", 2,
        [](m::Region& r) { r.kind = r.kind == m::RegionKind::ram ? m::RegionKind::channel_send : m::RegionKind::ram; });
    add("uncacheable", 1, [](m::Region& r) { r.type = m::MemoryType::uncacheable; });
    const auto load = [&](const char* what, unsigned times, auto change) {
        out.push_back({"payloads", what, times, any<m::Payload>(&m::Header::payloads, change)});
    };
    load("copied into another's memory", 3, [](m::Payload& p) { p.hpa = p.hpa + 0x40'0000; });
    load("copied over the kernel", 1, [](m::Payload& p) { p.hpa = Hpa{0x20'0000}; });
    load("seen elsewhere", 2, [](m::Payload& p) { p.gpa = p.gpa + 0x1000; });
    load("with bytes of the next one", 3, [](m::Payload& p) { p.size = (p.size + 0x1FFF) / 0x1000 * 0x1000; });
    load("past the end of RAM", 1, [](m::Payload& p) { p.size = 0x100'0000; });
}

void rules(std::vector<Operator>& out) {
    const auto port = [&](const char* what, unsigned times, auto change) {
        out.push_back({"rules", what, times, any<m::PortRule>(&m::Header::ports, change)});
    };
    port("port answers as a console", 3, [](m::PortRule& r) {
        r.answer = r.answer == m::PortAnswer::uart ? m::PortAnswer::reset : m::PortAnswer::uart;
    });
    port("rule for more ports", 3, [](m::PortRule& r) {
        if (r.answer != m::PortAnswer::constant) {
            r.last = static_cast<u16>(r.last + 1);
        }
    });
    port("unknown answer", 1, [](m::PortRule& r) { r.answer = static_cast<m::PortAnswer>(9); });
    port("forbidden port no more", 3, [](m::PortRule& r) {
        if (r.answer == m::PortAnswer::forbidden) {
            r.answer = m::PortAnswer::constant;
        }
    });
    const auto msr = [&](const char* what, std::uint32_t number, auto change) {
        out.push_back({"rules", what, 1, rule<m::MsrRule>(&m::Header::msrs, &m::MsrRule::first, number, change)});
    };
    msr("SVME is the guest's to write", 0xC000'0080, [](m::MsrRule& r) { r.value |= 0x1000; });
    msr("EFER answers as an APIC base", 0xC000'0080, [](m::MsrRule& r) { r.on_write = m::MsrAnswer::apic_base; });
    msr("machine checks with banks", 0x179, [](m::MsrRule& r) { r.value = 5; });
    msr("machine checks without a count", 0x179, [](m::MsrRule& r) { r.on_read = m::MsrAnswer::fault_gp; });
    msr("half of the virtual x2APIC", 0x800, [](m::MsrRule& r) { r.last = 0x82F; });
    msr("x2APIC at the wrong place", 0x200, [](m::MsrRule& r) { r.on_write = m::MsrAnswer::x2apic; });
    const auto cpuid = [&](const char* what, std::uint32_t leaf, auto change) {
        out.push_back({"rules", what, 1, rule<m::CpuidRule>(&m::Header::cpuid, &m::CpuidRule::leaf, leaf, change)});
    };
    cpuid("SVM shown", 0x8000'0001, [](m::CpuidRule& r) { r.mask[2] |= 1U << 2; });
    cpuid("VMX shown", 1, [](m::CpuidRule& r) { r.set[2] |= 1U << 5; });
    cpuid("MWAIT shown", 1, [](m::CpuidRule& r) { r.mask[2] |= 1U << 3; });
    cpuid("TSC deadline shown", 1, [](m::CpuidRule& r) { r.mask[2] |= 1U << 24; });
    cpuid("x2APIC hidden", 1, [](m::CpuidRule& r) { r.set[2] &= ~(1U << 21); });
    cpuid("leaf of SVM answered", 0x8000'0007, [](m::CpuidRule& r) {
        r.leaf = 0x8000'000A;
        r.mask[3] = ~0U;
    });
}

// Facts that the proofs use; the first key is CPUID leaf, MSR or function.
// What a partition that boots as a PC is shown of one: trigger registers, and a bus with a host bridge alone.
void pc(std::vector<Operator>& out) {
    const auto port = [&](const char* what, u16 first, auto change) {
        out.push_back({"PC platform", what, 1, [=](Editor& editor, Random&) {
                           const m::Table where = editor.header().ports;
                           for (std::uint64_t i = 0; i < where.count; ++i) {
                               if (editor.record<m::PortRule>(where, i).first == first) {
                                   editor.change<m::PortRule>(where, i, change);
                               }
                           }
                       }});
    };
    port("level where it is edge", 0x4D0, [](m::PortRule& r) { r.value ^= 0x20; });
    port("edge where it is level", 0x4D1, [](m::PortRule& r) { r.value ^= 2; });
    port("trigger registers absent", 0x4D0, [](m::PortRule& r) { r.first = r.last = 0x4CF; });
    port("trigger registers forbidden", 0x4D1, [](m::PortRule& r) { r.answer = m::PortAnswer::forbidden; });
    port("no configuration address", 0xCF8, [](m::PortRule& r) { r.answer = m::PortAnswer::constant; });
    port("no configuration data", 0xCFC, [](m::PortRule& r) { r.answer = m::PortAnswer::constant; });
    port("half of the configuration data", 0xCFC, [](m::PortRule& r) { r.last = 0xCFD; });
    port("the reset control register as data", 0xCF9, [](m::PortRule& r) { r.answer = m::PortAnswer::pci_data; });
    const auto bridge = [&](const char* what, auto change) {
        out.push_back({"PC platform", what, 1, [=](Editor& editor, Random&) {
                           const m::Table where = editor.header().devices;
                           for (std::uint64_t i = 0; i < where.count; ++i) {
                               if (editor.record<m::Device>(where, i).bdf == m::kNobody) {
                                   editor.change<m::Device>(where, i, change);
                               }
                           }
                       }});
    };
    bridge("a function of the board as host bridge", [](m::Device& d) { d.bdf = 0x00FA; });
    bridge("host bridge elsewhere", [](m::Device& d) { d.virtual_bdf = 8; });
    bridge("host bridge of another", [](m::Device& d) { d.partition = 0; });
    bridge("host bridge with interrupts", [](m::Device& d) { d.handles = 1; });
    bridge("host bridge without registers", [](m::Device& d) { d.registers.count = 0; });
    const auto shown = [&](const char* what, std::uint8_t offset, auto change) {
        out.push_back({"PC platform", what, 1, [=](Editor& editor, Random&) {
                           const m::Table devices = editor.header().devices;
                           const m::Table where = editor.header().pci_registers;
                           for (std::uint64_t i = 0; i < devices.count; ++i) {
                               const auto device = editor.record<m::Device>(devices, i);
                               for (std::uint64_t k = 0; device.bdf == m::kNobody && k < device.registers.count; ++k) {
                                   const std::uint64_t at = device.registers.first + k;
                                   if (editor.record<m::PciRegister>(where, at).offset == offset) {
                                       editor.change<m::PciRegister>(where, at, change);
                                   }
                               }
                           }
                       }});
    };
    shown("host bridge without vendor", 0, [](m::PciRegister& r) { r.set |= 0xFFFF; });
    shown("host bridge of the hardware", 0, [](m::PciRegister& r) {
        r.answer = m::PciAnswer::hardware;
        r.read_mask = ~0U;
    });
    shown("host bridge that is a disk", 8, [](m::PciRegister& r) { r.set = 0x0108'0200; });
    shown("host bridge with a capability", 8, [](m::PciRegister& r) {
        r.offset = 0x34;
        r.set = 0x40;
    });
    shown("host bridge with a BAR", 8, [](m::PciRegister& r) {
        r.offset = 0x10;
        r.set = 0xF000'0000;
    });
    out.push_back({"PC platform", "no bus", 2,
                   any<m::Partition>(&m::Header::partitions, [](m::Partition& p) { p.devices = {}; })});
}

void contract(std::vector<Operator>& out) {
    const auto fact = [&](const char* what, m::FactKind kind, std::uint32_t a, std::uint16_t index, auto change) {
        out.push_back({"contract", what, 1, [=](Editor& editor, Random&) {
                           const m::Table where = editor.header().facts;
                           for (std::uint64_t i = 0; i < where.count; ++i) {
                               const auto found = editor.record<m::Fact>(where, i);
                               if (found.kind == kind && found.a == a && found.index == index) {
                                   editor.change<m::Fact>(where, i, change);
                               }
                           }
                       }});
    };
    const auto weaken = [](m::Fact& f) {
        f.mask = 0;
        f.expected = 0;
    };
    const auto less = [](m::Fact& f) { f.expected = 0; };
    fact("no nested paging asked", m::FactKind::cpuid_bits, 0x8000'000A, 3, weaken);
    fact("SVM off accepted", m::FactKind::msr_bits, 0xC001'0114, 0, weaken);
    fact("any PAT accepted", m::FactKind::msr_bits, 0x277, 0, weaken);
    fact("any microcode accepted", m::FactKind::msr_at_least, 0x8B, 0, less);
    fact("any number of ASIDs accepted", m::FactKind::cpuid_at_least, 0x8000'000A, 1, less);
    fact("any address width accepted", m::FactKind::cpuid_at_least, 0x8000'0008, 0, less);
    fact("another function", m::FactKind::pci_function, 0x00FA, 0, [](m::Fact& f) { f.expected ^= 0x10000; });
    // The kernel takes every function that a fact names: one fact more lets a device in.
    const auto stranger = [](m::Fact& f) {
        f.kind = m::FactKind::pci_function;
        f.index = 0;
        f.a = 0x00E8; // 00:1d.0
        f.b = 0;
        f.mask = 0xFFFF'FFFF;
        f.expected = 0x11E8'1234;
    };
    fact("another vendor", m::FactKind::cpuid_bits, 0, 1, weaken);
    fact("a function that is not the board's", m::FactKind::cpuid_at_least, 0x8000'0000, 0, stranger);
    fact("impossible fact", m::FactKind::cpuid_bits, 0x8000'0001, 2, [](m::Fact& f) { f.expected = ~0ULL; });
    const auto header = [&](const char* what, auto change) {
        out.push_back({"contract", what, 1, [=](Editor& editor, Random&) { editor.change_header(change); }});
    };
    header("another APIC mode",
           [](m::Header& h) { h.apic = h.apic == m::ApicMode::x2apic ? m::ApicMode::xapic : m::ApicMode::x2apic; });
    header("another trampoline", [](m::Header& h) { h.trampoline = Hpa{0x9000}; });
    header("no IOMMU", [](m::Header& h) { h.iommu.kind = m::IommuKind::none; });
    header("IOMMU elsewhere", [](m::Header& h) { h.iommu.registers = Hpa{0xFED8'0000}; });
    header("IOMMU without interrupt remapping", [](m::Header& h) { h.iommu.extended = 0; });
    header("IOMMU that keeps what is not present", [](m::Header& h) { h.iommu.capability_mask &= ~0x80ULL; });
    header("IOMMU whose writes wait for a flush", [](m::Header& h) { h.iommu.capability |= 0x10; });
    header("kernel's tables elsewhere", [](m::Header& h) { h.kernel_page_tables = h.iommu.root_table; });
    header("workspace shorter", [](m::Header& h) { h.workspace.size -= 0x1000; });
    header("workspace over the kernel", [](m::Header& h) { h.workspace.base = h.kernel.base; });
    header("kernel shorter", [](m::Header& h) { h.kernel.size = 0x1000; });
    header("bundle elsewhere", [](m::Header& h) { h.bundle_base = h.bundle_base + 0x1000; });
    out.push_back({"contract", "planned memory not listed", 3,
                   any<m::Range>(&m::Header::ram, [](m::Range& r) { r.size -= 0x1000; })});
}

} // namespace

std::vector<Operator> manifest_operators() {
    std::vector<Operator> out;
    partitions(out);
    cpus(out);
    channels(out);
    regions(out);
    rules(out);
    pc(out);
    contract(out);
    return out;
}

std::vector<Operator> digest_operators() {
    std::vector<Operator> out;
    const auto flip = [&](const char* what, auto first, auto size) {
        out.push_back({"digests", what, 6,
                       [=](Editor& editor, Random& random) {
                           const m::Header header = editor.header();
                           const std::uint64_t at = first(header) + pick(random, size(header, editor.bundle.size()));
                           editor.bundle[at] = static_cast<std::uint8_t>(editor.bundle[at] ^ (1U << pick(random, 8)));
                       },
                       false});
    };
    flip(
        "a bit of the manifest", [](const m::Header&) { return std::uint64_t{0}; },
        [](const m::Header& h, std::uint64_t) { return std::uint64_t{h.manifest_size}; });
    flip(
        "a bit of the tables", [](const m::Header& h) { return std::uint64_t{h.tables_offset}; },
        [](const m::Header& h, std::uint64_t) { return std::uint64_t{h.tables_size}; });
    flip(
        "a bit of the payloads", [](const m::Header& h) { return std::uint64_t{h.tables_offset} + h.tables_size; },
        [](const m::Header& h, std::uint64_t size) { return size - h.tables_offset - h.tables_size; });
    out.push_back({"digests", "a bit of the kernel's code", 3,
                   [](Editor& editor, Random& random) {
                       const std::uint64_t at = 0x2000 + pick(random, 0x1800); // the second segment, in the file
                       editor.kernel[at] = static_cast<std::uint8_t>(editor.kernel[at] ^ (1U << pick(random, 8)));
                   },
                   false});
    return out;
}

std::vector<Operator> harmless_operators() {
    std::vector<Operator> out;
    const auto add = [&](const char* what, std::function<void(Editor&, Random&)> apply) {
        out.push_back({"harmless", what, 2, std::move(apply)});
    };
    add("another byte of a payload", [](Editor& editor, Random&) {
        const m::Header header = editor.header();
        const auto payload = editor.record<m::Payload>(header.payloads, editor.partition(0).payloads.first +
                                                                            editor.partition(0).payloads.count - 1);
        editor.bundle[payload.offset] ^= 1;
    });
    add("another constant at a port", any<m::PortRule>(&m::Header::ports, [](m::PortRule& r) {
            if (r.answer == m::PortAnswer::constant && r.first >> 4 != 0x4D) { // but for the trigger registers
                r.value ^= 0x40;
            }
        }));
    add("another constant in an MSR", any<m::MsrRule>(&m::Header::msrs, [](m::MsrRule& r) {
            if (r.on_read == m::MsrAnswer::constant && r.first != 0x179) {
                r.value ^= 0x40;
            }
        }));
    add("a processor feature less", rule<m::CpuidRule>(&m::Header::cpuid, &m::CpuidRule::leaf, 7, [](m::CpuidRule& r) {
            r.mask[1] &= ~(1U << 5); // AVX2
        }));
    add("a stricter microcode floor", [](Editor& editor, Random&) {
        const m::Table where = editor.header().facts;
        for (std::uint64_t i = 0; i < where.count; ++i) {
            if (editor.record<m::Fact>(where, i).kind == m::FactKind::msr_at_least) {
                editor.change<m::Fact>(where, i, [](m::Fact& f) { f.expected += 1; });
            }
        }
    });
    add("the name of a fact", any<m::Fact>(&m::Header::facts, [](m::Fact& f) { f.name[0] = 'z'; }));
    add("the guest's first RAX",
        [](Editor& editor, Random&) { editor.put(editor.partition(0).vmcb_boot.value + 0x5F8, std::uint64_t{7}); });
    add("the upper half of the PAT, which repeats the lower", [](Editor& editor, Random& random) {
        std::vector<Entry> leaves;
        for (const Entry& entry : editor.entries(editor.partition(0).npt_root.value)) {
            if (entry.leaf && entry.level == 1) {
                leaves.push_back(entry);
            }
        }
        const Entry& entry = leaves[pick(random, leaves.size())];
        editor.put(entry.address, entry.value | 1 << 7);
    });
    return out;
}

} // namespace septum::mutation
