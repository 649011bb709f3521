// SPDX-License-Identifier: Apache-2.0
#include "config/read_board.hpp"

#include "config/fields.hpp"
#include "config/read_health.hpp"
#include "config/names.hpp"
#include "config/scalars.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <tuple>
#include <unordered_map>

namespace septum::config {

namespace {

constexpr std::size_t kMostRanges = 64;
constexpr std::size_t kMostFunctions = 1024;
constexpr std::uint64_t kLargestApicId = 254; // 255 is the broadcast id of an xAPIC
constexpr std::uint64_t kMiB = 1ULL << 20;

// One of a few words, or a message that lists them.
template <typename T, std::size_t N>
std::optional<T> read_choice(const Node& node, std::string_view key,
                             const std::array<std::pair<std::string_view, T>, N>& choices, Diagnostics& diagnostics) {
    std::vector<std::string_view> words;
    for (const auto& [word, value] : choices) {
        if (node.kind == Node::Kind::scalar && node.text == word)
            return value;
        words.push_back(word);
    }
    Diagnostic& wrong = wrong_type(node, key, "one of " + tick_list(words), diagnostics);
    if (node.kind == Node::Kind::scalar)
        wrong.help = did_you_mean(node.text, words, "");
    return std::nullopt;
}

// `digits` of hexadecimal, exactly, at the start of `text`, which moves on.
bool take_hex(std::string_view& text, std::size_t digits, std::uint32_t& value) {
    if (text.size() < digits)
        return false;
    const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value, 16);
    if (error != std::errc{} || end != text.data() + digits)
        return false;
    text.remove_prefix(digits);
    return true;
}

bool take(std::string_view& text, char c) {
    if (text.empty() || text[0] != c)
        return false;
    text.remove_prefix(1);
    return true;
}

// `00:1f.2` → bus << 8 | device << 3 | function.
std::optional<std::uint16_t> read_bdf(const Node& node, Diagnostics& diagnostics) {
    std::string_view text = node.text;
    std::uint32_t bus = 0;
    std::uint32_t device = 0;
    std::uint32_t function = 0;
    const bool good = node.kind == Node::Kind::scalar && take_hex(text, 2, bus) && take(text, ':') &&
                      take_hex(text, 2, device) && take(text, '.') && take_hex(text, 1, function) && text.empty() &&
                      device < 32 && function < 8;
    if (!good) {
        wrong_type(node, "at", "a PCI function such as `00:1f.2`", diagnostics);
        return std::nullopt;
    }
    return static_cast<std::uint16_t>(bus << 8 | device << 3 | function);
}

// `8086:2922` → vendor and device.
bool read_pci_id(const Node& node, BoardPciFunction& function, Diagnostics& diagnostics) {
    std::string_view text = node.text;
    std::uint32_t vendor = 0;
    std::uint32_t device = 0;
    const bool good = node.kind == Node::Kind::scalar && take_hex(text, 4, vendor) && take(text, ':') &&
                      take_hex(text, 4, device) && text.empty();
    if (!good)
        wrong_type(node, "id", "a vendor and a device such as `8086:2922`", diagnostics);
    function.vendor = static_cast<std::uint16_t>(vendor);
    function.device = static_cast<std::uint16_t>(device);
    return good;
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
        const Fields fields(item, "a CPU", item.span, {{"apic", true}, {"core", true}}, diagnostics);
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
        board.cpus.push_back(cpu);
    }
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

void read_iommu(const Node& node, Span at, Board& board, Diagnostics& diagnostics) {
    static constexpr std::array<std::pair<std::string_view, BoardIommu>, 2> kKinds{
        {{"none", BoardIommu::none}, {"vt-d", BoardIommu::vt_d}}};
    const Fields fields(node, "`iommu`", at, {{"kind", true}, {"registers"}}, diagnostics);
    const Node* kind = fields.find("kind");
    const Node* registers = fields.find("registers");
    if (kind == nullptr)
        return;
    board.iommu.kind = read_choice(*kind, "kind", kKinds, diagnostics).value_or(BoardIommu::none);
    if (registers != nullptr)
        board.iommu.registers = {read_page_address(*registers, "registers", diagnostics).value_or(0), registers->span};
    else if (board.iommu.kind != BoardIommu::none)
        diagnostics.error("config.missing-key", "`iommu` has no `registers`", kind->span, "such a unit has registers");
    if (registers != nullptr && board.iommu.kind == BoardIommu::none && kind->text == "none")
        diagnostics.error("board.iommu", "a board without an IOMMU has no `registers`", registers->span, "of what?");
}

void read_pci(const Node& mapping, Board& board, Diagnostics& diagnostics) {
    if (!expect_mapping(mapping, "pci", "a mapping from names to functions", diagnostics))
        return;
    std::unordered_map<std::uint32_t, Span> seen;
    for (const NamedEntry& entry : named_entries(mapping, "device", kMostFunctions, diagnostics)) {
        if (entry.value == nullptr)
            continue;
        BoardPciFunction function;
        function.name = {entry.name->text, entry.name->span};
        const Fields fields(*entry.value, "device " + tick(entry.name->text), entry.name->span,
                            {{"at", true}, {"id", true}}, diagnostics);
        if (const Node* id = fields.find("id"))
            (void)read_pci_id(*id, function, diagnostics);
        if (const Node* at = fields.find("at")) {
            const auto bdf = read_bdf(*at, diagnostics);
            function.bdf = bdf.value_or(0);
            function.bdf_span = at->span;
            if (bdf) {
                const auto [it, fresh] = seen.try_emplace(*bdf, at->span);
                if (!fresh)
                    diagnostics
                        .error("board.pci-twice", fmt::format("two devices are at {}", tick(at->text)), at->span,
                               "also here")
                        .related.push_back({it->second, "here"});
            }
        }
        board.pci.push_back(std::move(function));
    }
    std::sort(board.pci.begin(), board.pci.end(), [](const BoardPciFunction& a, const BoardPciFunction& b) {
        return std::tie(a.bdf, a.name.value) < std::tie(b.bdf, b.name.value);
    });
}

bool is_version(std::string_view text) {
    const std::size_t dot = text.find('.');
    const auto digits = [](std::string_view s) {
        return !s.empty() && s.size() <= 3 &&
               std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
    };
    return dot != std::string_view::npos && digits(text.substr(0, dot)) && digits(text.substr(dot + 1));
}

void read_qemu(const Node& node, Span at, Board& board, Diagnostics& diagnostics) {
    constexpr std::size_t kLongest = 1024;
    const Fields fields(node, "`qemu`", at,
                        {{"machine", true}, {"cpu", true}, {"memory", true}, {"devices"}, {"globals"}, {"minimum-version"}},
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
        board.vendor = read_choice(*node, "vendor", kVendors, diagnostics).value_or(Vendor::amd);
    if (board.vendor == Vendor::intel)
        diagnostics.error("board.vendor-unsupported", "boards with Intel CPUs are not available in this version",
                          fields.find("vendor")->span, "only `amd` so far");
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
    if (const Node* iommu = fields.find("iommu"))
        read_iommu(*iommu, fields.key_span("iommu"), board, diagnostics);
    if (const Node* pci = fields.find("pci"))
        read_pci(*pci, board, diagnostics);
    if (const Node* watchdog = fields.find("watchdog"))
        read_watchdog(*watchdog, fields.key_span("watchdog"), board, diagnostics);
    if (const Node* qemu = fields.find("qemu"))
        read_qemu(*qemu, fields.key_span("qemu"), board, diagnostics);
    return board;
}

} // namespace septum::config
