// SPDX-License-Identifier: Apache-2.0
// Configuration space as partitions see it: bit by bit, what reaches the hardware, and that nothing else does.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/assigned.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <septum/guest/board.hpp>

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

constexpr unsigned kDoublewords = 64;
constexpr std::uint32_t kFirst = guest::kPciAddressPort;
constexpr std::uint32_t kLast = guest::kPciDataPort + 3;

// Type 0 header (PCI 3.0 §6.1, §6.2).
constexpr unsigned kCommand = 1;       // doubleword 0x04: command, status above
constexpr unsigned kHeaderType = 3;    // 0x0C, bits 23:16
constexpr unsigned kFirstBar = 4;      // 0x10
constexpr unsigned kRom = 12;          // 0x30
constexpr unsigned kCapabilities = 13; // 0x34
constexpr unsigned kInterrupt = 15;    // 0x3C: line, pin
constexpr std::uint32_t kCommandWrites = 1U << 1 | 1U << 2 | 1U << 6 | 1U << 8; // memory, master, parity, SERR
constexpr std::uint32_t kIoDecode = 1U << 0;
constexpr std::uint32_t kNoLegacyInterrupt = 1U << 10;
constexpr std::uint32_t kStatusClears = 0xF900'0000; // status bits that a one clears
constexpr std::uint32_t kMultiFunction = 1U << 23;   // bit 7 of the header type

// Capabilities.
constexpr std::uint8_t kPowerManagement = 0x01;
constexpr std::uint8_t kMsi = 0x05;
constexpr std::uint8_t kPciExpress = 0x10;
constexpr std::uint8_t kMsix = 0x11;
constexpr std::uint32_t kMsixWrites = 1U << 31 | 1U << 30; // enable, function mask

// Device Control (PCIe 5.0 §7.5.3.4): error reports, relaxed order, extended tags, no snoop, read request size. Not the
// payload size, which must fit the bridge's, not phantom functions, not power, not the reset.
constexpr std::uint32_t kDeviceControlWrites = 0xFU | 1U << 4 | 1U << 8 | 1U << 11 | 7U << 12;
constexpr std::uint32_t kDeviceStatusClears = 0xFU << 16;

// What one doubleword may do to the hardware, and how it has to answer.
struct Allowed {
    std::uint32_t read = 0; // hardware bits that may show
    std::uint32_t write = 0;
    std::uint32_t clear = 0;
    std::array<manifest::PciAnswer, 2> answers{manifest::PciAnswer::constant, manifest::PciAnswer::hardware};
};

struct Capability {
    std::uint8_t at = 0;
    std::uint8_t id = 0;
    std::uint8_t size = 0;
};

std::uint8_t msi_size(const config::BoardMsi& msi) { // PCI 3.0 §6.8.1
    return static_cast<std::uint8_t>(10 + (msi.is_64 ? 4 : 0) + (msi.maskable ? 10 : 0));
}

std::vector<Capability> capabilities(const config::BoardPciFunction& f) {
    std::vector<Capability> out;
    if (f.power_at != 0) {
        out.push_back({f.power_at, kPowerManagement, 8});
    }
    if (f.msi.at != 0 && f.msix.at == 0) { // beside MSI-X it is not shown
        out.push_back({f.msi.at, kMsi, msi_size(f.msi)});
    }
    if (f.msix.at != 0) {
        out.push_back({f.msix.at, kMsix, 12});
    }
    if (f.pcie_at != 0) {
        out.push_back({f.pcie_at, kPciExpress, 60});
    }
    for (const config::BoardCapability& capability : f.capabilities) {
        out.push_back({capability.at, capability.id, capability.size});
    }
    std::sort(out.begin(), out.end(), [](const Capability& a, const Capability& b) { return a.at < b.at; });
    return out;
}

using Space = std::array<Allowed, kDoublewords>;

