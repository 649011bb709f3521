// SPDX-License-Identifier: Apache-2.0
// As much of AML (ACPI 6.5 §20) as a DSDT of fixed devices takes: scopes, devices, named data, and methods that return
// a constant. Anything else ends the list it stands in and is reported: what a guest is told is then not known.
#pragma once

#include "verifier/decode/acpi.hpp"

namespace septum::verifier::decode {

// Reads the term list `aml`, which lies at `gpa` in guest memory, into the DSDT part of `acpi`.
void decode_aml(ByteSpan aml, std::uint64_t gpa, const std::string& what, Acpi& acpi);

} // namespace septum::verifier::decode
