// SPDX-License-Identifier: Apache-2.0
#include "build/tables/pci_rules.hpp"

#include "build/plan/devices.hpp"

#include <algorithm>
#include <bit>

namespace septum::build {
namespace {

using manifest::PciAnswer;
using manifest::PciRegister;

// Offsets of the header of a function that is no bridge (PCI 3.0 §6.1).
constexpr std::uint8_t kIdentity = 0x00;
constexpr std::uint8_t kCommand = 0x04;
constexpr std::uint8_t kClass = 0x08;
constexpr std::uint8_t kHeaderType = 0x0C;
constexpr std::uint8_t kBars = 0x10;
constexpr std::uint8_t kSubsystem = 0x2C;
constexpr std::uint8_t kCapabilities = 0x34;
constexpr std::uint32_t kMultiFunction = 1U << 23; // of the doubleword at 0x0C

// Command (§6.2.2). I/O decode stays off and legacy interrupts stay disabled.
constexpr std::uint32_t kMemoryEnable = 1U << 1;
constexpr std::uint32_t kBusMaster = 1U << 2;
constexpr std::uint32_t kParity = 1U << 6;
constexpr std::uint32_t kSerr = 1U << 8;
constexpr std::uint32_t kInterruptDisable = 1U << 10;
constexpr std::uint32_t kCommandWritable = kMemoryEnable | kBusMaster | kParity | kSerr;
// Status (§6.2.3), in the upper half.
constexpr std::uint32_t kHasCapabilities = 1U << 20;
constexpr std::uint32_t kErrors = 0xF900'0000; // parity, aborts, system error: cleared by ones

// Capability ids (PCI code and id assignment 1.11 §2).
constexpr std::uint8_t kPowerId = 0x01;
constexpr std::uint8_t kMsiId = 0x05;
constexpr std::uint8_t kExpressId = 0x10;
constexpr std::uint8_t kMsixId = 0x11;
constexpr std::uint8_t kAdvancedFeaturesId = 0x13;

PciRegister constant(std::uint32_t offset, std::uint32_t value) {
    PciRegister rule{};
    rule.offset = static_cast<std::uint8_t>(offset);
    rule.answer = PciAnswer::constant;
    rule.set = value;
    return rule;
}

PciRegister hardware(std::uint32_t offset, std::uint32_t read_mask, std::uint32_t set = 0, std::uint32_t write_mask = 0,
                     std::uint32_t one_clears = 0) {
    PciRegister rule{};
    rule.offset = static_cast<std::uint8_t>(offset);
    rule.answer = PciAnswer::hardware;
    rule.read_mask = read_mask;
    rule.set = set;
    rule.write_mask = write_mask;
    rule.one_clears = one_clears;
    return rule;
}

PciRegister answered(std::uint32_t offset, PciAnswer answer, std::uint32_t set = 0) {
    PciRegister rule = constant(offset, set);
    rule.answer = answer;
    return rule;
}

// One capability that the owner sees.
struct Shown {
    std::uint8_t at = 0;
    std::uint8_t id = 0;
    std::uint8_t size = 0; // of those without a shape of their own
};

// In order. A function with both MSI and MSI-X is shown with MSI-X only. Advanced Features are not shown: a guest would
// reset the function with it and lose its BARs.
std::vector<Shown> shown_capabilities(const config::BoardPciFunction& function) {
    std::vector<Shown> shown;
    if (function.power_at != 0) {
        shown.push_back({function.power_at, kPowerId, 0});
    }
    if (function.msix.at != 0) {
        shown.push_back({function.msix.at, kMsixId, 0});
    } else if (function.msi.at != 0) {
        shown.push_back({function.msi.at, kMsiId, 0});
    }
    if (function.pcie_at != 0) {
        shown.push_back({function.pcie_at, kExpressId, 0});
    }
    for (const auto& capability : function.capabilities) {
        if (capability.id != kAdvancedFeaturesId) {
            shown.push_back({capability.at, capability.id, capability.size});
        }
    }
    std::sort(shown.begin(), shown.end(), [](const Shown& a, const Shown& b) { return a.at < b.at; });
    return shown;
}

// Power management (PCI PM 1.2 §3.2): always in D0, without events. A function that came back from D3hot would have
// lost its BARs.
void add_power(std::vector<PciRegister>& rules, std::uint32_t at, std::uint32_t head) {
    constexpr std::uint32_t kVersionAndInitialization = 0x0027'0000;
    constexpr std::uint32_t kNoSoftReset = 1U << 3;
    rules.push_back(hardware(at, kVersionAndInitialization, head));
    rules.push_back(hardware(at + 4, kNoSoftReset));
}

// MSI (PCI 3.0 §6.8.1). Mask and pending bits are the hardware's own.
void add_msi(std::vector<PciRegister>& rules, const config::BoardMsi& msi, std::uint32_t head) {
    constexpr std::uint32_t kWide = 1U << 23;
    constexpr std::uint32_t kMaskable = 1U << 24;
    const std::uint32_t capable = static_cast<std::uint32_t>(std::bit_width(msi.vectors) - 1) << 17U;
    rules.push_back(answered(msi.at, PciAnswer::msi_control,
                             head | capable | (msi.is_64 ? kWide : 0) | (msi.maskable ? kMaskable : 0)));
    std::uint32_t at = msi.at + 4U;
    rules.push_back(answered(at, PciAnswer::msi_address));
    if (msi.is_64) {
        rules.push_back(answered(at += 4, PciAnswer::msi_address_high));
    }
    rules.push_back(answered(at += 4, PciAnswer::msi_data));
    if (msi.maskable) {
        const auto vectors = static_cast<std::uint32_t>((1ULL << msi.vectors) - 1);
        rules.push_back(hardware(at += 4, vectors, 0, vectors));
        rules.push_back(hardware(at + 4, vectors));
    }
}

std::uint32_t msix_place(std::uint8_t bar, std::uint32_t offset) {
    return offset | bar;
}

// MSI-X (§6.8.2): as long as its owner's part of the table.
void add_msix(std::vector<PciRegister>& rules, const config::BoardPciFunction& function, std::uint32_t head) {
    constexpr std::uint32_t kEnableAndMask = 0xC000'0000;
    const auto& msix = function.msix;
    PciRegister control =
        hardware(msix.at, kEnableAndMask, head | (interrupt_handles(function) - 1) << 16U, kEnableAndMask);
    control.answer = PciAnswer::msix_control;
    rules.push_back(control);
    rules.push_back(constant(msix.at + 4U, msix_place(msix.table_bar, msix.table_offset)));
    rules.push_back(constant(msix.at + 8U, msix_place(msix.pba_bar, msix.pba_offset)));
}

// PCI Express (PCIe 6.0 §7.5.3): read-only but for what concerns the device's own requests. No reset by the guest, no
// error messages, no change of what the bridge above must agree with. Slots and root ports have registers that are not
// here.
void add_express(std::vector<PciRegister>& rules, std::uint32_t at, std::uint32_t head) {
    constexpr std::uint32_t kFlrCapable = 1U << 28;  // Device Capabilities
    constexpr std::uint32_t kInitiateFlr = 1U << 15; // Device Control
    constexpr std::uint32_t kRelaxedOrdering = 1U << 4;
    constexpr std::uint32_t kNoSnoop = 1U << 11;
    constexpr std::uint32_t kReadRequestSize = 7U << 12U;
    constexpr std::uint32_t kDetected = 0xFU << 16U; // Device Status: errors, cleared by ones
    constexpr std::uint32_t kTimeouts = 0x1F;        // Device Capabilities 2
    constexpr std::uint32_t kExpressSize = 0x3C;
    rules.push_back(hardware(at, 0xFFFF'0000, head));
    rules.push_back(hardware(at + 4, ~kFlrCapable));
    rules.push_back(hardware(at + 8, ~kInitiateFlr, 0, kRelaxedOrdering | kNoSnoop | kReadRequestSize, kDetected));
    rules.push_back(hardware(at + 0x0C, ~0U)); // Link Capabilities
    rules.push_back(hardware(at + 0x10, ~0U)); // Link Control and Status
    if (at + kExpressSize > 256) {
        return; // version 1 of the capability: an endpoint's ends here
    }
    rules.push_back(hardware(at + 0x24, kTimeouts));
    rules.push_back(hardware(at + 0x2C, ~0U)); // Link Capabilities 2
    rules.push_back(hardware(at + 0x30, ~0U)); // Link Control and Status 2
}

void add_other(std::vector<PciRegister>& rules, const Shown& capability, std::uint32_t head) {
    for (std::uint32_t at = 0; at < capability.size; at += 4) {
        const std::uint32_t bytes = std::min<std::uint32_t>(4, capability.size - at);
        const auto mask = static_cast<std::uint32_t>((1ULL << bytes * 8) - 1);
        rules.push_back(at == 0 ? hardware(capability.at, mask & 0xFFFF'0000, head)
                                : hardware(capability.at + at, mask));
    }
}

void add_bars(std::vector<PciRegister>& rules, const config::BoardPciFunction& function) {
    for (std::size_t i = 0; i < function.bars.size(); ++i) {
        const auto& bar = function.bars[i];
        PciRegister rule = answered(kBars + bar.number * 4U, PciAnswer::bar_low);
        rule.bar = static_cast<std::uint8_t>(i);
        rules.push_back(rule);
        if (bar.is_64) {
            rule.offset = static_cast<std::uint8_t>(rule.offset + 4);
            rule.answer = PciAnswer::bar_high;
            rules.push_back(rule);
        }
    }
}

std::uint32_t identity_of(const config::BoardPciFunction& function) {
    return std::uint32_t{function.device} << 16U | function.vendor;
}

const config::BoardPciFunction* bridge_above(const config::BoardPciFunction& function, const config::Board& board) {
    const auto found = std::find_if(board.pci.begin(), board.pci.end(), [&function](const config::BoardPciFunction& f) {
        return f.is_bridge && f.bridge.secondary == function.bdf >> 8U;
    });
    return found == board.pci.end() ? nullptr : &*found;
}

// What the board states of an owned function.
void add_facts(std::vector<PciFact>& facts, const config::BoardPciFunction& function) {
    const auto add = [&](std::uint32_t offset, std::uint32_t mask, std::uint32_t expected, std::string what) {
        facts.push_back({function.bdf, static_cast<std::uint8_t>(offset), mask, expected, std::move(what)});
    };
    add(kClass, 0xFFFF'FF00, function.class_code << 8U, "class");
    add(kHeaderType, 0x007F'0000, 0, "header type");
    if (function.power_at != 0) {
        add(function.power_at, 0xFF, kPowerId, "power");
        if (function.reset == config::DeviceReset::power) { // No_Soft_Reset: 0, D3hot and back is a reset
            add(function.power_at + 4U, 1U << 3U, 0, "power reset");
        }
    }
    if (function.msi.at != 0) {
        constexpr std::uint32_t kShape = 0x018E'0000; // maskable, wide, multiple message capable
        const auto& msi = function.msi;
        add(msi.at, 0xFF | kShape,
            kMsiId | static_cast<std::uint32_t>(std::bit_width(msi.vectors) - 1) << 17U | (msi.is_64 ? 1U << 23U : 0) |
                (msi.maskable ? 1U << 24U : 0),
            "msi");
    }
    if (function.msix.at != 0) {
        const auto& msix = function.msix;
        add(msix.at, 0x07FF'00FF, kMsixId | static_cast<std::uint32_t>(msix.entries - 1) << 16U, "msi-x");
        add(msix.at + 4U, ~0U, msix_place(msix.table_bar, msix.table_offset), "msi-x table");
        add(msix.at + 8U, ~0U, msix_place(msix.pba_bar, msix.pba_offset), "msi-x pba");
    }
    if (function.pcie_at != 0) {
        add(function.pcie_at, 0xFF, kExpressId, "pcie");
        if (function.reset == config::DeviceReset::flr) {
            add(function.pcie_at + 4U, 1U << 28U, 1U << 28U, "flr");
        }
    }
    for (const auto& capability : function.capabilities) {
        const bool resets = function.reset == config::DeviceReset::af_flr && capability.id == kAdvancedFeaturesId;
        constexpr std::uint32_t kAfFlr = 1U << 25U; // AF Capabilities: FLR (PCI AF ECN)
        add(capability.at, 0xFF | (resets ? kAfFlr : 0), capability.id | (resets ? kAfFlr : 0), "capability");
    }
}

void add_bridge_facts(std::vector<PciFact>& facts, const config::BoardPciFunction& function) {
    constexpr std::uint32_t kBuses = 0x18; // PCI-to-PCI bridge 1.2 §3.2.5.2
    const auto& bridge = function.bridge;
    facts.push_back({function.bdf, kHeaderType, 0x007F'0000, 0x0001'0000, "header type"});
    facts.push_back({function.bdf, kBuses, 0x00FF'FFFF,
                     std::uint32_t{bridge.subordinate} << 16U | std::uint32_t{bridge.secondary} << 8U |
                         static_cast<std::uint32_t>(function.bdf >> 8U),
                     "buses"});
}

} // namespace

std::vector<PciRegister> pci_registers(const config::BoardPciFunction& function, bool multi_function) {
    const std::vector<Shown> shown = shown_capabilities(function);
    std::vector<PciRegister> rules;
    rules.push_back(constant(kIdentity, identity_of(function)));
    rules.push_back(hardware(kCommand, kCommandWritable | kErrors,
                             kInterruptDisable | (shown.empty() ? 0 : kHasCapabilities), kCommandWritable, kErrors));
    rules.push_back(hardware(kClass, 0xFF, function.class_code << 8U)); // the revision is the hardware's
    rules.push_back(constant(kHeaderType, multi_function ? kMultiFunction : 0));
    add_bars(rules, function);
    rules.push_back(hardware(kSubsystem, ~0U));
    if (!shown.empty()) {
        rules.push_back(constant(kCapabilities, shown[0].at));
    }
    for (std::size_t i = 0; i < shown.size(); ++i) {
        const std::uint32_t next = i + 1 < shown.size() ? shown[i + 1].at : 0;
        const std::uint32_t head = shown[i].id | next << 8U;
        switch (shown[i].id) {
        case kPowerId:
            add_power(rules, shown[i].at, head);
            break;
        case kMsiId:
            add_msi(rules, function.msi, head);
            break;
        case kMsixId:
            add_msix(rules, function, head);
            break;
        case kExpressId:
            add_express(rules, shown[i].at, head);
            break;
        default:
            add_other(rules, shown[i], head);
            break;
        }
    }
    std::sort(rules.begin(), rules.end(),
              [](const PciRegister& a, const PciRegister& b) { return a.offset < b.offset; });
    return rules;
}

std::vector<PciRegister> host_bridge_registers() {
    constexpr std::uint32_t kIdentityOfBridge =
        0x0008'1B36; // QEMU's generic PCI Express host bridge: no driver wants more
    constexpr std::uint32_t kHostBridge = 0x0600'0000;
    return {constant(kIdentity, kIdentityOfBridge), constant(kClass, kHostBridge)};
}

ResetWay reset_way(const config::BoardPciFunction& function, const config::Board& board) {
    ResetWay way;
    switch (function.reset) {
    case config::DeviceReset::flr:
        way = {manifest::ResetKind::flr, function.pcie_at, manifest::kNobody};
        break;
    case config::DeviceReset::af_flr:
        way.kind = manifest::ResetKind::af_flr;
        for (const auto& capability : function.capabilities) {
            if (capability.id == kAdvancedFeaturesId) {
                way.at = capability.at;
            }
        }
        break;
    case config::DeviceReset::power:
        way = {manifest::ResetKind::power, function.power_at, manifest::kNobody};
        break;
    case config::DeviceReset::bus:
        way.kind = manifest::ResetKind::bus;
        if (const auto* bridge = bridge_above(function, board); bridge != nullptr) {
            way.bridge = bridge->bdf;
        }
        break;
    case config::DeviceReset::none:
        break;
    }
    return way;
}

std::vector<manifest::Bridge> bridge_records(const config::Board& board) {
    std::vector<manifest::Bridge> records;
    for (const auto& function : board.pci) {
        if (!function.is_bridge) {
            continue;
        }
        const auto& bridge = function.bridge;
        manifest::Bridge record{};
        record.bdf = function.bdf;
        record.primary = static_cast<std::uint8_t>(function.bdf >> 8U);
        record.secondary = bridge.secondary;
        record.subordinate = bridge.subordinate;
        record.acs = bridge.acs_at != 0 ? 1 : 0;
        record.acs_at = bridge.acs_at;
        record.window = {Hpa{bridge.window_base}, bridge.window_size};
        record.prefetchable = {Hpa{bridge.prefetchable_base}, bridge.prefetchable_size};
        records.push_back(record);
    }
    return records; // the board's functions are sorted by bdf
}

std::vector<PciFact> pci_facts(const Plan& plan, const config::Board& board) {
    std::vector<PciFact> facts;
    for (const auto& function : board.pci) {
        if (function.is_bridge) {
            add_bridge_facts(facts, function);
        }
        const bool owned = std::any_of(plan.devices.begin(), plan.devices.end(),
                                       [&function](const PlannedDevice& d) { return d.bdf == function.bdf; });
        if (owned) {
            add_facts(facts, function);
        }
    }
    return facts;
}

} // namespace septum::build
