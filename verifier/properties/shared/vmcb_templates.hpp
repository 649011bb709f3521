// SPDX-License-Identifier: Apache-2.0
// The VMCB templates, two for each partition, and their intercepts.
#pragma once

#include "verifier/properties/shared/judge.hpp"

#include <array>

namespace septum::verifier {

using decode::Intercept;

// Every one of these a guest could use against others or against the kernel, and the kernel answers each.
inline constexpr Intercept kMandatoryIntercepts[] = {
    Intercept::exception_db,
    Intercept::exception_ac,
    Intercept::exception_mc,
    Intercept::nmi,
    Intercept::init,
    Intercept::rdpmc,
    Intercept::cpuid,
    Intercept::rsm,
    Intercept::invd,
    Intercept::invlpga,
    Intercept::ioio_prot,
    Intercept::msr_prot,
    Intercept::ferr_freeze,
    Intercept::shutdown,
    Intercept::vmrun,
    Intercept::vmmcall,
    Intercept::vmload,
    Intercept::vmsave,
    Intercept::stgi,
    Intercept::clgi,
    Intercept::skinit,
    Intercept::icebp,
    Intercept::wbinvd,
    Intercept::monitor,
    Intercept::mwait,
    Intercept::mwait_armed,
    Intercept::rdpru,
    Intercept::invlpgb,
    Intercept::invlpgb_illegal,
    Intercept::mcommit,
    Intercept::tlbsync,
};

// By the bit's number.
[[nodiscard]] std::array<bool, decode::kInterceptBits> mandatory_intercepts();

// One template, whose it is, and which CPUs start from it: "boot" or "application".
struct VmcbTemplate {
    const PartitionFacts* facts;
    const decode::Vmcb* vmcb;
    const char* name;
};

// Two for each partition, in the manifest's order.
[[nodiscard]] std::vector<VmcbTemplate> vmcb_templates(const Facts& facts);

// A finding about a template, with its place.
void say_of(Judge& judge, const VmcbTemplate& of, std::string message, std::string key);

inline constexpr unsigned kTemplateShift = 8; // 192 intercept bits fit below

// Both ways for one direction: `required` bits of every template against those found.
void check_intercept_bits(const Context& context, Judge& judge, bool lacking, const char* query);

} // namespace septum::verifier
