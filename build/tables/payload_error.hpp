// SPDX-License-Identifier: Apache-2.0
// How every complaint about a payload file reads: the file first, then what is wrong with it.
#pragma once

#include "build/tables/guest_image.hpp"

#include <utility>

namespace septum::build {

[[nodiscard]] inline config::Diagnostic payload_error(std::string id, const NamedBytes& file, std::string message,
                                                      std::string label, std::string help) {
    config::Diagnostic d;
    d.id = std::move(id);
    d.message = "`" + file.path + "` " + std::move(message);
    d.primary = file.span;
    d.label = std::move(label);
    d.help = std::move(help);
    return d;
}

} // namespace septum::build
