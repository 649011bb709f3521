// SPDX-License-Identifier: Apache-2.0
#include "config/read_pci.hpp"

#include "config/choices.hpp"
#include "config/names.hpp"
#include "config/scalars.hpp"
#include "config/show.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <fmt/format.h>
#include <tuple>
#include <unordered_map>

namespace septum::config {

namespace {

constexpr std::size_t kMostFunctions = 1024;
constexpr std::size_t kMostCapabilities = 48; // there is no room for more in configuration space
constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kWindowUnit = 1ULL << 20; // bridges forward whole MiB (PCI-to-PCI bridge 1.2 §3.2.5.8)
constexpr std::uint32_t kOwnGroup = 0x1'0000;     // groups that nobody wrote begin here

// `digits` of hexadecimal, exactly, at the start of `text`, which moves on.
bool take_hex(std::string_view& text, std::size_t digits, std::uint32_t& value) {
    if (text.size() < digits)
        return false;
    const char* const begin = text.data();
    const auto [end, error] = std::from_chars(begin, begin + digits, value, 16);
    if (error != std::errc{} || end != begin + digits)
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
void read_pci_id(const Node& node, BoardPciFunction& function, Diagnostics& diagnostics) {
    std::string_view text = node.text;
    std::uint32_t vendor = 0;
    std::uint32_t device = 0;
    const bool good = node.kind == Node::Kind::scalar && take_hex(text, 4, vendor) && take(text, ':') &&
                      take_hex(text, 4, device) && text.empty();
    if (!good)
        wrong_type(node, "id", "a vendor and a device such as `8086:2922`", diagnostics);
    function.vendor = static_cast<std::uint16_t>(vendor);
    function.device = static_cast<std::uint16_t>(device);
}

// An offset in configuration space, doubleword aligned; 0 when it is wrong.
std::uint16_t read_offset(const Node& node, std::string_view key, std::uint64_t low, std::uint64_t high,
                          Diagnostics& diagnostics) {
    const auto offset = read_integer(node, key, low, high, diagnostics);
    if (!offset)
        return 0;
    if (*offset % 4 == 0)
        return static_cast<std::uint16_t>(*offset);
    diagnostics.error("config.alignment",
                      fmt::format("{} must be a multiple of 4, found {}", tick(key), describe(node)), node.span,
                      "not the start of a doubleword");
    return 0;
}

// Of a capability in the first 256 bytes: behind the header (PCI 3.0 §6.7).
std::uint8_t read_capability_offset(const Node& node, std::string_view key, Diagnostics& diagnostics) {
    return static_cast<std::uint8_t>(read_offset(node, key, 0x40, 0xFC, diagnostics));
}

bool is_power_of_two(const Node& node, std::string_view key, std::uint64_t value, Diagnostics& diagnostics) {
    if (std::has_single_bit(value))
        return true;
    diagnostics.error("config.power-of-two",
                      fmt::format("{} must be a power of two, found {}", tick(key), describe(node)), node.span);
    return false;
}

std::optional<BoardBar> read_bar(const Node& number, const Node& value, Diagnostics& diagnostics) {
    static constexpr std::array<std::pair<std::string_view, bool>, 2> kTypes{{{"mem32", false}, {"mem64", true}}};
    BoardBar bar;
    const auto n = read_integer(number, "bars", 0, 5, diagnostics);
    bar.number = static_cast<std::uint8_t>(n.value_or(0));
    const std::size_t before = diagnostics.size();
    const Fields fields(value, "BAR " + tick(number.text), number.span,
                        {{"base", true}, {"size", true}, {"type", true}, {"prefetchable"}}, diagnostics);
    if (const Node* type = fields.find("type"))
        bar.is_64 = read_choice(*type, "type", kTypes, diagnostics).value_or(false);
    if (const Node* prefetchable = fields.find("prefetchable"))
        bar.prefetchable = read_bool(*prefetchable, "prefetchable", diagnostics).value_or(false);
    if (const Node* size = fields.find("size")) {
        const auto bytes = read_size(*size, "size", diagnostics);
        bar.size = {bytes.value_or(0), size->span};
        if (bytes && is_power_of_two(*size, "size", *bytes, diagnostics) && *bytes < kPage)
            diagnostics.error("config.out-of-range", "a BAR that is granted has at least 4 KiB", size->span,
                              "too small");
    }
    if (const Node* base = fields.find("base")) {
        const auto address = read_page_address(*base, "base", diagnostics);
        bar.base = {address.value_or(0), base->span};
        if (address && bar.size.value != 0 && *address % bar.size.value != 0)
            diagnostics
                .error("config.alignment",
                       fmt::format("`base` of a BAR must be a multiple of its size, {}, found {}",
                                   show_size(bar.size.value), describe(*base)),
                       base->span)
                .related.push_back({bar.size.span, "its size"});
        const std::uint64_t end = address.value_or(0) + bar.size.value;
        if (!bar.is_64 && end > 1ULL << 32)
            diagnostics.error("config.out-of-range",
                              fmt::format("a BAR of 32 bits must end below 4 GiB, this one ends at 0x{:x}", end),
                              base->span, "too high");
    }
    if (!n || diagnostics.size() != before)
        return std::nullopt;
    return bar;
}

void read_bars(const Node& mapping, BoardPciFunction& function, Diagnostics& diagnostics) {
    if (!expect_mapping(mapping, "bars", "a mapping from BAR numbers, 0 to 5, to BARs", diagnostics))
        return;
    for (std::size_t i = 0; i < mapping.keys.size(); ++i) {
        if (mapping.items[i].kind == Node::Kind::null) {
            diagnostics.error("config.empty-value", fmt::format("BAR {} has no value", tick(mapping.keys[i].text)),
                              mapping.keys[i].span, "nothing follows");
            continue;
        }
        if (auto bar = read_bar(mapping.keys[i], mapping.items[i], diagnostics))
            function.bars.push_back(*bar);
    }
    std::sort(function.bars.begin(), function.bars.end(), [](const BoardBar& a, const BoardBar& b) {
        return std::tuple(a.number, a.base.span.line, a.base.span.column) <
               std::tuple(b.number, b.base.span.line, b.base.span.column);
    });
    for (std::size_t i = 0; i < function.bars.size(); ++i) {
        const BoardBar& bar = function.bars[i];
        const bool taken = i != 0 && (function.bars[i - 1].number == bar.number ||
                                      (function.bars[i - 1].is_64 && function.bars[i - 1].number + 1 == bar.number));
        if (taken)
            diagnostics
                .error("board.bar-twice",
                       fmt::format("register {} of {} belongs to another BAR", bar.number, tick(function.name.value)),
                       bar.base.span, "also here")
                .related.push_back({function.bars[i - 1].base.span, "a BAR of 64 bits takes two registers"});
        if (bar.is_64 && bar.number == 5)
            diagnostics.error("board.bar-twice", "BAR 5 cannot have 64 bits: there is no register behind it",
                              bar.base.span);
    }
}

void read_msi(const Node& node, BoardPciFunction& function, Span at, Diagnostics& diagnostics) {
    constexpr std::uint64_t kMostVectors = 32;
    const Fields fields(node, "`msi`", at, {{"at", true}, {"vectors", true}, {"wide", true}, {"maskable"}},
                        diagnostics);
    if (const Node* offset = fields.find("at"))
        function.msi.at = read_capability_offset(*offset, "at", diagnostics);
    if (const Node* vectors = fields.find("vectors")) {
        const auto count = read_integer(*vectors, "vectors", 1, kMostVectors, diagnostics);
        if (count && is_power_of_two(*vectors, "vectors", *count, diagnostics))
            function.msi.vectors = static_cast<std::uint8_t>(*count);
    }
    if (const Node* wide = fields.find("wide"))
        function.msi.is_64 = read_bool(*wide, "wide", diagnostics).value_or(false);
    if (const Node* maskable = fields.find("maskable"))
        function.msi.maskable = read_bool(*maskable, "maskable", diagnostics).value_or(false);
}

// `{bar: 0, offset: 0x2000}`: where the table or the pending bits are. False when it is wrong.
bool read_place(const Node& node, std::string_view key, Span at, std::uint8_t& bar, std::uint32_t& offset,
                Diagnostics& diagnostics) {
    const std::size_t before = diagnostics.size();
    const Fields fields(node, tick(key), at, {{"bar", true}, {"offset", true}}, diagnostics);
    if (const Node* number = fields.find("bar"))
        bar = static_cast<std::uint8_t>(read_integer(*number, "bar", 0, 5, diagnostics).value_or(0));
    if (const Node* place = fields.find("offset")) {
        const auto bytes = read_integer(*place, "offset", 0, 0xFFFF'FFF8, diagnostics);
        if (bytes && *bytes % 8 != 0)
            diagnostics.error("config.alignment",
                              fmt::format("`offset` must be a multiple of 8, found {}", describe(*place)), place->span,
                              "the low three bits of the register are the BAR's number");
        offset = static_cast<std::uint32_t>(bytes.value_or(0));
    }
    return diagnostics.size() == before;
}

// [offset, offset + size) lies inside BAR `number`.
void check_place(const BoardPciFunction& function, const Node& node, std::string_view what, std::uint8_t number,
                 std::uint64_t offset, std::uint64_t size, Diagnostics& diagnostics) {
    const auto bar = std::find_if(function.bars.begin(), function.bars.end(),
                                  [number](const BoardBar& b) { return b.number == number; });
    if (bar == function.bars.end())
        diagnostics
            .error("board.msix",
                   fmt::format("the {} of {} is in BAR {}, which the board does not state", what,
                               tick(function.name.value), number),
                   node.span, "no such BAR")
            .help = fmt::format("add `{}` to its `bars`", number);
    else if (offset + size > bar->size.value)
        diagnostics
            .error("board.msix",
                   fmt::format("the {} of {} ends at 0x{:x}, beyond the end of its BAR", what,
                               tick(function.name.value), offset + size),
                   node.span, "does not fit")
            .related.push_back({bar->size.span, fmt::format("ends at 0x{:x}", bar->size.value)});
}

void read_msix(const Node& node, BoardPciFunction& function, Span at, Diagnostics& diagnostics) {
    constexpr std::uint64_t kMostEntries = 2048;
    constexpr std::uint64_t kEntrySize = 16;
    const std::size_t before = diagnostics.size();
    const Fields fields(node, "`msix`", at, {{"at", true}, {"entries", true}, {"table", true}, {"pba", true}},
                        diagnostics);
    BoardMsix& msix = function.msix;
    if (const Node* offset = fields.find("at"))
        msix.at = read_capability_offset(*offset, "at", diagnostics);
    if (const Node* entries = fields.find("entries"))
        msix.entries =
            static_cast<std::uint16_t>(read_integer(*entries, "entries", 1, kMostEntries, diagnostics).value_or(0));
    const Node* table = fields.find("table");
    const Node* pba = fields.find("pba");
    const bool good =
        table != nullptr && pba != nullptr &&
        read_place(*table, "table", fields.key_span("table"), msix.table_bar, msix.table_offset, diagnostics) &&
        read_place(*pba, "pba", fields.key_span("pba"), msix.pba_bar, msix.pba_offset, diagnostics);
    if (!good || diagnostics.size() != before)
        return;
    const std::uint64_t table_size = msix.entries * kEntrySize;
    const std::uint64_t pba_size = (msix.entries + 63ULL) / 64 * 8; // PCI 3.0 §6.8.3.4
    check_place(function, *table, "MSI-X table", msix.table_bar, msix.table_offset, table_size, diagnostics);
    check_place(function, *pba, "MSI-X pending bit array", msix.pba_bar, msix.pba_offset, pba_size, diagnostics);
    if (msix.table_bar == msix.pba_bar && msix.table_offset < msix.pba_offset + pba_size &&
        msix.pba_offset < msix.table_offset + table_size)
        diagnostics
            .error("board.msix",
                   fmt::format("the MSI-X table of {} and its pending bit array overlap", tick(function.name.value)),
                   pba->span, "here")
            .related.push_back({table->span, fmt::format("goes up to 0x{:x}", msix.table_offset + table_size)});
}

void read_capabilities(const Node& list, BoardPciFunction& function, Diagnostics& diagnostics) {
    if (!expect_list(list, "capabilities", "a list such as `[{at: 0x84, id: 0x09, size: 20}]`", diagnostics))
        return;
    // Those that have a key of their own; a guest must not find them read-only (PCI code and id assignment 1.11 §2).
    static constexpr std::array<std::pair<std::uint8_t, std::string_view>, 4> kOwnKeys{
        {{0x01, "power"}, {0x05, "msi"}, {0x10, "pcie"}, {0x11, "msix"}}};
    for (const Node& item : list.items) {
        if (function.capabilities.size() == kMostCapabilities) {
            diagnostics.error("config.too-many",
                              fmt::format("more capabilities than allowed: at most {}", kMostCapabilities), item.span,
                              "one too many");
            return;
        }
        const Fields fields(item, "a capability", item.span, {{"at", true}, {"id", true}, {"size", true}}, diagnostics);
        BoardCapability capability;
        if (const Node* at = fields.find("at"))
            capability.at = read_capability_offset(*at, "at", diagnostics);
        if (const Node* id = fields.find("id")) {
            const auto value = read_integer(*id, "id", 1, 0xFE, diagnostics);
            capability.id = static_cast<std::uint8_t>(value.value_or(0));
            for (const auto& [own, key] : kOwnKeys)
                if (value == own)
                    diagnostics
                        .error("board.capability", fmt::format("capability 0x{:02x} has a key of its own", own),
                               id->span, "not shown read-only")
                        .help = fmt::format("write it as {}", tick(key));
        }
        if (const Node* size = fields.find("size")) {
            capability.size = static_cast<std::uint8_t>(read_integer(*size, "size", 2, 192, diagnostics).value_or(0));
            if (capability.at + capability.size > 256)
                diagnostics.error("config.out-of-range", "the capability ends beyond configuration space", size->span,
                                  fmt::format("ends at 0x{:x}", capability.at + capability.size));
        }
        function.capabilities.push_back(capability);
    }
    std::sort(function.capabilities.begin(), function.capabilities.end(),
              [](const BoardCapability& a, const BoardCapability& b) { return a.at < b.at; });
}

void read_window(const Node& node, std::string_view key, Span at, std::uint64_t& base, std::uint64_t& size,
                 Diagnostics& diagnostics) {
    const Fields fields(node, tick(key), at, {{"base", true}, {"size", true}}, diagnostics);
    const auto whole = [&](const Node& value, std::string_view name, std::optional<std::uint64_t> bytes) {
        if (bytes && *bytes % kWindowUnit != 0)
            diagnostics.error("config.alignment",
                              fmt::format("{} must be a multiple of 1 MiB, found {}", tick(name), describe(value)),
                              value.span, "bridges forward whole MiB");
        return bytes.value_or(0);
    };
    if (const Node* value = fields.find("base"))
        base = whole(*value, "base", read_address(*value, "base", diagnostics));
    if (const Node* value = fields.find("size"))
        size = whole(*value, "size", read_size(*value, "size", diagnostics));
    if (key == "window" && base + size > 1ULL << 32)
        diagnostics.error("config.out-of-range",
                          fmt::format("`window` must end below 4 GiB, this one ends at 0x{:x}", base + size), node.span,
                          "too high");
}

void read_bridge(const Node& node, BoardPciFunction& function, Span at, Diagnostics& diagnostics) {
    const Fields fields(node, "`bridge`", at,
                        {{"secondary", true}, {"subordinate", true}, {"acs"}, {"window"}, {"prefetchable"}},
                        diagnostics);
    BoardBridge& bridge = function.bridge;
    function.is_bridge = true;
    const std::uint64_t own = function.bdf >> 8;
    if (const Node* secondary = fields.find("secondary"))
        bridge.secondary = static_cast<std::uint8_t>(
            read_integer(*secondary, "secondary", std::min<std::uint64_t>(own + 1, 0xFF), 0xFF, diagnostics)
                .value_or(0));
    if (const Node* subordinate = fields.find("subordinate"))
        bridge.subordinate = static_cast<std::uint8_t>(
            read_integer(*subordinate, "subordinate", bridge.secondary, 0xFF, diagnostics).value_or(0));
    if (const Node* acs = fields.find("acs"))
        bridge.acs_at = read_offset(*acs, "acs", 0x100, 0xFF8, diagnostics);
    if (const Node* window = fields.find("window"))
        read_window(*window, "window", fields.key_span("window"), bridge.window_base, bridge.window_size, diagnostics);
    if (const Node* window = fields.find("prefetchable"))
        read_window(*window, "prefetchable", fields.key_span("prefetchable"), bridge.prefetchable_base,
                    bridge.prefetchable_size, diagnostics);
}

void read_reset(const Node& node, BoardPciFunction& function, Diagnostics& diagnostics) {
    static constexpr std::array<std::pair<std::string_view, DeviceReset>, 5> kResets{{{"flr", DeviceReset::flr},
                                                                                      {"af-flr", DeviceReset::af_flr},
                                                                                      {"power", DeviceReset::power},
                                                                                      {"bus", DeviceReset::bus},
                                                                                      {"none", DeviceReset::none}}};
    constexpr std::uint8_t kAdvancedFeatures = 0x13; // capability id (PCI AF ECN)
    function.reset = read_choice(node, "reset", kResets, diagnostics).value_or(DeviceReset::none);
    const auto needs = [&](bool there, std::string_view what, std::string help) {
        if (!there)
            diagnostics
                .error(
                    "board.reset",
                    fmt::format("{} is reset by {}, but has no {}", tick(function.name.value), tick(node.text), what),
                    node.span, "by what?")
                .help = std::move(help);
    };
    if (function.reset == DeviceReset::flr)
        needs(function.pcie_at != 0, "PCI Express capability", "state where it is with `pcie`");
    if (function.reset == DeviceReset::power)
        needs(function.power_at != 0, "power management capability", "state where it is with `power`");
    if (function.reset == DeviceReset::af_flr)
        needs(std::any_of(function.capabilities.begin(), function.capabilities.end(),
                          [](const BoardCapability& c) { return c.id == kAdvancedFeatures; }),
              "Advanced Features capability", "state it: `capabilities: [{at: OFFSET, id: 0x13, size: 6}]`");
}

// Everything but `at` and `id`.
void read_properties(const Fields& fields, BoardPciFunction& function, Diagnostics& diagnostics) {
    const Node* class_code = fields.find("class");
    if (class_code != nullptr)
        function.class_code =
            static_cast<std::uint32_t>(read_integer(*class_code, "class", 1, 0xFF'FFFF, diagnostics).value_or(0));
    const Node* bars = fields.find("bars");
    if (bars != nullptr)
        read_bars(*bars, function, diagnostics);
    if (const Node* msi = fields.find("msi"))
        read_msi(*msi, function, fields.key_span("msi"), diagnostics);
    if (const Node* msix = fields.find("msix"))
        read_msix(*msix, function, fields.key_span("msix"), diagnostics);
    if (const Node* pcie = fields.find("pcie"))
        function.pcie_at = read_capability_offset(*pcie, "pcie", diagnostics);
    if (const Node* power = fields.find("power"))
        function.power_at = read_capability_offset(*power, "power", diagnostics);
    if (const Node* capabilities = fields.find("capabilities"))
        read_capabilities(*capabilities, function, diagnostics);
    if (const Node* reset = fields.find("reset")) {
        function.reset_span = reset->span;
        read_reset(*reset, function, diagnostics);
    }
    if (const Node* bridge = fields.find("bridge"))
        read_bridge(*bridge, function, fields.key_span("bridge"), diagnostics);
    function.group.value = kOwnGroup + function.bdf;
    if (const Node* group = fields.find("group"))
        function.group = {
            static_cast<std::uint32_t>(read_integer(*group, "group", 0, kOwnGroup - 1, diagnostics).value_or(0)),
            group->span};
    function.assignable = class_code != nullptr && bars != nullptr && !function.is_bridge;
}

} // namespace

void read_pci(const Node& mapping, Board& board, Diagnostics& diagnostics) {
    if (!expect_mapping(mapping, "pci", "a mapping from names to functions", diagnostics))
        return;
    std::unordered_map<std::uint32_t, Span> seen;
    for (const NamedEntry& entry : named_entries(mapping, "device", kMostFunctions, diagnostics)) {
        if (entry.value == nullptr)
            continue;
        BoardPciFunction function;
        function.name = {entry.name->text, entry.name->span};
        function.span = entry_span(entry);
        const Fields fields(*entry.value, "device " + tick(entry.name->text), entry.name->span,
                            {{"at", true},
                             {"id", true},
                             {"class"},
                             {"bars"},
                             {"msi"},
                             {"msix"},
                             {"pcie"},
                             {"power"},
                             {"capabilities"},
                             {"reset"},
                             {"group"},
                             {"bridge"}},
                            diagnostics);
        if (const Node* id = fields.find("id"))
            read_pci_id(*id, function, diagnostics);
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
        read_properties(fields, function, diagnostics);
        board.pci.push_back(std::move(function));
    }
    std::sort(board.pci.begin(), board.pci.end(), [](const BoardPciFunction& a, const BoardPciFunction& b) {
        return std::tie(a.bdf, a.name.value) < std::tie(b.bdf, b.name.value);
    });
}

} // namespace septum::config
