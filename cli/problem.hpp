// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/source.hpp"

#include <string>
#include <utility>

namespace septum::cli {

// An error that points at no line of a file. `help` says how to mend it, where there is something to say.
[[nodiscard]] inline config::Diagnostic problem(std::string id, std::string message, std::string help = {}) {
    config::Diagnostic diagnostic;
    diagnostic.id = std::move(id);
    diagnostic.message = std::move(message);
    diagnostic.help = std::move(help);
    return diagnostic;
}

} // namespace septum::cli
