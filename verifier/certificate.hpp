// SPDX-License-Identifier: Apache-2.0
// The certificate: what an image grants and what was proved of it, for whoever must sign for the appliance, and for
// septum-recheck, which reads it with eyes of its own. Format: docs/certificate.md.
#pragma once

#include "verifier/grants.hpp"

#include <optional>

namespace septum::verifier {

using Sha256Digest = std::array<std::uint8_t, 32>;

// What the certificate says of its making; no time and no path, so the same inputs give the same bytes.
struct CertificateInputs {
    std::string tool;                             // "septum 0.1.0"
    Sha256Digest tool_digest{};                   // of the program's own file
    std::optional<Sha256Digest> appliance_digest; // of the appliance file; absent when the image was judged alone
    std::optional<Sha256Digest> board_digest;     // of the board's file; absent when it is inside the appliance file
};

// Nothing unless `report.proved()`.
[[nodiscard]] std::optional<std::string> certificate(const Report& report, const Grants& grants,
                                                     const CertificateInputs& inputs);

} // namespace septum::verifier