// The most that an owner may do, from the board's description of the function alone.
Space allowed(const config::BoardPciFunction& f) {
    using enum manifest::PciAnswer;
    Space out{};
    for (unsigned i = 0; i < kFirstBar; ++i) {
        out[i].read = ~0U;
    }
    out[kCommand].write = kCommandWrites;
    out[kCommand].clear = kStatusClears;
    out[10].read = ~0U; // card information
    out[11].read = ~0U; // subsystem
    for (const config::BoardBar& bar : f.bars) {
        out[kFirstBar + bar.number].answers = {bar_low, bar_low};
        if (bar.is_64 && bar.number < 5) {
            out[kFirstBar + bar.number + 1U].answers = {bar_high, bar_high};
        }
    }
    for (const Capability& capability : capabilities(f)) {
        const auto at = [&](unsigned offset) -> Allowed& {
            return out[std::min<unsigned>((capability.at + offset) / 4, kDoublewords - 1)];
        };
        for (unsigned offset = 0; offset < capability.size; offset += 4) {
            // A capability that ends within a doubleword shows no more of it than is its own.
            const unsigned own = std::min(capability.size - offset, 4U);
            at(offset).read |= own == 4 ? ~0U : (1U << (8 * own)) - 1;
        }
        if (capability.id == kMsi) {
            at(0).answers = {msi_control, msi_control};
            at(4).answers = {msi_address, msi_address};
            unsigned next = 8;
            if (f.msi.is_64) {
                at(next).answers = {msi_address_high, msi_address_high};
                next += 4;
            }
            at(next).answers = {msi_data, msi_data};
            for (unsigned offset = 4; offset <= next; offset += 4) {
                at(offset).read = 0;
            }
            if (f.msi.maskable) {
                at(next + 4).write = ~0U; // its own vectors' masks; the pending bits behind are read only
            }
        } else if (capability.id == kMsix) {
            at(0).answers = {msix_control, msix_control};
            at(0).write = kMsixWrites;
        } else if (capability.id == kPciExpress) {
            at(8).write = kDeviceControlWrites;
            at(8).clear = kDeviceStatusClears;
        }
    }
    out[kRom] = {};
    return out;
}

// One key for a bit of a doubleword of a device.
std::uint64_t key(std::size_t device, unsigned doubleword, unsigned bit) {
    return (static_cast<std::uint64_t>(device) << 8 | doubleword) << 5 | bit;
}

void add_bits(Pieces& out, std::size_t device, unsigned doubleword, std::uint32_t mask) {
    for (unsigned bit = 0; bit < 32;) {
        unsigned end = bit;
        while (end < 32 && (mask >> end & 1) != 0) {
            ++end;
        }
        if (end > bit) {
            out.push_back({key(device, doubleword, bit), key(device, doubleword, bit) + (end - bit), 0});
        }
        bit = end + 1;
    }
}

const char* answer_text(manifest::PciAnswer answer) {
    using enum manifest::PciAnswer;
    switch (answer) {
    case constant:
        return "a constant";
    case hardware:
        return "hardware";
    case bar_low:
    case bar_high:
        return "a virtual BAR";
    case msi_control:
    case msi_address:
    case msi_address_high:
    case msi_data:
        return "a virtual MSI register";
    case msix_control:
        return "MSI-X control";
    }
    return "unknown";
}

class Function {
public:
    Function(const Context& context, Judge& judge, const AssignedDevice& device)
        : context_(context), judge_(judge), device_(device), f_(*device.function) {
        for (const manifest::PciRegister& rule : context.facts->manifest.registers_of(*device.record)) {
            if (rule.offset / 4 < kDoublewords) {
                rules_[rule.offset / 4] = rule;
            }
        }
    }

