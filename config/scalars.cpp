// SPDX-License-Identifier: Apache-2.0
#include "config/scalars.hpp"

#include "config/fields.hpp"
#include "config/show.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

namespace septum::config {

namespace {

constexpr std::uint64_t kPage = 4096;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

int digit_value(char c) {
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

enum class Parse { ok, malformed, overflow };

// Digits of one base with single underscores between them, all of `text`.
Parse parse_digits(std::string_view text, unsigned base, std::uint64_t& value) {
    value = 0;
    bool digit_before = false;
    bool overflow = false;
    for (const char c : text) {
        if (c == '_' && digit_before) {
            digit_before = false;
            continue;
        }
        const int digit = digit_value(c);
        if (digit < 0 || static_cast<unsigned>(digit) >= base)
            return Parse::malformed;
        const auto add = static_cast<std::uint64_t>(digit);
        overflow = overflow || value > (~std::uint64_t{0} - add) / base;
        value = value * base + add;
        digit_before = true;
    }
    if (!digit_before)
        return Parse::malformed;
    return overflow ? Parse::overflow : Parse::ok;
}

bool is_hexadecimal(std::string_view text) {
    return text.starts_with("0x") || text.starts_with("0X");
}

Parse parse_number(std::string_view text, std::uint64_t& value) {
    return is_hexadecimal(text) ? parse_digits(text.substr(2), 16, value) : parse_digits(text, 10, value);
}

// "64 MiB" → "64" and "MiB"; one space, or none, between them.
struct Quantity {
    std::string_view number;
    std::string_view unit;
};
Quantity split(std::string_view text) {
    std::size_t i = 0;
    while (i < text.size() && (is_digit(text[i]) || text[i] == '_' || text[i] == '.'))
        ++i;
    const std::size_t gap = i < text.size() && text[i] == ' ' ? 1 : 0;
    return {text.substr(0, i), text.substr(i + gap)};
}

// The unit that was meant by one that is close to it: MB, mb, M, MIB.
std::string_view meant_unit(std::string_view unit) {
    if (unit.empty() || unit.size() > 3)
        return {};
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    const std::string_view rest = unit.substr(1);
    const bool tail = rest.empty() || (rest.size() == 1 && lower(rest[0]) == 'b') ||
                      (rest.size() == 1 && lower(rest[0]) == 'i') ||
                      (rest.size() == 2 && lower(rest[0]) == 'i' && lower(rest[1]) == 'b');
    for (const Unit& known : kSizeUnits)
        if (tail && lower(unit[0]) == lower(known.name[0]))
            return known.name;
    return {};
}

std::nullopt_t too_large(const Node& node, std::string_view key, Diagnostics& diagnostics) {
    diagnostics.error(
        "config.out-of-range",
        fmt::format("{} is too large: {}, but a physical address has at most 52 bits", tick(key), describe(node)),
        node.span, "too large");
    return std::nullopt;
}

std::optional<std::uint64_t> read_quantity(const Node& node, std::string_view key, Diagnostics& diagnostics) {
    const Quantity quantity = split(node.text);
    const auto unit =
        std::find_if(kSizeUnits.begin(), kSizeUnits.end(), [&](const Unit& u) { return u.name == quantity.unit; });
    std::uint64_t number = 0;
    if (quantity.number.find('.') != std::string_view::npos && unit != kSizeUnits.end()) {
        Diagnostic& fraction = diagnostics.error(
            "config.size", fmt::format("{} expects a whole number of units, found {}", tick(key), describe(node)),
            node.span, "a fraction");
        fraction.help = "write it in the next smaller unit, for example `1536 MiB` for one and a half GiB";
        return std::nullopt;
    }
    const Parse parse = parse_digits(quantity.number, 10, number);
    if (parse == Parse::malformed) {
        wrong_type(node, key, "a size such as `64 MiB`", diagnostics).label = "not a size";
        return std::nullopt;
    }
    if (quantity.unit.empty()) {
        diagnostics
            .error("config.size-unit", fmt::format("{} needs a unit, found {}", tick(key), describe(node)), node.span,
                   "bytes, KiB, MiB?")
            .help = fmt::format("write `{0} KiB`, `{0} MiB` or `{0} GiB`", node.text.substr(0, 20));
        return std::nullopt;
    }
    if (unit == kSizeUnits.end()) {
        Diagnostic& unknown = diagnostics.error(
            "config.size-unit",
            fmt::format("{} has an unknown unit {}, expected `KiB`, `MiB` or `GiB`", tick(key), tick(quantity.unit)),
            node.span, "unknown unit");
        if (const std::string_view meant = meant_unit(quantity.unit); !meant.empty())
            unknown.help =
                fmt::format("write `{} {}`: sizes count in powers of two", quantity.number.substr(0, 20), meant);
        return std::nullopt;
    }
    if (parse == Parse::overflow || number >= kAddressLimit / unit->worth)
        return too_large(node, key, diagnostics);
    return number * unit->worth;
}

} // namespace

std::optional<bool> read_bool(const Node& node, std::string_view key, Diagnostics& diagnostics) {
    if (node.kind == Node::Kind::scalar && !node.quoted) {
        if (node.text == "true")
            return true;
        if (node.text == "false")
            return false;
    }
    Diagnostic& wrong = wrong_type(node, key, "`true` or `false`", diagnostics);
    for (const std::string_view word : {"yes", "on", "True", "TRUE", "1"})
        if (node.kind == Node::Kind::scalar && node.text == word)
            wrong.help = "write `true`";
    for (const std::string_view word : {"no", "off", "False", "FALSE", "0"})
        if (node.kind == Node::Kind::scalar && node.text == word)
            wrong.help = "write `false`";
    return std::nullopt;
}

std::optional<std::uint64_t> read_integer(const Node& node, std::string_view key, std::uint64_t low, std::uint64_t high,
                                          Diagnostics& diagnostics) {
    std::uint64_t value = 0;
    const Parse parse =
        node.kind == Node::Kind::scalar && !node.quoted ? parse_number(node.text, value) : Parse::malformed;
    const bool negative = node.kind == Node::Kind::scalar && !node.quoted && node.text.starts_with('-') &&
                          parse_number(std::string_view(node.text).substr(1), value) != Parse::malformed;
    if (parse == Parse::malformed && !negative) {
        wrong_type(node, key, "a whole number", diagnostics);
        return std::nullopt;
    }
    if (negative || parse == Parse::overflow || value < low || value > high) {
        diagnostics.error(
            "config.out-of-range",
            fmt::format("{} is out of range: expected {} to {}, found {}", tick(key), low, high, describe(node)),
            node.span, "out of range");
        return std::nullopt;
    }
    return value;
}

std::optional<std::uint64_t> read_size(const Node& node, std::string_view key, Diagnostics& diagnostics) {
    if (node.kind != Node::Kind::scalar) {
        wrong_type(node, key, "a size such as `64 MiB`", diagnostics);
        return std::nullopt;
    }
    return read_quantity(node, key, diagnostics);
}

std::optional<std::uint64_t> read_address(const Node& node, std::string_view key, Diagnostics& diagnostics) {
    constexpr std::string_view kExpected = "an address such as `0x4000_0000` or `1 GiB`";
    if (node.kind != Node::Kind::scalar || node.text.empty()) {
        wrong_type(node, key, kExpected, diagnostics);
        return std::nullopt;
    }
    if (!is_hexadecimal(node.text)) {
        std::uint64_t decimal = 0;
        if (parse_digits(node.text, 10, decimal) != Parse::malformed) {
            wrong_type(node, key, kExpected, diagnostics).help =
                decimal == 0 ? "write `0x0`" : fmt::format("write `0x{:x}` if these are bytes", decimal);
            return std::nullopt;
        }
        if (split(node.text).number.empty() || split(node.text).unit.empty()) {
            wrong_type(node, key, kExpected, diagnostics);
            return std::nullopt;
        }
        return read_quantity(node, key, diagnostics);
    }
    std::uint64_t value = 0;
    const Parse parse = parse_number(node.text, value);
    if (parse == Parse::malformed) {
        wrong_type(node, key, kExpected, diagnostics);
        return std::nullopt;
    }
    if (parse == Parse::overflow || value >= kAddressLimit)
        return too_large(node, key, diagnostics);
    return value;
}

std::optional<std::uint64_t> read_page_address(const Node& node, std::string_view key, Diagnostics& diagnostics) {
    const std::optional<std::uint64_t> address = read_address(node, key, diagnostics);
    if (address && *address % kPage != 0) {
        diagnostics
            .error("config.alignment",
                   fmt::format("{} must be a multiple of 4 KiB, found {}", tick(key), describe(node)), node.span,
                   fmt::format("0x{:x} bytes past a page boundary", *address % kPage))
            .help = fmt::format("write `0x{:x}` or `0x{:x}`", *address / kPage * kPage, (*address / kPage + 1) * kPage);
        return std::nullopt;
    }
    return address;
}

std::optional<std::uint32_t> read_duration(const Node& node, std::string_view key, std::uint32_t low,
                                           std::uint32_t high, Diagnostics& diagnostics) {
    const Quantity quantity = split(node.text);
    const auto unit =
        std::find_if(kTimeUnits.begin(), kTimeUnits.end(), [&](const Unit& u) { return u.name == quantity.unit; });
    std::uint64_t number = 0;
    const Parse parse = node.kind == Node::Kind::scalar ? parse_digits(quantity.number, 10, number) : Parse::malformed;
    if (parse == Parse::malformed || unit == kTimeUnits.end()) {
        Diagnostic& wrong = wrong_type(node, key, "a time such as `500 ms`", diagnostics);
        if (parse != Parse::malformed)
            wrong.help = fmt::format("write `{0} ms`, `{0} s` or `{0} min`", quantity.number.substr(0, 20));
        return std::nullopt;
    }
    if (parse == Parse::overflow || number > high || number * unit->worth < low || number * unit->worth > high) {
        diagnostics.error("config.out-of-range",
                          fmt::format("{} is out of range: expected {} to {}, found {}", tick(key), show_duration(low),
                                      show_duration(high), describe(node)),
                          node.span, "out of range");
        return std::nullopt;
    }
    return static_cast<std::uint32_t>(number * unit->worth);
}

std::optional<PortRange> read_ports(const Node& node, std::string_view key, Diagnostics& diagnostics) {
    constexpr std::string_view kExpected = "a port such as `0x2f8` or a range such as `0x2f8-0x2ff`";
    if (node.kind != Node::Kind::scalar) {
        wrong_type(node, key, kExpected, diagnostics);
        return std::nullopt;
    }
    const std::string_view text = node.text;
    const std::size_t dash = text.find('-');
    const std::string_view low = text.substr(0, dash);
    const std::string_view high = dash == std::string_view::npos ? low : text.substr(dash + 1);
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    if (!is_hexadecimal(low) || !is_hexadecimal(high) || parse_number(low, first) == Parse::malformed ||
        parse_number(high, last) == Parse::malformed) {
        wrong_type(node, key, kExpected, diagnostics).help = "port numbers are written in hexadecimal, with `0x`";
        return std::nullopt;
    }
    if (first > 0xFFFF || last > 0xFFFF) {
        diagnostics.error(
            "config.out-of-range",
            fmt::format("{} is out of range: the last port is 0xffff, found {}", tick(key), describe(node)), node.span,
            "out of range");
        return std::nullopt;
    }
    if (first > last) {
        diagnostics
            .error("config.ports-reversed", fmt::format("port range {} ends before it begins", tick(text)), node.span,
                   "reversed")
            .help = fmt::format("write `{}-{}`", high, low);
        return std::nullopt;
    }
    return PortRange{static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last)};
}

std::optional<std::string> read_text(const Node& node, std::string_view key, std::string_view expected,
                                     Diagnostics& diagnostics) {
    if (node.kind == Node::Kind::scalar && !node.text.empty())
        return node.text;
    wrong_type(node, key, expected, diagnostics);
    return std::nullopt;
}

std::optional<std::string> read_ascii(const Node& node, std::string_view key, std::size_t longest,
                                      Diagnostics& diagnostics) {
    if (node.kind != Node::Kind::scalar) {
        wrong_type(node, key, "text", diagnostics);
        return std::nullopt;
    }
    if (node.text.size() > longest) {
        diagnostics.error(
            "config.too-long",
            fmt::format("{} is {} bytes long, at most {} are allowed", tick(key), node.text.size(), longest), node.span,
            "too long");
        return std::nullopt;
    }
    const bool printable = std::all_of(node.text.begin(), node.text.end(), [](char c) { return c >= ' ' && c <= '~'; });
    if (!printable) {
        diagnostics.error("config.not-ascii", fmt::format("{} must be printable ASCII", tick(key)), node.span,
                          "holds other characters");
        return std::nullopt;
    }
    return node.text;
}

} // namespace septum::config
