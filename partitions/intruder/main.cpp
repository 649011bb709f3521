// SPDX-License-Identifier: Apache-2.0
// The intruder: tries, one launch after another, to get at what is not its own. The launch count is the number of the
// attack; a contained one ends the launch and the kernel's policy starts the next, a harmless one asks for the restart.
#include "partitions/intruder/attack.hpp"

#include <septum/runtime/call.hpp>

namespace septum::intruder {
namespace {

constexpr Attack kAttacks[] = {
    {memory::search_own_ram, Expect::harmless},
    {memory::read_above_ram, Expect::stopped},
    {memory::write_above_ram, Expect::stopped},
    {memory::execute_above_ram, Expect::stopped},
    {memory::read_host_memory, Expect::stopped},
    {memory::read_foreign_channel, Expect::stopped},
    {memory::write_local_apic, Expect::stopped},
    {memory::write_iommu, Expect::stopped},
    {memory::read_above_4g, Expect::stopped},
    {memory::write_top_of_space, Expect::stopped},
    {memory::use_host_page_tables, Expect::stopped},
    {ports::read_absent, Expect::harmless},
    {ports::pci_configuration, Expect::harmless},
    {ports::reset, Expect::stopped},
    {ports::system_management, Expect::stopped},
    {ports::power_management, Expect::stopped},
    {ports::straddle, Expect::stopped},
    {ports::string_output, Expect::stopped},
    {registers::move_local_apic, Expect::harmless},
    {registers::unknown_register, Expect::harmless},
    {registers::read_host_save_area, Expect::stopped},
    {registers::write_smm_base, Expect::stopped},
    {registers::write_memory_types, Expect::stopped},
    {registers::load_microcode, Expect::stopped},
    {interrupts::all_but_self, Expect::harmless},
    {interrupts::fixed_to_foreign, Expect::stopped},
    {interrupts::nmi_to_foreign, Expect::stopped},
    {interrupts::init_to_foreign, Expect::stopped},
    {interrupts::startup_to_foreign, Expect::stopped},
    {interrupts::smi_to_self, Expect::stopped},
    {interrupts::timer_as_smi, Expect::harmless},
    {interrupts::error_entry_as_init, Expect::either},
    {wedge::debug_loop, Expect::stopped},
    {wedge::single_step_loop, Expect::stopped},
    {wedge::alignment_loop, Expect::either},
    {wedge::triple_fault, Expect::stopped},
    {registers::look_for_svm, Expect::harmless},
    {registers::enable_svm, Expect::harmless},
    {virtualisation::vmrun, Expect::stopped},
    {virtualisation::vmload, Expect::stopped},
    {virtualisation::clgi, Expect::stopped},
    {virtualisation::skinit, Expect::stopped},
    {virtualisation::invlpga, Expect::stopped},
    {calls::wild_calls, Expect::harmless},
    {calls::foreign_doorbells, Expect::harmless},
    {calls::flood_console, Expect::harmless},
};
constexpr u64 kCount = sizeof(kAttacks) / sizeof(kAttacks[0]);

} // namespace
} // namespace septum::intruder

void septum::guest::partition_main(const Launch& launch) {
    using namespace septum::intruder;
    if (launch.count >= kCount) {
        say("intruder: ", kCount, " tries, nothing gained");
        return;
    }
    const Attack& attack = kAttacks[launch.count];
    const Result result = attack.run(Try(launch));
    if (result.gained || attack.expect == Expect::stopped) {
        say("intruder: BREACH: ", result.how);
        return;
    }
    say("intruder: no harm done: ", result.how);
    restart();
}