    // What each doubleword answers; what a value holds where it must be constant.
    void check(const Space& space) {
        for (unsigned i = 0; i < kDoublewords; ++i) {
            const manifest::PciRegister& rule = rules_[i];
            const auto& answers = space[i].answers;
            // A register that the hardware must not see may always be left out, which reads as zero.
            const bool absent = rule.answer == manifest::PciAnswer::constant && rule.set == 0;
            if (!absent && std::find(answers.begin(), answers.end(), rule.answer) == answers.end()) {
                say(i,
                    fmt::format("is answered by {}, expected {}", answer_text(rule.answer), answer_text(answers[1])));
            }
        }
        const manifest::PciRegister& command = rules_[kCommand];
        if ((command.set & kNoLegacyInterrupt) == 0 || ((command.set | command.read_mask) & kIoDecode) != 0) {
            say(kCommand, "shows legacy interrupts or port decoding, which the function does not have");
        }
        const manifest::PciRegister& interrupt = rules_[kInterrupt];
        if (interrupt.answer != manifest::PciAnswer::constant || (interrupt.set & 0xFF00) != 0) {
            say(kInterrupt, "shows an interrupt pin");
        }
        const manifest::PciRegister& rom = rules_[kRom];
        if (rom.answer != manifest::PciAnswer::constant || rom.set != 0) {
            say(kRom, "shows an expansion ROM");
        }
        bars();
        chain();
    }

    void reach(std::size_t index, const Space& space, Pieces& read, Pieces& written, Pieces& may_read,
               Pieces& may_write) const {
        for (unsigned i = 0; i < kDoublewords; ++i) {
            const manifest::PciRegister& rule = rules_[i];
            const bool hardware = rule.answer == manifest::PciAnswer::hardware ||
                                  rule.answer == manifest::PciAnswer::msix_control ||
                                  rule.answer == manifest::PciAnswer::msi_control;
            add_bits(read, index, i, hardware ? rule.read_mask : 0);
            add_bits(may_read, index, i, space[i].read);
            add_bits(written, 2 * index, i, hardware ? rule.write_mask : 0);
            add_bits(written, 2 * index + 1, i, hardware ? rule.one_clears : 0);
            add_bits(may_write, 2 * index, i, space[i].write);
            add_bits(may_write, 2 * index + 1, i, space[i].clear);
        }
    }

    void say(unsigned doubleword, const std::string& what) {
        const std::string& owner = context_.model.partitions[device_.partition].name.value;
        judge_.violated({.message = fmt::format("register {:#04x} of `{}` {}", doubleword * 4, f_.name.value, what),
                         .partitions = {owner},
                         .key = fmt::format("{}:{:#04x}", f_.name.value, doubleword * 4),
                         .witness = fmt::format("{} register {:#04x}", requester_text(f_.bdf), doubleword * 4),
                         .primary = device_.span});
    }

private:
    // Each BAR register is the virtual one of the BAR with its number.
    void bars() {
        const auto records = context_.facts->manifest.bars_of(*device_.record);
        for (unsigned i = kFirstBar; i < kFirstBar + manifest::kMaxBars; ++i) {
            const manifest::PciRegister& rule = rules_[i];
            const bool low = rule.answer == manifest::PciAnswer::bar_low;
            const bool high = rule.answer == manifest::PciAnswer::bar_high;
            if ((low || high) &&
                (rule.bar >= records.size() || records[rule.bar].number + kFirstBar + (high ? 1U : 0U) != i)) {
                say(i, fmt::format("is the virtual register of another BAR, number {}", rule.bar));
            }
        }
    }

    // The list of capabilities, as the owner follows it: constants that lead to stated ones only.
    void chain() {
        const std::vector<Capability> stated = capabilities(f_);
        const manifest::PciRegister& pointer = rules_[kCapabilities];
        if (pointer.answer != manifest::PciAnswer::constant || (pointer.set & ~0xFCU) != 0) {
            say(kCapabilities, "is not a constant capability pointer");
            return;
        }
        std::uint32_t at = pointer.set & 0xFC;
        for (unsigned steps = 0; at != 0; ++steps) {
            const auto it = std::find_if(stated.begin(), stated.end(),
                                         [&](const Capability& capability) { return capability.at == at; });
            if (it == stated.end() || steps > stated.size()) {
                say(at / 4, it == stated.end() ? "is shown as a capability, which the board does not state"
                                               : "is reached twice in the list of capabilities");
                return;
            }
            const manifest::PciRegister& rule = rules_[at / 4];
            // Id and next are fixed: `set` where the hardware's bits are masked out, else a constant.
            if ((rule.read_mask & 0xFF00) != 0 || ((rule.read_mask & 0xFF) == 0 && (rule.set & 0xFF) != it->id)) {
                say(at / 4, fmt::format("does not begin capability {:#04x} with a fixed successor", it->id));
                return;
            }
            at = rule.set >> 8 & 0xFC;
        }
    }

