// SPDX-License-Identifier: Apache-2.0
#include "config/show.hpp"
#include "probe/acpi.hpp"
#include "probe/pci.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace septum::probe {
namespace {

using config::show_address;
using config::show_size;

constexpr std::uint64_t kMiB = 1ULL << 20;

std::string size(std::uint64_t bytes) {
    return bytes % 1024 == 0 && bytes != 0 ? show_size(bytes) : show_address(bytes);
}

std::string short_address(std::uint64_t value) {
    return fmt::format("0x{:x}", value);
}

// Firmware keeps tables of its own between 8 and 16 MiB (OVMF) and at the top of the memory below 4 GiB, in other
// places at each start and under BIOS than under UEFI: a margin there costs little.
std::vector<Range> careful(const std::vector<Range>& memory) {
    constexpr std::uint64_t kTop = 64 * kMiB;
    constexpr std::uint64_t k4G = 1ULL << 32;
    std::uint64_t highest_low = 0;
    for (const Range& range : memory)
        if (range.end <= k4G)
            highest_low = std::max(highest_low, range.end);
    std::vector<Range> all;
    const auto add = [&](std::uint64_t base, std::uint64_t end) {
        base = (base + 2 * kMiB - 1) / (2 * kMiB) * (2 * kMiB);
        end = end / (2 * kMiB) * (2 * kMiB);
        if (end > base)
            all.push_back({base, end});
    };
    for (const Range& range : memory) {
        const std::uint64_t end = range.end == highest_low && range.end > 128 * kMiB ? range.end - kTop : range.end;
        if (range.base < 8 * kMiB)
            add(std::max(range.base, 2 * kMiB), std::min(end, 8 * kMiB));
        add(std::max(range.base, 16 * kMiB), end);
    }
    return all;
}

class Writer {
public:
    Writer(const Machine& machine, const std::string& name) : machine_(machine), board_(name) {
        std::map<std::string, unsigned> counts;
        for (const Function& function : machine.functions)
            counts[name_of(function)]++;
        std::map<std::string, unsigned> next;
        for (const Function& function : machine.functions) {
            const auto kind = name_of(function);
            names_[function.bdf] = counts[kind] == 1 && kind != "nic" ? kind : kind + std::to_string(next[kind]++);
            if (function.group)
                group_sizes_[*function.group]++;
        }
    }

    std::string whole() {
        head();
        cpus();
        memory();
        unit();
        functions();
        return std::move(text_);
    }

private:
    template <typename... Values>
    void line(fmt::format_string<Values...> format, Values&&... values) {
        text_ += fmt::format(format, std::forward<Values>(values)...) + "\n";
    }

    void noted(const std::string& text, const char* note) { text_ += fmt::format("{:<39} # {}\n", text, note); }

    void head() {
        line("# What `septum board probe` saw of this machine. Septum's kernel checks these facts before it launches "
             "anything,");
        line("# and names the first that does not hold. Every key is described in config/README.md.");
        if (!machine_.missing.empty()) {
            line("#");
            line("# Not seen:");
            for (const Missing& missing : machine_.missing) {
                line("#   - {}", missing.what);
                line("#     {}", missing.help);
            }
        }
        line("septum-board: 1");
        line("name: {}", board_);
        noted(std::string("vendor: ") + (machine_.amd ? "amd" : "intel"), "/proc/cpuinfo");
        line("apic: {}", machine_.x2apic ? "x2apic" : "xapic");
        noted(fmt::format("physical-address-bits: {}", machine_.physical_bits), "CPUID 0x80000008");
        line("huge-pages-1g: {}", machine_.pages_1g ? "true" : "false");
        noted("microcode-floor: " + show_address(machine_.microcode), "what runs now; a later one is accepted");
        line("trampoline: 0x8000                      # a page below 640 KiB that firmware leaves alone");
        line("console: 0x3f8                          # the first serial port; not probed");
        text_ += "\n";
    }

