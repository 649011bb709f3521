// SPDX-License-Identifier: Apache-2.0
#include "verifier/properties/shared/port_grants.hpp"

#include "verifier/properties/shared/assigned.hpp"

#include <septum/guest/board.hpp>

#include <algorithm>

namespace septum::verifier {

std::vector<GrantedPorts> granted_ports(const config::Partition& partition) {
    std::vector<GrantedPorts> out;
    const std::size_t count = std::min(partition.ports_first.size(), partition.ports_last.size());
    for (std::size_t i = 0; i < count; ++i) {
        out.push_back({partition.ports_first[i].value, partition.ports_last[i].value, partition.ports_first[i].span});
    }
    return out;
}

std::vector<VirtualPorts> virtual_ports(const config::Partition& partition) {
    using enum manifest::PortAnswer;
    std::vector<VirtualPorts> out{
        {guest::kSleepPort, guest::kSleepPort, sleep, "the sleep register"},
        {guest::kSleepStatusPort, guest::kSleepStatusPort, constant, "the sleep status register"},
        {guest::kResetPort, guest::kResetPort, reset, "the reset register"},
        {guest::kDoorbellPort, guest::kDoorbellPort, doorbell, "the doorbell"},
    };
    if (partition.console) {
        out.push_back({guest::kUartPort, guest::kUartPort + 7, uart, "the console"});
    }
    if (partition.pit) {
        out.push_back({0x40, 0x43, pit, "the timer"}); // Intel 82C54
        out.push_back({0x61, 0x61, pit_gate, "the timer's gate"});
    }
    if (is_pc(partition)) {
        out.push_back({0x4D0, 0x4D1, constant, "the interrupt trigger registers"});
    }
    if (sees_bus(partition)) {
        // 0xCF9, in their midst, resets the machine when it is written as a byte: it stays forbidden.
        out.push_back({guest::kPciAddressPort, guest::kPciAddressPort, pci_address, "the configuration address"});
        out.push_back(
            {guest::kPciAddressPort + 2, guest::kPciAddressPort + 3, pci_address, "the configuration address"});
        out.push_back({guest::kPciDataPort, guest::kPciDataPort + 3, pci_data, "the configuration data"});
    }
    return out;
}

} // namespace septum::verifier
