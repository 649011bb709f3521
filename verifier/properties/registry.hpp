// SPDX-License-Identifier: Apache-2.0
// Every property there is. A report has as many results as this list has entries; a test counts.
#pragma once

#include "verifier/properties/property.hpp"

#include <span>

namespace septum::verifier {

[[nodiscard]] std::span<const Property* const> registry();        // sorted by id
[[nodiscard]] const Property* find_property(std::string_view id); // null when there is none

extern const Property kAcpiConsistent, kAsidUnique, kBoardContract, kCachePolicy;
extern const Property kChanDirected, kChanDoorbell, kChanNoExec, kChanSizes;
extern const Property kCpuExclusive, kCpuExists, kCpuSmtExclusive, kCpuidFiltered;
extern const Property kDevBarsOwned, kDevExclusive, kDevExists, kDevFunctionsTogether, kDevReset;
extern const Property kDmaAbsentBlocked, kDmaAtsOff, kDmaConfined, kDmaNoPassthrough, kDmaP2p, kDmaReservedRegions;
extern const Property kExitComplete, kExitIntercepts, kFlowDeclared, kFlowPolicy;
extern const Property kImageBootPath, kImageDigests, kImageKernel, kImageLayout, kImageManifest, kImageWellFormed;
extern const Property kIoAnswers, kIoDangerous, kIoExact, kIoOwned;
extern const Property kIrqIoapicMasked, kIrqIpi, kIrqLvt, kIrqOwned, kIrqRemapped, kIrqSourceChecked, kIrqVectors;
extern const Property kMemDisjoint, kMemExact, kMemKernelExact, kMemKernelPrivate, kMemMemoryType, kMemNoAlias;
extern const Property kMemPayloadFits, kMemPermissions, kMemReservedBits, kMemScrubbed, kMemStackGuards;
extern const Property kMemTablesPrivate, kMemWithinBoard, kMemWx;
extern const Property kMsrAllowlist, kMsrExact, kMsrOutsideMap;
extern const Property kPartConduct, kPciConfigFiltered;
extern const Property kSchedComplete, kSchedEqualMajor, kSchedFits, kSchedNoOverlap, kSchedSanitised;
extern const Property kVmcbFeatures, kVmcbTables;

} // namespace septum::verifier
