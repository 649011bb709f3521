// SPDX-License-Identifier: Apache-2.0
// The CPUID feature bits a partition may see, by leaf (APM 3 appendix E). What is missing here is hidden: it needs an
// MSR, a port or a promise that a partition does not have.
#pragma once

#include <cstdint>

namespace septum::build::cpuid {

constexpr std::uint32_t bits() {
    return 0;
}
template <typename... Rest>
constexpr std::uint32_t bits(unsigned first, Rest... rest) {
    return (1U << first) | bits(rest...);
}

namespace leaf1 {
inline constexpr std::uint32_t kCmpxchg16b = bits(13U);
inline constexpr std::uint32_t kX2apic = bits(21U);
inline constexpr std::uint32_t kXsave = bits(26U);
inline constexpr std::uint32_t kAvx = bits(28U);
inline constexpr std::uint32_t kHypervisor = bits(31U);
// SSE3, PCLMULQDQ, SSSE3, FMA, CX16, PCID, SSE4.1, SSE4.2, MOVBE, POPCNT, AES, XSAVE, AVX, F16C, RDRAND.
// Hidden: MONITOR, VMX, SMX, EIST, TM2, SDBG, PDCM, DCA, TSC-deadline.
inline constexpr std::uint32_t kEcx = bits(0U, 1U, 9U, 12U, 13U, 17U, 19U, 20U, 22U, 23U, 25U, 26U, 28U, 29U, 30U);
inline constexpr std::uint32_t kHtt = bits(28U);
// FPU, VME, DE, PSE, TSC, MSR, PAE, MCE, CX8, APIC, SEP, MTRR, PGE, MCA, CMOV, PAT, PSE36, CLFSH, MMX, FXSR, SSE, SSE2.
// MCE and MCA with no banks (MCG_CAP): a stock Linux complains when they are missing. Hidden: PSN, DS, ACPI, SS, TM,
// PBE.
inline constexpr std::uint32_t kEdx =
    bits(0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U, 9U, 11U, 12U, 13U, 14U, 15U, 16U, 17U, 19U, 23U, 24U, 25U, 26U);
} // namespace leaf1

namespace leaf6 {
inline constexpr std::uint32_t kArat = bits(2U); // the local APIC timer runs always
} // namespace leaf6

namespace leaf7 {
// FSGSBASE, BMI1, AVX2, FDP_EXCPTN_ONLY, SMEP, BMI2, ERMS, INVPCID, FPU CS/DS, RDSEED, ADX, SMAP, CLFLUSHOPT, CLWB,
// SHA. Hidden: TSC_ADJUST, SGX, HLE, RTM, RDT, MPX, AVX-512, PT.
inline constexpr std::uint32_t kEbx = bits(0U, 3U, 5U, 6U, 7U, 8U, 9U, 10U, 13U, 18U, 19U, 20U, 23U, 24U, 29U);
// UMIP, VAES, VPCLMULQDQ, RDPID. Hidden: PKU, WAITPKG, CET, LA57, ENQCMD, SGX_LC.
inline constexpr std::uint32_t kEcx = bits(2U, 9U, 10U, 22U);
// FSRM. Hidden: everything that comes with SPEC_CTRL, ARCH_CAPABILITIES, CET, AMX.
inline constexpr std::uint32_t kEdx = bits(4U);
} // namespace leaf7

namespace leafD {
inline constexpr std::uint32_t kStates = bits(0U, 1U, 2U);   // x87, SSE, AVX
inline constexpr std::uint32_t kSize = 0x340;                // bytes they take: 512 + 64 + 256 (APM 3 §E.3.12)
inline constexpr std::uint32_t kInstructions = bits(0U, 2U); // XSAVEOPT, XGETBV with ECX = 1; XSAVEC, XSAVES hidden
} // namespace leafD

namespace extended1 {
inline constexpr std::uint32_t kCmpLegacy = bits(1U);
inline constexpr std::uint32_t kSvm = bits(2U);
// LAHF, ALTMOVCR8, ABM, SSE4A, MISALIGNSSE, PREFETCHW, XOP, FMA4, TBM.
// Hidden: SVM, EXTAPIC, OSVW, IBS, SKINIT, WDT, LWP, TCE, TOPOEXT, PERFCTR, DBREXT, MONITORX.
inline constexpr std::uint32_t kEcx = bits(0U, 4U, 5U, 6U, 7U, 8U, 11U, 16U, 21U);
inline constexpr std::uint32_t kNx = bits(20U);
inline constexpr std::uint32_t kPage1Gb = bits(26U);
inline constexpr std::uint32_t kLongMode = bits(29U);
// The copies of leaf 1, and SYSCALL, NX, MMXEXT, PAGE1GB, RDTSCP, LM, 3DNOWEXT, 3DNOW. Hidden: FFXSR, which needs EFER.
inline constexpr std::uint32_t kEdx = bits(0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U, 9U, 11U, 12U, 13U, 14U, 15U, 16U, 17U,
                                           20U, 22U, 23U, 24U, 26U, 27U, 29U, 30U, 31U);
} // namespace extended1

namespace extended7 {
inline constexpr std::uint32_t kInvariantTsc = bits(8U);
} // namespace extended7

namespace extended8 {
inline constexpr std::uint32_t kEbx = bits(0U, 2U); // CLZERO, XSAVEERPTR. Hidden: INVLPGB, RDPRU, MCOMMIT, WBNOINVD
} // namespace extended8

namespace extendedA {
inline constexpr std::uint32_t kNestedPaging = bits(0U);
} // namespace extendedA

} // namespace septum::build::cpuid
