// SPDX-License-Identifier: Apache-2.0
#include "probe/pci.hpp"

#include "probe/acpi.hpp"

#include <charconv>
#include <fmt/format.h>
#include <sstream>

namespace septum::probe {
namespace {

constexpr std::size_t kMostCapabilities = 48; // what 192 bytes hold
constexpr std::size_t kMostExtended = 960;    // what 3,840 bytes hold

bool hex(std::string_view text, std::uint64_t& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    return error == std::errc() && end == text.data() + text.size();
}

} // namespace

std::optional<std::uint16_t> parse_bdf(std::string_view text) {
    std::uint64_t bus = 0;
    std::uint64_t device = 0;
    std::uint64_t function = 0;
    if (text.size() != 12 || !text.starts_with("0000:") || text[7] != ':' || text[10] != '.' ||
        !hex(text.substr(5, 2), bus) || !hex(text.substr(8, 2), device) || !hex(text.substr(11, 1), function) ||
        device > 31 || function > 7)
        return std::nullopt;
    return static_cast<std::uint16_t>(bus << 8 | device << 3 | function);
}

std::string bdf_text(std::uint16_t bdf) {
    return fmt::format("{:02x}:{:02x}.{}", bdf >> 8, bdf >> 3 & 31, bdf & 7);
}

void read_resources(const std::string& text, Function& function) {
    constexpr std::uint64_t kMemory = 0x200; // include/linux/ioport.h: IORESOURCE_*
    constexpr std::uint64_t kPrefetch = 0x2000;
    constexpr std::uint64_t k64 = 0x100000;
    std::istringstream lines(text);
    std::string line;
    for (unsigned number = 0; std::getline(lines, line); number++) {
        std::istringstream words(line);
        std::string first;
        std::string last;
        std::string flags;
        std::uint64_t base = 0;
        std::uint64_t end = 0;
        std::uint64_t kind = 0;
        words >> first >> last >> flags;
        if (!first.starts_with("0x") || !hex(first.substr(2), base) || !last.starts_with("0x") ||
            !hex(last.substr(2), end) || !flags.starts_with("0x") || !hex(flags.substr(2), kind))
            continue;
        if ((kind & kMemory) == 0 || end <= base || end == ~0ULL)
            continue;
        if (number < 6)
            function.bars.push_back(
                {static_cast<std::uint8_t>(number), base, end - base + 1, (kind & k64) != 0, (kind & kPrefetch) != 0});
        // Resources 7 to 12 may be SR-IOV's; a bridge's windows follow: I/O, memory, prefetchable, CardBus.
        else if (number > 6 && is_bridge(function))
            ((kind & kPrefetch) != 0 ? function.prefetchable : function.window) = Range{base, end + 1};
    }
}

std::vector<Capability> capabilities(const Function& function) {
    std::vector<Capability> all;
    const ByteSpan config = function.config;
    if (config.size() < 256 || (little(config, 6, 2) & 0x10) == 0) // status: a list is there
        return all;
    auto at = static_cast<std::uint8_t>(config[0x34] & 0xFC);
    while (at >= 0x40 && all.size() < kMostCapabilities) {
        all.push_back({at, config[at]});
        at = config[at + 1U] & 0xFC;
    }
    return all;
}

std::optional<std::uint8_t> find_capability(const Function& function, std::uint8_t id) {
    for (const auto& capability : capabilities(function))
        if (capability.id == id)
            return capability.at;
    return std::nullopt;
}

std::optional<std::uint16_t> find_extended(const Function& function, std::uint16_t id) {
    const ByteSpan config = function.config;
    std::uint16_t at = 0x100;
    for (std::size_t i = 0; i < kMostExtended && at >= 0x100 && at + 4U <= config.size(); i++) {
        const auto header = little(config, at, 4); // PCIe 6.0 §7.6.3
        if ((header & 0xFFFF) == id)
            return at;
        at = static_cast<std::uint16_t>(header >> 20 & 0xFFC);
    }
    return std::nullopt;
}

bool is_bridge(const Function& function) {
    return function.config.size() >= 64 && (function.config[0x0E] & 0x7F) == 1;
}

std::string name_of(const Function& function) {
    const ByteSpan config = function.config;
    const auto kind = little(config, 0x0A, 2); // class and subclass
    switch (kind) {
    case 0x0100:
        return "scsi";
    case 0x0101:
        return "ide";
    case 0x0106:
        return "sata";
    case 0x0108:
        return "nvme";
    case 0x0200:
        return "nic";
    case 0x0403:
        return "audio";
    case 0x0600:
        return "host-bridge";
    case 0x0601:
        return "isa-bridge";
    case 0x0604:
        return "port";
    case 0x0700:
        return "serial";
    case 0x0806:
        return "iommu";
    case 0x0C03:
        return "usb";
    case 0x0C05:
        return "smbus";
    default:
        break;
    }
    switch (kind >> 8) {
    case 0x01:
        return "storage";
    case 0x02:
        return "network";
    case 0x03:
        return "vga";
    case 0x04:
        return "media";
    case 0x06:
        return "bridge";
    default:
        return "device";
    }
}

const char* reset_of(const Function& function) {
    const ByteSpan config = function.config;
    if (const auto express = find_capability(function, 0x10); // PCIe 6.0 §7.5.3.3: FLR capability, bit 28
        express && (little(config, *express + 4U, 4) >> 28 & 1) != 0)
        return "flr";
    if (const auto advanced = find_capability(function, 0x13); // AF ECN: FLR_CAP, bit 1
        advanced && (little(config, *advanced + 3U, 1) & 2) != 0)
        return "af-flr";
    if (const auto power = find_capability(function, 0x01); // PM 1.2 §3.2.4: No_Soft_Reset, bit 3, is not set
        power && (little(config, *power + 4U, 2) & 8) == 0)
        return "power";
    return "none";
}

} // namespace septum::probe
