// SPDX-License-Identifier: Apache-2.0
#include "config/read_board.hpp"

#include "config/check_pci.hpp"
#include "config/choices.hpp"
#include "config/fields.hpp"
#include "config/names.hpp"
#include "config/read_health.hpp"
#include "config/read_iommu.hpp"
#include "config/read_pci.hpp"
#include "config/scalars.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <map>
#include <unordered_map>

namespace septum::config {

namespace {

constexpr std::size_t kMostRanges = 64;
constexpr std::uint64_t kLargestApicId = 254; // 255 is the broadcast id of an xAPIC
constexpr std::size_t kMostBackends = 16;
constexpr std::uint64_t kMiB = 1ULL << 20;

// Each processor counts its own package's CPUs, and the kernel compares the count with one number on all of them.
void check_packages(const Node& list, const Board& board, Diagnostics& diagnostics) {
    std::map<std::uint32_t, std::size_t> sizes; // by package
    std::map<std::uint32_t, std::size_t> cores; // the first CPU of each
    for (std::size_t i = 0; i < board.cpus.size(); ++i) {
        const BoardCpu& cpu = board.cpus[i];
        ++sizes[cpu.package];
        const std::size_t first = cores.try_emplace(cpu.core, i).first->second;
        if (board.cpus[first].package != cpu.package)
            diagnostics
                .error("board.package",
                       fmt::format("core {} is in package {} and in package {}", cpu.core, board.cpus[first].package,
                                   cpu.package),
                       list.items[i].span, "a sibling in another package")
                .related.push_back({list.items[first].span, "the core's first CPU"});
    }
    for (const auto& [package, size] : sizes)
        if (size != sizes.begin()->second) {
            diagnostics
                .error("board.package",
                       fmt::format("package {} has {} CPUs, package {} has {}", sizes.begin()->first,
                                   sizes.begin()->second, package, size),
                       list.span, "not alike")
                .help = "name every CPU that firmware enables; this version takes no machine whose packages differ";
            return;
        }
}

void read_cpus(const Node& list, Board& board, Diagnostics& diagnostics) {
    if (!expect_list(list, "cpus", "a list such as `[{apic: 0, core: 0}]`", diagnostics))
        return;
    if (list.items.empty() || list.items.size() > kMostCpus) {
        diagnostics.error("config.out-of-range",
                          fmt::format("a board has 1 to {} CPUs, found {}", kMostCpus, list.items.size()), list.span);
        return;
    }
    std::unordered_map<std::uint32_t, Span> seen;
    for (const Node& item : list.items) {
        const Fields fields(item, "a CPU", item.span, {{"apic", true}, {"core", true}, {"package", false}},
                            diagnostics);
        BoardCpu cpu;
        if (const Node* node = fields.find("apic")) {
            const auto id = read_integer(*node, "apic", 0, kLargestApicId, diagnostics);
            cpu.apic_id = {static_cast<std::uint32_t>(id.value_or(0)), node->span};
            if (id) {
                const auto [it, fresh] = seen.try_emplace(cpu.apic_id.value, node->span);
                if (!fresh)
                    diagnostics
                        .error("board.apic-id", fmt::format("two CPUs have APIC id {}", *id), node->span, "again here")
                        .related.push_back({it->second, "first here"});
            }
        }
        if (const Node* node = fields.find("core"))
            cpu.core = static_cast<std::uint32_t>(read_integer(*node, "core", 0, 0xFFFF, diagnostics).value_or(0));
        if (const Node* node = fields.find("package"))
            cpu.package =
                static_cast<std::uint32_t>(read_integer(*node, "package", 0, kMostCpus - 1, diagnostics).value_or(0));
        board.cpus.push_back(cpu);
    }
    check_packages(list, board, diagnostics);
}

void check_memory(Board& board, Diagnostics& diagnostics) {
    std::sort(board.memory.begin(), board.memory.end(),
              [](const BoardMemory& a, const BoardMemory& b) { return a.base.value < b.base.value; });
    for (std::size_t i = 1; i < board.memory.size(); ++i) {
        const BoardMemory& low = board.memory[i - 1];
        const BoardMemory& high = board.memory[i];
        const std::uint64_t end = low.base.value + low.size.value;
        if (high.base.value >= end)
            continue;
        Diagnostic& overlap = diagnostics.error("board.memory-overlap",
                                                fmt::format("two memory ranges overlap at 0x{:x}", high.base.value),
                                                high.base.span, "begins inside the other");
        overlap.related.push_back({low.base.span, fmt::format("goes up to 0x{:x}", end)});
    }
    const std::uint64_t limit = 1ULL << board.physical_address_bits;
    for (const BoardMemory& range : board.memory)
        if (board.physical_address_bits != 0 && range.base.value + range.size.value > limit)
            diagnostics.error("board.memory-beyond",
                              fmt::format("memory up to 0x{:x} is beyond {} physical address bits",
                                          range.base.value + range.size.value, board.physical_address_bits),
                              range.base.span, fmt::format("the limit is 0x{:x}", limit));
}

void read_memory(const Node& list, Board& board, Diagnostics& diagnostics) {
    if (!expect_list(list, "memory", "a list such as `[{base: 0x100_0000, size: 944 MiB}]`", diagnostics))
        return;
    if (list.items.empty() || list.items.size() > kMostRanges) {
        diagnostics.error("config.out-of-range",
                          fmt::format("a board has 1 to {} memory ranges, found {}", kMostRanges, list.items.size()),
                          list.span);
        return;
    }
    for (const Node& item : list.items) {
        const Fields fields(item, "a memory range", item.span, {{"base", true}, {"size", true}}, diagnostics);
        const Node* base = fields.find("base");
        const Node* size = fields.find("size");
        const auto from = base != nullptr ? read_page_address(*base, "base", diagnostics) : std::nullopt;
        const auto bytes = size != nullptr ? read_size(*size, "size", diagnostics) : std::nullopt;
        if (bytes == 0)
            diagnostics.error("config.out-of-range", "a memory range must not be empty", size->span, "nothing");
        if (from && bytes)
            board.memory.push_back({{*from, base->span}, {*bytes, size->span}});
    }
    check_memory(board, diagnostics);
}

// Configuration space as memory: 4 KiB for each of 65,536 functions, so its place has 28 zero bits (PCIe 6.0 §7.2.2).
void read_ecam(const Node& node, Board& board, Diagnostics& diagnostics) {
    constexpr std::uint64_t kEcamSize = 256 * kMiB;
    const auto base = read_address(node, "ecam", diagnostics);
    if (base && *base % kEcamSize != 0)
        diagnostics.error("config.alignment",
                          fmt::format("`ecam` must be a multiple of 256 MiB, found {}", describe(node)), node.span,
                          "256 buses of 1 MiB");
    else if (base)
        board.ecam = {{*base, node.span}};
}

bool is_version(std::string_view text) {
    const std::size_t dot = text.find('.');
    const auto digits = [](std::string_view s) {
        return !s.empty() && s.size() <= 3 &&
               std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
    };
    return dot != std::string_view::npos && digits(text.substr(0, dot)) && digits(text.substr(dot + 1));
}

void read_disks(const Node& mapping, BoardQemu& qemu, Diagnostics& diagnostics) {
    if (!expect_mapping(mapping, "disks", "a mapping from names to sizes such as `{disk0: 64 MiB}`", diagnostics))
        return;
    for (const NamedEntry& entry : named_entries(mapping, "disk", kMostBackends, diagnostics)) {
        if (entry.value == nullptr)
            continue;
        const auto bytes = read_size(*entry.value, "disks", diagnostics);
        if (bytes && (*bytes == 0 || *bytes % kMiB != 0))
            diagnostics.error("config.alignment",
                              fmt::format("a disk must be a multiple of 1 MiB, found {}", describe(*entry.value)),
                              entry.value->span);
        qemu.disks.push_back({entry.name->text, bytes.value_or(0) / kMiB});
    }
}

void read_networks(const Node& list, BoardQemu& qemu, Diagnostics& diagnostics) {
    if (!expect_list(list, "networks", "a list of names", diagnostics))
        return;
    for (const Node& item : list.items) {
        if (qemu.networks.size() == kMostBackends) {
            diagnostics.error("config.too-many", fmt::format("more networks than allowed: at most {}", kMostBackends),
                              item.span, "one too many");
            return;
        }
        if (check_name(item, "network", diagnostics))
            qemu.networks.push_back(item.text);
    }
}

void read_qemu(const Node& node, Span at, Board& board, Diagnostics& diagnostics) {
    constexpr std::size_t kLongest = 1024;
    const Fields fields(node, "`qemu`", at,
                        {{"machine", true},
                         {"cpu", true},
                         {"memory", true},
                         {"disks"},
                         {"networks"},
                         {"devices"},
                         {"globals"},
                         {"minimum-version"}},
                        diagnostics);
    board.has_qemu = true;
    if (const Node* machine = fields.find("machine"))
        board.qemu.machine = read_ascii(*machine, "machine", kLongest, diagnostics).value_or("");
    if (const Node* cpu = fields.find("cpu"))
        board.qemu.cpu = read_ascii(*cpu, "cpu", kLongest, diagnostics).value_or("");
    if (const Node* memory = fields.find("memory")) {
        const auto bytes = read_size(*memory, "memory", diagnostics);
        if (bytes && (*bytes == 0 || *bytes % kMiB != 0))
            diagnostics.error("config.alignment",
                              fmt::format("`memory` must be a multiple of 1 MiB, found {}", describe(*memory)),
                              memory->span);
        board.qemu.memory_mib = bytes.value_or(0) / kMiB;
    }
    if (const Node* devices = fields.find("devices");
        devices != nullptr && expect_list(*devices, "devices", "a list of QEMU devices", diagnostics))
        for (const Node& device : devices->items)
            board.qemu.devices.push_back(read_ascii(device, "devices", kLongest, diagnostics).value_or(""));
    if (const Node* globals = fields.find("globals");
        globals != nullptr && expect_list(*globals, "globals", "a list of QEMU properties", diagnostics))
        for (const Node& property : globals->items)
            board.qemu.globals.push_back(read_ascii(property, "globals", kLongest, diagnostics).value_or(""));
    if (const Node* disks = fields.find("disks"))
        read_disks(*disks, board.qemu, diagnostics);
    if (const Node* networks = fields.find("networks"))
        read_networks(*networks, board.qemu, diagnostics);
    if (const Node* version = fields.find("minimum-version")) {
        if (version->kind == Node::Kind::scalar && is_version(version->text))
            board.qemu.minimum_version = version->text;
        else
            wrong_type(*version, "minimum-version", "a version such as `\"9.0\"`", diagnostics);
    }
}

void read_processor(const Fields& fields, Board& board, Diagnostics& diagnostics) {
    static constexpr std::array<std::pair<std::string_view, Vendor>, 2> kVendors{
        {{"amd", Vendor::amd}, {"intel", Vendor::intel}}};
    static constexpr std::array<std::pair<std::string_view, Apic>, 2> kApics{
        {{"x2apic", Apic::x2apic}, {"xapic", Apic::xapic}}};
    if (const Node* node = fields.find("vendor"))
        board.vendor = {read_choice(*node, "vendor", kVendors, diagnostics).value_or(Vendor::amd), node->span};
    if (const Node* node = fields.find("apic"))
        board.apic = {read_choice(*node, "apic", kApics, diagnostics).value_or(Apic::x2apic), node->span};
    if (const Node* node = fields.find("physical-address-bits"))
        board.physical_address_bits =
            static_cast<std::uint32_t>(read_integer(*node, "physical-address-bits", 36, 52, diagnostics).value_or(0));
    if (const Node* node = fields.find("huge-pages-1g"))
        board.huge_pages_1g = read_bool(*node, "huge-pages-1g", diagnostics).value_or(false);
    if (const Node* node = fields.find("microcode-floor"))
        board.microcode_floor = read_integer(*node, "microcode-floor", 0, ~std::uint64_t{0}, diagnostics).value_or(0);
}

void read_places(const Fields& fields, Board& board, Diagnostics& diagnostics) {
    if (const Node* node = fields.find("trampoline")) {
        const auto page = read_page_address(*node, "trampoline", diagnostics);
        if (page && (*page < 0x1000 || *page > 0x9F000))
            diagnostics.error(
                "config.out-of-range",
                fmt::format("`trampoline` is out of range: expected 0x1000 to 0x9f000, found {}", describe(*node)),
                node->span, "a CPU that wakes up reaches only memory below 640 KiB here");
        board.trampoline = {page.value_or(0), node->span};
    }
    if (const Node* node = fields.find("console")) {
        const auto port = read_integer(*node, "console", 0x1, 0xFFF8, diagnostics);
        board.console_port = static_cast<std::uint16_t>(port.value_or(board.console_port));
    }
}

} // namespace

Board read_board(const Node& node, Span at, Diagnostics& diagnostics) {
    Board board;
    const Fields fields(node, "the board", at,
                        {{"septum-board", true},
                         {"name", true},
                         {"vendor", true},
                         {"apic", true},
                         {"physical-address-bits", true},
                         {"huge-pages-1g"},
                         {"microcode-floor"},
                         {"trampoline", true},
                         {"console"},
                         {"cpus", true},
                         {"memory", true},
                         {"iommu", true},
                         {"pci", true},
                         {"watchdog"},
                         {"ecam"},
                         {"qemu"}},
                        diagnostics);
    if (const Node* version = fields.find("septum-board"); version != nullptr && version->text != "1")
        diagnostics.error("config.version", fmt::format("`septum-board` expects 1, found {}", describe(*version)),
                          version->span, "this version reads board language 1 only");
    if (const Node* name = fields.find("name"); name != nullptr && check_name(*name, "board", diagnostics))
        board.name = {name->text, name->span};
    read_processor(fields, board, diagnostics);
    read_places(fields, board, diagnostics);
    if (const Node* cpus = fields.find("cpus"))
        read_cpus(*cpus, board, diagnostics);
    if (const Node* memory = fields.find("memory"))
        read_memory(*memory, board, diagnostics);
    if (const Node* pci = fields.find("pci"))
        read_pci(*pci, board, diagnostics);
    if (const Node* iommu = fields.find("iommu"))
        read_iommu(*iommu, fields.key_span("iommu"), board, diagnostics);
    if (const Node* watchdog = fields.find("watchdog"))
        read_watchdog(*watchdog, fields.key_span("watchdog"), board, diagnostics);
    if (const Node* ecam = fields.find("ecam"))
        read_ecam(*ecam, board, diagnostics);
    check_pci(board, diagnostics);
    if (const Node* qemu = fields.find("qemu"))
        read_qemu(*qemu, fields.key_span("qemu"), board, diagnostics);
    return board;
}

} // namespace septum::config