    void cpus() {
        const bool several =
            std::any_of(machine_.cpus.begin(), machine_.cpus.end(), [](const Cpu& cpu) { return cpu.node != 0; });
        line("cpus:");
        for (const Cpu& cpu : machine_.cpus)
            line("  - {{apic: {}, core: {}}}{}", cpu.apic, cpu.core,
                 several ? fmt::format("                  # NUMA node {}", cpu.node) : "");
        if (machine_.cpus.empty())
            text_.replace(text_.size() - 1, 1, " []\n");
        text_ += "\n";
    }

    void memory() {
        line("# Usable RAM of {}, less a margin for what other firmware starts keep: 8 to 16 MiB, and 64 MiB below the "
             "end of",
             machine_.memory_from);
        line("# the memory under 4 GiB. The kernel refuses when a planned range is not usable on the day.");
        line("memory:");
        const auto ranges = careful(machine_.memory);
        for (const Range& range : ranges)
            line("  - {{base: {}, size: {}}}", show_address(range.base), size(range.end - range.base));
        if (ranges.empty())
            text_.replace(text_.size() - 1, 1, " []\n");
        text_ += "\n";
    }

    void unit() {
        if (machine_.units.empty()) {
            line("iommu: {{kind: none}}                     # none seen: no device can be granted");
        } else if (machine_.units.front().kind == UnitKind::vt_d) {
            const Unit& unit = machine_.units.front();
            line("iommu:                                  # ACPI DMAR; CAP_REG {}, ECAP_REG {}",
                 unit.cap ? show_address(*unit.cap) : "not seen", unit.ecap ? show_address(*unit.ecap) : "not seen");
            line("  kind: vt-d");
            line("  registers: {}", show_address(unit.registers));
            if (unit.cap) { // VT-d §11.4.2: SAGAW bits 12:8, SLLPS bits 37:34
                line("  address-bits: {}", (*unit.cap >> 9 & 1) != 0 ? 39 : 48);
                line("  largest-page: {}", (*unit.cap >> 35 & 1) != 0   ? "1 GiB"
                                           : (*unit.cap >> 34 & 1) != 0 ? "2 MiB"
                                                                        : "4 KiB");
            }
            line("  version: 0x{:x}", unit.version);
            if (unit.ecap) // VT-d §11.4.3: EIM bit 4
                line("  extended-interrupts: {}", (*unit.ecap >> 4 & 1) != 0 ? "true" : "false");
            reserved();
        } else {
            const Unit& unit = machine_.units.front();
            line("iommu:                                  # ACPI IVRS");
            line("  kind: amd-vi");
            line("  registers: {}", show_address(unit.registers));
            const auto own = names_.find(unit.bdf.value_or(0));
            if (unit.bdf && own != names_.end())
                line("  function: {}", own->second);
            line("  largest-page: 1 GiB");
            if (unit.ecap) // AMD IOMMU §3.4.9: XTSup, bit 2
                line("  extended-interrupts: {}", (*unit.ecap >> 2 & 1) != 0 ? "true" : "false");
            reserved();
        }
        text_ += "\n";
        if (machine_.ecam)
            noted("ecam: " + show_address(*machine_.ecam), "ACPI MCFG\n");
    }

    void reserved() {
        std::string rows;
        for (const Reserved& entry : machine_.reserved) {
            std::string devices;
            for (const auto bdf : entry.devices)
                if (const auto name = names_.find(bdf); name != names_.end())
                    devices += (devices.empty() ? "" : ", ") + name->second;
            if (!devices.empty())
                rows += fmt::format("    - {{base: {}, size: {}, devices: [{}]}}\n", show_address(entry.range.base),
                                    size(entry.range.end - entry.range.base), devices);
        }
        if (!rows.empty())
            text_ +=
                "  reserved:                             # firmware wants it kept; such a device is not granted\n" +
                rows;
    }

    void functions() {
        line("# Every function that Linux sees; the kernel refuses to start when there is another one, or one less.");
        line("pci:");
        for (const Function& function : machine_.functions)
            one(function);
        if (machine_.functions.empty())
            text_.replace(text_.size() - 1, 1, " {}\n");
    }