    const Context& context_;
    Judge& judge_;
    const AssignedDevice& device_;
    const config::BoardPciFunction& f_;
    std::array<manifest::PciRegister, kDoublewords> rules_{}; // left out: a constant zero
};

// A host bridge and nothing more (PCI 3.0 §6.2.1, appendix D): constants that name it, everything else zero.
template <typename Say>
void host_bridge(std::span<const manifest::PciRegister> rules, Say&& say) {
    constexpr unsigned kClass = 2; // doubleword 0x08: class and subclass in the upper half
    constexpr std::uint32_t kBridge = 0x0600;
    std::array<std::uint32_t, kDoublewords> shown{};
    for (const manifest::PciRegister& rule : rules) {
        if (rule.answer != manifest::PciAnswer::constant) {
            say(fmt::format("register {:#04x} of the virtual host bridge is not a constant", rule.offset));
        }
        shown[rule.offset / 4 % kDoublewords] |= rule.set;
    }
    for (unsigned i = 0; i < kDoublewords; ++i) {
        const bool wrong = i == 0        ? (shown[i] & 0xFFFF) == 0 || (shown[i] & 0xFFFF) == 0xFFFF
                           : i == kClass ? shown[i] >> 16 != kBridge
                                         : shown[i] != 0;
        if (wrong) {
            say(fmt::format("register {:#04x} of the virtual host bridge, {:#x}, is none of a bare host bridge", i * 4,
                            shown[i]));
        }
    }
}

// Who sees a bus at all.
void buses(const Context& context, Judge& judge) {
    for (std::size_t p = 0; p < context.model.partitions.size(); ++p) {
        const PartitionFacts* facts = context.places->partitions[p].facts;
        if (facts == nullptr) {
            continue;
        }
        const auto devices = context.facts->manifest.devices_of(facts->record);
        const auto bridges = std::count_if(devices.begin(), devices.end(), [](const manifest::Device& device) {
            return device.bdf == manifest::kNobody;
        });
        const int expected = sees_bus(context.model.partitions[p]) ? 1 : 0;
        if (bridges != expected) {
            judge.violated({.message = fmt::format("`{}` has {} virtual host bridges in the image, expected {}",
                                                   facts->name, bridges, expected),
                            .partitions = {facts->name},
                            .key = "host-bridge",
                            .primary = context.model.partitions[p].name.span});
        }
    }
}

