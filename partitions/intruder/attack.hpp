// SPDX-License-Identifier: Apache-2.0
// An attack is a function that tries one thing. Each runs in a launch of its own, so nothing of an earlier one is left.
#pragma once

#include <septum/runtime/console.hpp>
#include <septum/runtime/partition.hpp>

namespace septum::intruder {

// What becomes of an attack that is contained as it should be.
enum class Expect : u8 {
    stopped,  // the kernel ends this launch; to come back at all is a breach
    harmless, // it comes back with nothing
    either,   // depends on the processor
};

// What an attack came back with.
struct Result {
    bool gained;
    const char* how;
};
constexpr Result nothing(const char* how) {
    return {false, how};
}
constexpr Result breach(const char* how) {
    return {true, how};
}

class Try {
public:
    explicit Try(const guest::Launch& launch) : launch_(launch) {}

    [[nodiscard]] const guest::Info& info() const { return launch_.info; }

    // Says what is about to be tried. Once, before it is.
    template <typename... Parts>
    void say(const Parts&... parts) const {
        guest::say("intruder: try ", launch_.count + 1, ": ", parts...);
    }

    // The n-th of the APIC ids 0, 1, 2 … that is not one of this partition's.
    [[nodiscard]] u32 foreign_cpu(u32 n) const {
        for (u32 id = 0;; ++id) {
            bool own = false;
            for (u32 i = 0; i < info().cpu_count; ++i) {
                own = own || info().apic_ids[i] == id;
            }
            if (!own) {
                if (n == 0) {
                    return id;
                }
                --n;
            }
        }
    }

private:
    const guest::Launch& launch_;
};

struct Attack {
    Result (*run)(const Try&);
    Expect expect;
};

// One group per file.
namespace memory {
Result read_above_ram(const Try&);
Result write_above_ram(const Try&);
Result execute_above_ram(const Try&);
Result read_host_memory(const Try&);
Result read_foreign_channel(const Try&);
Result write_local_apic(const Try&);
Result write_iommu(const Try&);
Result read_above_4g(const Try&);
Result write_top_of_space(const Try&);
Result use_host_page_tables(const Try&);
Result search_own_ram(const Try&);
} // namespace memory

namespace ports {
Result read_absent(const Try&);
Result pci_configuration(const Try&);
Result reset(const Try&);
Result system_management(const Try&);
Result power_management(const Try&);
Result straddle(const Try&);
Result string_output(const Try&);
} // namespace ports

namespace registers {
Result move_local_apic(const Try&);
Result enable_svm(const Try&);
Result unknown_register(const Try&);
Result read_host_save_area(const Try&);
Result write_smm_base(const Try&);
Result write_memory_types(const Try&);
Result load_microcode(const Try&);
Result look_for_svm(const Try&);
} // namespace registers

namespace interrupts {
Result all_but_self(const Try&);
Result fixed_to_foreign(const Try&);
Result nmi_to_foreign(const Try&);
Result init_to_foreign(const Try&);
Result startup_to_foreign(const Try&);
Result smi_to_self(const Try&);
Result timer_as_smi(const Try&);
Result error_entry_as_init(const Try&);
} // namespace interrupts

namespace wedge {
Result debug_loop(const Try&);
Result single_step_loop(const Try&);
Result alignment_loop(const Try&);
Result triple_fault(const Try&);
} // namespace wedge

namespace virtualisation {
Result vmrun(const Try&);
Result vmload(const Try&);
Result clgi(const Try&);
Result skinit(const Try&);
Result invlpga(const Try&);
} // namespace virtualisation

namespace calls {
Result wild_calls(const Try&);
Result foreign_doorbells(const Try&);
Result flood_console(const Try&);
} // namespace calls

} // namespace septum::intruder
