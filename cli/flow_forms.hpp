// SPDX-License-Identifier: Apache-2.0
// Who flows to whom, drawn.
#pragma once

#include "verifier/flow.hpp"

namespace septum::cli {

// One line per flow, then who reaches whom through others. `sources` may be empty: then no places are shown.
[[nodiscard]] std::string flow_text(const verifier::FlowView& flow, const config::Sources& sources);
[[nodiscard]] std::string flow_dot(const verifier::FlowView& flow, const std::string& title);
[[nodiscard]] std::string flow_mermaid(const verifier::FlowView& flow);
// Self-contained; nodes on a circle in their order, arrows between them.
[[nodiscard]] std::string flow_svg(const verifier::FlowView& flow, const std::string& title);

} // namespace septum::cli