// The virtual bus: numbers unique, functions of one device together, and function 0 there.
void bus(const Context& context, Judge& judge) {
    const decode::Manifest& manifest = context.facts->manifest;
    Pieces numbers;
    for (std::size_t p = 0; p < context.facts->partitions.size(); ++p) {
        const PartitionFacts& facts = context.facts->partitions[p];
        const auto say = [&](std::string message, const manifest::Device& device) {
            judge.violated({.message = std::move(message),
                            .partitions = {facts.name},
                            .key = "bus:" + requester_text(device.virtual_bdf),
                            .witness = "virtual function " + requester_text(device.virtual_bdf)});
        };
        const auto devices = manifest.devices_of(facts.record);
        for (const manifest::Device& device : devices) {
            const std::uint64_t number = static_cast<std::uint64_t>(p) << 16 | device.virtual_bdf;
            numbers.push_back({number, number + 1, numbers.size()});
            if (device.virtual_bdf > 0xFF) {
                say(fmt::format("`{}` is shown to `{}` on bus {}, which it does not have", decode::text(device.name),
                                facts.name, device.virtual_bdf >> 8),
                    device);
            }
            const auto slot = [&](const manifest::Device& other) {
                return other.virtual_bdf >> 3 == device.virtual_bdf >> 3;
            };
            const auto count = std::count_if(devices.begin(), devices.end(), slot);
            const bool zero = std::any_of(devices.begin(), devices.end(), [&](const manifest::Device& other) {
                return slot(other) && (other.virtual_bdf & 7) == 0;
            });
            bool several = false;
            for (const manifest::PciRegister& rule : manifest.registers_of(device)) {
                several = several || (rule.offset / 4 == kHeaderType && (rule.set & kMultiFunction) != 0);
            }
            if (!zero || (count > 1 && (device.virtual_bdf & 7) == 0 && !several)) {
                say(fmt::format("`{}` can't be found by `{}`: its device {}", decode::text(device.name), facts.name,
                                zero ? "does not say that it has several functions" : "has no function 0"),
                    device);
            }
            if (device.bdf == manifest::kNobody) {
                host_bridge(manifest.registers_of(device),
                            [&](const std::string& what) { say(what + " of `" + facts.name + "`", device); });
            }
        }
    }
    const std::vector<Overlap> found = overlaps(numbers);
    for (const Overlap& overlap : found) {
        const std::string& name = context.facts->partitions[overlap.first >> 16].name;
        const std::string who = requester_text(static_cast<std::uint32_t>(overlap.first & 0xFFFF));
        judge.violated({.message = fmt::format("`{}` has two functions {}", name, who),
                        .partitions = {name},
                        .key = "twice:" + who,
                        .witness = "virtual function " + who});
    }
    judge.solver_agrees(found.empty(), [&](unsigned timeout) {
        return smt::never_twice("pci.config-filtered: virtual functions", numbers, timeout);
    });
}

void ports(const Context& context, Judge& judge) {
    Pieces granted;
    for (const PartitionFacts& facts : context.facts->partitions) {
        for (const decode::PortInterval& interval : facts.iopm.granted) {
            granted.push_back({interval.first, interval.last + 1ULL, 0});
            if (interval.first <= kLast && kFirst <= interval.last) {
                judge.violated({.message = fmt::format("`{}` reaches PCI configuration at ports {}", facts.name,
                                                       ports_text(interval.first, interval.last)),
                                .partitions = {facts.name},
                                .witness = fmt::format("port {:#x}", std::max<std::uint32_t>(interval.first, kFirst))});
            }
        }
        const bool bus = facts.record.devices.count != 0;
        for (const manifest::PortRule& rule : facts.port_rules) {
            const bool harmless =
                rule.answer == manifest::PortAnswer::constant || rule.answer == manifest::PortAnswer::forbidden;
            const bool own = bus && (rule.answer == manifest::PortAnswer::pci_address ||
                                     rule.answer == manifest::PortAnswer::pci_data);
            if (rule.first <= kLast && kFirst <= rule.last && !harmless && !own) {
                judge.violated({.message = fmt::format("`{}` finds a virtual device at ports {}, where PCI "
                                                       "configuration would be",
                                                       facts.name, ports_text(rule.first, rule.last)),
                                .partitions = {facts.name},
                                .key = "rule",
                                .witness = fmt::format("port {:#x}", rule.first)});
            }
        }
    }
    const Pieces configuration{{kFirst, kLast + 1ULL, 0}};
    const bool holds = common(granted, configuration).empty();
    judge.solver_agrees(holds, [&](unsigned timeout) {
        return smt::never_both("pci.config-filtered: ports", united(granted), configuration, timeout);
    });
}

// No partition reaches configuration space as memory, and the kernel itself does not map it.
void memory(const Context& context, Judge& judge) {
    Pieces space;
    if (context.facts->manifest.header.ecam.value != 0) {
        space.push_back(
            {context.facts->manifest.header.ecam.value, context.facts->manifest.header.ecam.value + (256ULL << 20), 0});
    }
    if (context.model.board.ecam) {
        space.push_back({context.model.board.ecam->value, context.model.board.ecam->value + (256ULL << 20), 0});
    }
    Pieces reach;
    const auto add = [&](const std::vector<Interval>& intervals, const std::string& who) {
        for (const Interval& interval : intervals) {
            const Piece piece{interval.hpa, interval.hpa + interval.size, 0};
            reach.push_back(piece);
            for (const Overlap& overlap : common(space, {piece})) {
                judge.violated({.message = fmt::format("{} reaches configuration space as memory at {}", who,
                                                       range(overlap.first, overlap.end)),
                                .key = "ecam",
                                .witness = "host-physical " + address(overlap.first)});
            }
        }
    };
    if (space.empty()) {
        return;
    }
    space = united(sorted(std::move(space)));
    for (const PartitionFacts& facts : context.facts->partitions) {
        add(facts.reach_by_host, ticked(facts.name));
    }
    add(context.facts->kernel.by_host, "the kernel after launch");
    const bool holds = common(space, reach).empty();
    judge.solver_agrees(holds, [&](unsigned timeout) {
        return smt::never_both("pci.config-filtered: memory", space, united(reach), timeout);
    });
}

