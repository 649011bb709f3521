// SPDX-License-Identifier: Apache-2.0
// The MSR permission map, APM 2 §15.11: two bits per MSR, the even one for reads, the odd one for writes, in three
// vectors of 2 KiB; the fourth is reserved. MSRs outside the three vectors are always intercepted.
#include "build/tables/permission_maps.hpp"

#include <algorithm>
#include <array>

namespace septum::build {
namespace {

struct Grant {
    std::uint32_t first;
    std::uint32_t last; // inclusive
    bool read;
    bool write;
};

// Swapped by VMRUN, VMLOAD and VMSAVE, or without effect beyond the CPU that the partition owns.
constexpr std::array kOwn{
    Grant{0x0000'0010, 0x0000'0010, true, false}, // TSC
    Grant{0x0000'0174, 0x0000'0176, true, true},  // SYSENTER_CS, _ESP, _EIP
    Grant{0x0000'0277, 0x0000'0277, true, true},  // PAT: the guest's own under nested paging (§15.25.8)
    Grant{0xC000'0081, 0xC000'0084, true, true},  // STAR, LSTAR, CSTAR, SFMASK
    Grant{0xC000'0100, 0xC000'0103, true, true},  // FS_BASE, GS_BASE, KernelGSbase, TSC_AUX
};

// x2APIC registers (APM 2 §16.11, table 16-6): what a CPU's owner may do without affecting another CPU.
constexpr std::array kX2apic{
    Grant{0x802, 0x803, true, false}, // id, version
    Grant{0x808, 0x808, true, true},  // TPR
    Grant{0x80A, 0x80A, true, false}, // PPR
    Grant{0x80B, 0x80B, false, true}, // EOI
    Grant{0x80D, 0x80D, true, false}, // LDR
    Grant{0x80F, 0x80F, true, false}, // SVR
    Grant{0x810, 0x827, true, false}, // ISR, TMR, IRR
    Grant{0x828, 0x828, true, true},  // ESR
    Grant{0x830, 0x830, true, false}, // ICR: sending is the kernel's
    Grant{0x832, 0x837, true, false}, // LVTs
    Grant{0x838, 0x838, true, true},  // timer initial count
    Grant{0x839, 0x839, true, false}, // timer current count
    Grant{0x83E, 0x83E, true, true},  // timer divide
    Grant{0x83F, 0x83F, false, true}, // self IPI
};

constexpr std::size_t kVector = 0x800;     // bytes
constexpr std::uint32_t kCovered = 0x2000; // MSRs per vector

std::size_t bit_of(std::uint32_t msr) {
    const std::size_t vector = msr < kCovered ? 0 : (msr & 0xFFFF'0000U) == 0xC000'0000U ? 1 : 2;
    return vector * kVector * 8 + static_cast<std::size_t>(msr & (kCovered - 1)) * 2;
}

void grant(const Grant& what, ByteSpan out) {
    for (std::uint32_t msr = what.first; msr <= what.last; ++msr) {
        const std::size_t bit = bit_of(msr);
        const unsigned clear = (what.read ? 1U : 0U) | (what.write ? 2U : 0U);
        store8(out, bit / 8, static_cast<std::uint8_t>(out[bit / 8] & ~(clear << (bit % 8))));
    }
}

} // namespace

void write_msrpm(config::Apic apic, ByteSpan out) {
    std::fill(out.begin(), out.end(), std::uint8_t{0xFF});
    for (const auto& each : kOwn) {
        grant(each, out);
    }
    if (apic == config::Apic::x2apic) {
        for (const auto& each : kX2apic) {
            grant(each, out);
        }
    }
}

} // namespace septum::build
