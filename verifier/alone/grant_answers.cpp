// SPDX-License-Identifier: Apache-2.0
#include "verifier/alone/grant_parts.hpp"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

std::string port_answer(const manifest::PortRule& rule) {
    switch (rule.answer) {
    case manifest::PortAnswer::constant:
        return fmt::format("constant {:#x}", rule.value);
    case manifest::PortAnswer::forbidden:
        return "a fault";
    case manifest::PortAnswer::uart:
        return "virtual serial port";
    case manifest::PortAnswer::doorbell:
        return "doorbells";
    case manifest::PortAnswer::sleep:
        return "virtual power switch";
    case manifest::PortAnswer::reset:
        return "virtual reset";
    case manifest::PortAnswer::pci_address:
        return "virtual PCI address";
    case manifest::PortAnswer::pci_data:
        return "virtual PCI configuration";
    case manifest::PortAnswer::pit:
        return "virtual timer";
    case manifest::PortAnswer::pit_gate:
        return "virtual timer's gate";
    }
    return fmt::format("answer {}", static_cast<unsigned>(rule.answer));
}

std::string msr_answer(manifest::MsrAnswer answer, std::uint64_t value) {
    switch (answer) {
    case manifest::MsrAnswer::fault_gp:
        return "#GP";
    case manifest::MsrAnswer::forbidden:
        return "a fault";
    case manifest::MsrAnswer::constant:
        return fmt::format("constant {:#x}", value);
    case manifest::MsrAnswer::ignore:
        return "dropped";
    case manifest::MsrAnswer::efer:
        return fmt::format("virtual EFER {:#x}", value);
    case manifest::MsrAnswer::apic_base:
        return "virtual APIC base";
    case manifest::MsrAnswer::x2apic:
        return "virtual x2APIC";
    }
    return fmt::format("answer {}", static_cast<unsigned>(answer));
}

const char* register_answer(manifest::PciAnswer answer) {
    switch (answer) {
    case manifest::PciAnswer::constant:
        return "constant";
    case manifest::PciAnswer::hardware:
        return "hardware";
    case manifest::PciAnswer::bar_low:
    case manifest::PciAnswer::bar_high:
        return "virtual BAR";
    case manifest::PciAnswer::msi_control:
    case manifest::PciAnswer::msi_address:
    case manifest::PciAnswer::msi_address_high:
    case manifest::PciAnswer::msi_data:
        return "virtual MSI";
    case manifest::PciAnswer::msix_control:
        return "virtual MSI-X";
    }
    return "unknown";
}

const char* reset_text(manifest::ResetKind kind) {
    switch (kind) {
    case manifest::ResetKind::none:
        return "";
    case manifest::ResetKind::flr:
        return "FLR";
    case manifest::ResetKind::af_flr:
        return "FLR of Advanced Features";
    case manifest::ResetKind::power:
        return "power states";
    case manifest::ResetKind::bus:
        return "its bus";
    }
    return "";
}

std::string conduct_text(manifest::OnFault answer) {
    switch (answer) {
    case manifest::OnFault::stop:
        return "stop";
    case manifest::OnFault::restart:
        return "restart";
    case manifest::OnFault::halt_system:
        return "halt-system";
    }
    return fmt::format("answer {}", static_cast<unsigned>(answer));
}

void add_partition(const PartitionFacts& facts, PartitionGrants& out) {
    for (const manifest::PortRule& rule : facts.port_rules) {
        out.port_answers.push_back(
            {{rule.first, rule.last}, port_answer(rule), rule.answer == manifest::PortAnswer::forbidden});
    }
    for (const manifest::MsrRule& rule : facts.msr_rules) {
        const bool absent =
            rule.on_read == manifest::MsrAnswer::fault_gp && rule.on_write == manifest::MsrAnswer::fault_gp;
        if (!absent) {
            out.msr_answers.push_back(
                {{rule.first, rule.last},
                 fmt::format("read {}, write {}", msr_answer(rule.on_read, rule.value),
                             msr_answer(rule.on_write, rule.value)),
                 rule.on_read == manifest::MsrAnswer::forbidden && rule.on_write == manifest::MsrAnswer::forbidden});
        }
    }
    for (const manifest::CpuidRule& rule : facts.cpuid_rules) {
        out.cpuid.push_back({rule.leaf, rule.subleaf, rule.subleaf == manifest::kCpuidAnySubleaf,
                             std::to_array(rule.mask), std::to_array(rule.set)});
    }
    // Bits that have a name: those beyond have no meaning, and exit.intercepts says what of them may be set.
    for (unsigned bit = 0; bit < decode::kInterceptBits; ++bit) {
        const std::string name = decode::intercept_name(bit);
        if ((!facts.vmcb_boot.intercepted_bit(bit) || !facts.vmcb_ap.intercepted_bit(bit)) &&
            !name.starts_with("reserved")) {
            out.without_exit.push_back(name);
        }
    }
    constexpr const char* kNames[] = {"triple-fault", "forbidden", "unanswerable", "watchdog", "shutdown", "reset"};
    static_assert(std::size(kNames) == manifest::kCauses);
    for (std::size_t cause = 0; cause < manifest::kCauses; ++cause) {
        out.conduct.push_back({kNames[cause], conduct_text(facts.record.on[cause])});
    }
    out.restart_limit = facts.record.restart_limit;
    out.heartbeat_ms = facts.record.heartbeat_ms;
}

} // namespace

OwnedDevice owned_device(const manifest::Device& device, const decode::Manifest& manifest) {
    OwnedDevice out{device.bdf, decode::text(device.name), reset_text(device.reset), {}};
    for (const manifest::PciRegister& rule : manifest.registers_of(device)) {
        if (rule.answer != manifest::PciAnswer::constant) {
            out.registers.push_back(
                {rule.offset, register_answer(rule.answer), rule.read_mask, rule.write_mask | rule.one_clears});
        }
    }
    return out;
}

void add_answers(const Facts& facts, Grants& out) {
    for (std::size_t i = 0; i < facts.partitions.size() && i < out.partitions.size(); ++i) {
        add_partition(facts.partitions[i], out.partitions[i]);
    }
}

} // namespace septum::verifier
