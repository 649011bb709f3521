// SPDX-License-Identifier: Apache-2.0
// What `septum verify` leaves behind for others: a certificate, and the solver's questions as files.
#pragma once

#include "cli/answer.hpp"
#include "cli/files.hpp"
#include "verifier/verifier.hpp"

namespace septum::cli {

// `input_files`: how many of the answer's sources are the appliance and its board.
// Empty when it was written, or when nothing is to be certified because the report does not prove it.
[[nodiscard]] std::vector<config::Diagnostic> write_certificate(const Terminal& terminal, const Answer& answer,
                                                                std::size_t input_files,
                                                                std::span<const std::uint8_t> image,
                                                                const std::string& file);

// One SMT-LIB 2 script per question, in a folder that is empty or not there yet.
[[nodiscard]] std::vector<config::Diagnostic> write_obligations(const Terminal& terminal,
                                                                const std::vector<verifier::Obligation>& obligations,
                                                                const std::string& folder);

} // namespace septum::cli