void check(const Context& context, Judge& judge) {
    ports(context, judge);
    memory(context, judge);
    buses(context, judge);
    bus(context, judge);
    Pieces read;
    Pieces written;
    Pieces may_read;
    Pieces may_write;
    std::vector<Function> functions;
    const std::vector<AssignedDevice> devices = assigned_devices(context);
    std::size_t index = 0;
    for (const AssignedDevice& device : devices) {
        judge.rests_on(device.span);
        if (device.record == nullptr) {
            continue; // dev.exists says so
        }
        const Space space = allowed(*device.function);
        functions.emplace_back(context, judge, device);
        functions.back().check(space);
        functions.back().reach(index, space, read, written, may_read, may_write);
        ++index;
    }
    const Pieces more_read = without(united(read), united(may_read));
    for (const Piece& piece : more_read) {
        functions[piece.first >> 13].say(piece.first >> 5 & 0xFF, fmt::format("shows bits {}..{} of the hardware",
                                                                              piece.first & 31, (piece.end - 1) & 31));
    }
    const Pieces more_written = without(united(written), united(may_write));
    for (const Piece& piece : more_written) {
        functions[piece.first >> 14].say(piece.first >> 5 & 0xFF,
                                         fmt::format("lets bits {}..{} of the hardware be {}", piece.first & 31,
                                                     (piece.end - 1) & 31,
                                                     (piece.first >> 13 & 1) != 0 ? "cleared" : "written"));
    }
    if (!functions.empty()) {
        judge.solver_agrees(more_read.empty(), [&](unsigned timeout) {
            return smt::within("pci.config-filtered: reads", united(read), united(may_read), timeout);
        });
        judge.solver_agrees(more_written.empty(), [&](unsigned timeout) {
            return smt::within("pci.config-filtered: writes", united(written), united(may_write), timeout);
        });
    }
}

} // namespace

const Property kPciConfigFiltered{
    .id = "pci.config-filtered",
    .title = "configuration space shows only what is harmless",
    .statement =
        "No partition reaches ports 0xcf8..0xcff without an exit, nor configuration space as memory, and after launch "
        "the kernel does not map that either. Each partition that boots as a PC or owns a device has one virtual host "
        "bridge; the others have none, and find these ports absent. For each of the 64 doublewords of each assigned "
        "function: writes reach at most memory enable, bus master, parity and SERR of the command register, status "
        "bits that ones clear, MSI masks, MSI-X enable and mask, and harmless bits of Device Control; reads show the "
        "header, without BARs, ROM, interrupt line and pin, and stated capabilities. BAR and MSI registers are "
        "virtual, INTx is off, the list of capabilities is fixed and holds stated ones only. Virtual function numbers "
        "are unique. The virtual host bridge is constant, and all that it shows is vendor, device and the class of a "
        "host bridge.",
    .level = Level::bytes,
    .rests_on = "the I/O permission maps, port and configuration rules in the image, as decoded; the kernel's "
                "handler, which reads these rules: it is tested, not proved",
    .manual = "PCI Local Bus 3.0 §3.2.2.3.2, §6.2, §6.7, §6.8; PCI Express Base 5.0 §7.5.3",
    .mend = "build the image anew; if it stays, the rules were not made from this model",
    .bytes = check,
};

} // namespace septum::verifier