    void one(const Function& function) {
        const ByteSpan config = function.config;
        line("  {}:", names_[function.bdf]);
        line("    at: {}", bdf_text(function.bdf));
        line("    id: {:04x}:{:04x}", little(config, 0, 2), little(config, 2, 2));
        const auto code = little(config, 9, 3);
        line("    class: 0x{:02x}_{:02x}_{:02x}", code >> 16, code >> 8 & 0xFF, code & 0xFF);
        if (is_bridge(function))
            bridge(function);
        else if (config[0x0B] != 6) // a bridge of the chipset is nobody's to own
            device(function);
        if (function.group && group_sizes_[*function.group] > 1)
            line("    group: {}", *function.group);
    }

    void bridge(const Function& function) {
        const ByteSpan config = function.config;
        std::string more;
        if (const auto acs = find_extended(function, 0x0D)) // PCIe 6.0 §7.7.11
            more += ", acs: " + short_address(*acs);
        const auto window = [&](const char* key, const std::optional<Range>& range) {
            if (range && range->base % kMiB == 0 && range->end % kMiB == 0)
                more += fmt::format(", {}: {{base: {}, size: {}}}", key, show_address(range->base),
                                    size(range->end - range->base));
        };
        window("window", function.window);
        window("prefetchable", function.prefetchable);
        line("    bridge: {{secondary: {}, subordinate: {}{}}}", config[0x19], config[0x1A], more);
    }

    void device(const Function& function) {
        const ByteSpan config = function.config;
        std::string bars;
        std::string remarks;
        for (const Bar& bar : function.bars) {
            const bool whole = (bar.size & (bar.size - 1)) == 0 && bar.base % bar.size == 0 && bar.base != 0;
            if (bar.size < 4096 || !whole)
                remarks +=
                    fmt::format("    # BAR {} has {}: less than a page, or not placed; the device cannot be granted\n",
                                bar.number, size(bar.size));
            else
                bars += fmt::format("      {}: {{base: {}, size: {}, type: {}{}}}\n", bar.number,
                                    show_address(bar.base), size(bar.size), bar.is_64 ? "mem64" : "mem32",
                                    bar.prefetchable ? ", prefetchable: true" : "");
        }
        text_ += remarks;
        if (!bars.empty())
            text_ += "    bars:\n" + bars;
        else if (remarks.empty())
            line("    bars: {{}}");
        if (const auto msix = find_capability(function, 0x11)) { // PCI 3.0 §6.8.2
            const auto table = little(config, *msix + 4U, 4);
            const auto pending = little(config, *msix + 8U, 4);
            line("    msix: {{at: {}, entries: {}, table: {{bar: {}, offset: {}}}, pba: {{bar: {}, offset: {}}}}}",
                 short_address(*msix), (little(config, *msix + 2U, 2) & 0x7FF) + 1, table & 7,
                 short_address(table & ~7ULL), pending & 7, short_address(pending & ~7ULL));
        }
        if (const auto msi = find_capability(function, 0x05)) { // PCI 3.0 §6.8.1
            const auto control = little(config, *msi + 2U, 2);
            line("    msi: {{at: {}, vectors: {}, wide: {}, maskable: {}}}", short_address(*msi),
                 1U << std::min<std::uint64_t>(control >> 1 & 7, 5), (control & 0x80) != 0, (control & 0x100) != 0);
        }
        if (const auto express = find_capability(function, 0x10))
            line("    pcie: {}", short_address(*express));
        if (const auto power = find_capability(function, 0x01))
            line("    power: {}", short_address(*power));
        std::string others;
        for (const auto& capability : capabilities(function))
            if (capability.id == 0x09 && config[capability.at + 2U] >= 4) // vendor-specific: its length is in it
                others += fmt::format("{}{{at: {}, id: 0x09, size: {}}}", others.empty() ? "" : ", ",
                                      short_address(capability.at), config[capability.at + 2U]);
        if (!others.empty())
            line("    capabilities: [{}]", others);
        if (config.size() >= 256)
            line("    reset: {}", reset_of(function));
    }

    const Machine& machine_;
    const std::string& board_;
    std::map<std::uint16_t, std::string> names_;
    std::map<std::uint32_t, unsigned> group_sizes_;
    std::string text_;
};

} // namespace

std::string board_file(const Machine& machine, const std::string& name) {
    return Writer(machine, name).whole();
}

} // namespace septum::probe
