// SPDX-License-Identifier: Apache-2.0
// Where Linux tells: /proc/cpuinfo, /proc/iomem, /sys/firmware, /sys/class/iommu, /sys/bus/pci.
#include "probe/acpi.hpp"
#include "probe/pci.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <system_error>

namespace septum::probe {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargestFile = 1 << 20;
constexpr std::uint64_t kEcamSize = 256ULL << 20; // of all 256 buses: PCI Express base specification §7.2.2

// The file's bytes, as many as can be read; empty when none can.
Bytes read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    Bytes bytes;
    char c = 0;
    while (bytes.size() < kLargestFile && in.get(c))
        bytes.push_back(static_cast<std::uint8_t>(c));
    return bytes;
}

std::string read_text(const fs::path& path) {
    const Bytes bytes = read(path);
    std::string text(bytes.begin(), bytes.end());
    while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
        text.pop_back();
    return text;
}

std::optional<std::uint64_t> number(std::string_view text, int base) {
    if (base == 16 && text.starts_with("0x"))
        text.remove_prefix(2);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc() || end == text.data())
        return std::nullopt;
    return value;
}

std::vector<fs::path> entries(const fs::path& folder) {
    std::vector<fs::path> all;
    std::error_code code;
    for (fs::directory_iterator it(folder, code), end; !code && it != end; it.increment(code))
        all.push_back(it->path());
    std::sort(all.begin(), all.end());
    return all;
}

bool has_word(const std::string& line, const std::string& word) {
    std::istringstream words(line);
    return std::find(std::istream_iterator<std::string>(words), std::istream_iterator<std::string>(), word) !=
           std::istream_iterator<std::string>();
}

void look_at_cpus(const fs::path& root, Machine& machine) {
    std::istringstream lines(read_text(root / "proc/cpuinfo"));
    std::optional<std::uint64_t> apic;
    std::uint64_t package = 0;
    std::uint64_t core = 0;
    std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint32_t> cores;
    std::map<std::uint64_t, std::uint32_t> packages;
    bool vendor_known = false;
    const auto finish = [&] {
        if (apic) {
            const auto next = static_cast<std::uint32_t>(cores.size());
            const auto number_of = cores.try_emplace({package, core}, next).first->second;
            const auto next_package = static_cast<std::uint32_t>(packages.size());
            const auto package_of = packages.try_emplace(package, next_package).first->second;
            machine.cpus.push_back({static_cast<std::uint32_t>(*apic), number_of, package_of, 0});
        }
        apic.reset();
    };
    for (std::string line; std::getline(lines, line);) {
        const auto colon = line.find(':');
        if (colon == std::string::npos)
            continue;
        const std::string key = line.substr(0, line.find_first_of("\t:"));
        const std::string value = colon + 2 <= line.size() ? line.substr(colon + 2) : "";
        if (key == "processor")
            finish();
        else if (key == "apicid")
            apic = number(value, 10);
        else if (key == "physical id")
            package = number(value, 10).value_or(0);
        else if (key == "core id")
            core = number(value, 10).value_or(0);
        else if (key == "vendor_id") {
            vendor_known = true;
            machine.amd = value == "AuthenticAMD" || value == "HygonGenuine";
        } else if (key == "microcode")
            machine.microcode = number(value, 16).value_or(0);
        else if (key == "flags") {
            machine.x2apic = machine.x2apic || has_word(value, "x2apic");
            machine.pages_1g = machine.pages_1g || has_word(value, "pdpe1gb");
        } else if (key == "address sizes")
            machine.physical_bits = static_cast<std::uint32_t>(number(value, 10).value_or(0));
    }
    finish();
    if (machine.cpus.empty() || !vendor_known)
        machine.missing.push_back({"the CPUs: /proc/cpuinfo has none", "state `cpus` and `vendor` by hand"});
    else if (!machine.amd)
        machine.missing.push_back(
            {"a processor that septum's kernel can use: these are Intel's, and it isolates by SVM",
             "take a machine with AMD processors"});
}

// /proc/iomem gives zeros to everybody but root; /sys/firmware/memmap is for everybody where the kernel has it.
void look_at_memory(const fs::path& root, Machine& machine) {
    std::istringstream lines(read_text(root / "proc/iomem"));
    for (std::string line; std::getline(lines, line);) {
        const auto dash = line.find('-');
        if (line.starts_with(' ') || dash == std::string::npos || !line.ends_with(" : System RAM"))
            continue;
        const auto base = number(line.substr(0, dash), 16);
        const auto last = number(line.substr(dash + 1), 16);
        if (base && last && *last > *base)
            machine.memory.push_back({*base, *last + 1});
    }
    machine.memory_from = "/proc/iomem";
    if (machine.memory.empty()) {
        machine.memory_from = "/sys/firmware/memmap";
        for (const auto& entry : entries(root / "sys/firmware/memmap")) {
            const auto base = number(read_text(entry / "start"), 16);
            const auto last = number(read_text(entry / "end"), 16);
            if (base && last && *last > *base && read_text(entry / "type") == "System RAM")
                machine.memory.push_back({*base, *last + 1});
        }
    }
    std::sort(machine.memory.begin(), machine.memory.end(),
              [](const Range& a, const Range& b) { return a.base < b.base; });
    if (machine.memory.empty())
        machine.missing.push_back({"usable memory: /proc/iomem shows no addresses and there is no /sys/firmware/memmap",
                                   "run it as root: `sudo septum board probe`"});
}

