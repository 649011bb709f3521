// SPDX-License-Identifier: Apache-2.0
#include "verifier/properties/registry.hpp"

#include <string_view>

namespace septum::verifier {

namespace {

// In the order of ids; a test compares.
constexpr const Property* kAll[] = {
    &kAcpiConsistent,
    &kAsidUnique,
    &kBoardContract,
    &kCachePolicy,
    &kChanDirected,
    &kChanDoorbell,
    &kChanNoExec,
    &kChanSizes,
    &kCpuExclusive,
    &kCpuExists,
    &kCpuSmtExclusive,
    &kCpuidFiltered,
    &kDevBarsOwned,
    &kDevExclusive,
    &kDevExists,
    &kDevFunctionsTogether,
    &kDevReset,
    &kDmaAbsentBlocked,
    &kDmaAtsOff,
    &kDmaConfined,
    &kDmaNoPassthrough,
    &kDmaP2p,
    &kDmaReservedRegions,
    &kExitComplete,
    &kExitIntercepts,
    &kFlowDeclared,
    &kFlowPolicy,
    &kImageBootPath,
    &kImageDigests,
    &kImageKernel,
    &kImageLayout,
    &kImageManifest,
    &kImageWellFormed,
    &kIoAnswers,
    &kIoDangerous,
    &kIoExact,
    &kIoOwned,
    &kIrqIoapicMasked,
    &kIrqIpi,
    &kIrqLvt,
    &kIrqOwned,
    &kIrqRemapped,
    &kIrqSourceChecked,
    &kIrqVectors,
    &kMemDisjoint,
    &kMemExact,
    &kMemKernelExact,
    &kMemKernelPrivate,
    &kMemMemoryType,
    &kMemNoAlias,
    &kMemPayloadFits,
    &kMemPermissions,
    &kMemReservedBits,
    &kMemScrubbed,
    &kMemStackGuards,
    &kMemTablesPrivate,
    &kMemWithinBoard,
    &kMemWx,
    &kMsrAllowlist,
    &kMsrExact,
    &kMsrOutsideMap,
    &kPartConduct,
    &kPciConfigFiltered,
    &kSchedComplete,
    &kSchedEqualMajor,
    &kSchedFits,
    &kSchedNoOverlap,
    &kSchedSanitised,
    &kVmcbFeatures,
    &kVmcbTables,
};

} // namespace

std::span<const Property* const> registry() {
    return kAll;
}

const Property* find_property(std::string_view id) {
    for (const Property* property : kAll) {
        if (id == property->id) {
            return property;
        }
    }
    return nullptr;
}

} // namespace septum::verifier