void look_at_tables(const fs::path& root, Machine& machine) {
    const fs::path tables = root / "sys/firmware/acpi/tables";
    std::set<std::string> unreadable;
    const auto table = [&](const char* name) {
        Bytes bytes = read(tables / name);
        std::error_code code;
        if (bytes.empty() && fs::exists(tables / name, code))
            unreadable.insert(name);
        return bytes;
    };
    const auto madt = madt_apic_ids(table("APIC"));
    if (!madt.empty() && madt.size() > machine.cpus.size())
        machine.missing.push_back(
            {fmt::format("{} of {} CPUs that the firmware enables: Linux does not use them",
                         madt.size() - machine.cpus.size(), madt.size()),
             "start Linux without `maxcpus` or `nosmt` and probe again: the board file must name every CPU"});
    machine.ecam = mcfg_base(table("MCFG"));
    if (machine.ecam && *machine.ecam % kEcamSize != 0) {
        machine.missing.push_back(
            {fmt::format("configuration space as memory: the firmware has it at {:#x}, which is no "
                         "multiple of 256 MiB",
                         *machine.ecam),
             "nothing helps: without `ecam` bridges keep the access control that firmware gave them"});
        machine.ecam.reset();
    }
    read_dmar(table("DMAR"), machine);
    read_ivrs(table("IVRS"), machine);
    const auto nodes = srat_nodes(table("SRAT"));
    for (Cpu& cpu : machine.cpus)
        if (const auto node = nodes.find(cpu.apic); node != nodes.end())
            cpu.node = node->second;
    std::string names;
    for (const auto& name : unreadable)
        names += (names.empty() ? "" : ", ") + name;
    if (!names.empty())
        machine.missing.push_back(
            {"ACPI tables (" + names + "): only root may read them", "run it as root: `sudo septum board probe`"});
    else if (madt.empty())
        machine.missing.push_back({"ACPI tables: there is no /sys/firmware/acpi/tables/APIC",
                                   "probe on the machine itself, not in a container"});
}

// What a unit can, as its driver shows it to everybody; also finds units when the tables may not be read.
void look_at_units(const fs::path& root, Machine& machine) {
    for (const auto& entry : entries(root / "sys/class/iommu")) {
        const fs::path intel = entry / "intel-iommu";
        const fs::path amd = entry / "amd-iommu";
        if (const auto base = number(read_text(intel / "address"), 16)) {
            auto unit = std::find_if(machine.units.begin(), machine.units.end(),
                                     [&](const Unit& known) { return known.registers == *base; });
            if (unit == machine.units.end()) {
                machine.units.push_back({UnitKind::vt_d, *base, {}, {}, {}, 0x10});
                unit = std::prev(machine.units.end());
            }
            unit->cap = number(read_text(intel / "cap"), 16);
            unit->ecap = number(read_text(intel / "ecap"), 16);
            const std::string version = read_text(intel / "version"); // "1:0"
            if (const auto colon = version.find(':'); colon != std::string::npos)
                unit->version = number(version.substr(0, colon), 10).value_or(1) << 4 |
                                number(version.substr(colon + 1), 10).value_or(0);
        }
        if (const auto features = number(read_text(amd / "features"), 16))
            for (Unit& unit : machine.units)
                if (unit.kind == UnitKind::amd_vi && !unit.ecap) {
                    unit.ecap = features;
                    break;
                }
    }
    for (const Unit& unit : machine.units)
        if (unit.kind == UnitKind::vt_d && !unit.cap)
            machine.missing.push_back(
                {fmt::format("what the VT-d unit at 0x{:x} can", unit.registers),
                 "start Linux with `intel_iommu=on` and probe again, or keep the careful values"});
    if (machine.units.size() > 1)
        machine.missing.push_back({fmt::format("{} more IOMMU units: a board file names one", machine.units.size() - 1),
                                   "devices behind the others cannot be granted in this version"});
}

void look_at_functions(const fs::path& root, Machine& machine) {
    bool cut = false;
    for (const auto& entry : entries(root / "sys/bus/pci/devices")) {
        const auto bdf = parse_bdf(entry.filename().string());
        if (!bdf) {
            machine.missing.push_back({"PCI function " + entry.filename().string() + ": it is in another segment",
                                       "only segment 0000 can be described in this version"});
            continue;
        }
        Function function;
        function.bdf = *bdf;
        function.config = read(entry / "config");
        read_resources(read_text(entry / "resource"), function);
        std::error_code code;
        const auto group = fs::read_symlink(entry / "iommu_group", code);
        if (!code)
            if (const auto value = number(group.filename().string(), 10))
                function.group = static_cast<std::uint32_t>(*value);
        cut = cut || function.config.size() < 256;
        if (function.config.size() >= 64)
            machine.functions.push_back(std::move(function));
    }
    std::sort(machine.functions.begin(), machine.functions.end(),
              [](const Function& a, const Function& b) { return a.bdf < b.bdf; });
    if (machine.functions.empty())
        machine.missing.push_back({"PCI: there is nothing in /sys/bus/pci/devices", "probe on the machine itself"});
    else if (cut)
        machine.missing.push_back({"capabilities of PCI functions (interrupts, resets): only root may read them",
                                   "run it as root: `sudo septum board probe`"});
}

} // namespace

Machine look(const fs::path& root) {
    Machine machine;
    look_at_cpus(root, machine);
    look_at_memory(root, machine);
    look_at_tables(root, machine);
    look_at_units(root, machine);
    look_at_functions(root, machine);
    return machine;
}

} // namespace septum::probe
