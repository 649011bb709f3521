// SPDX-License-Identifier: Apache-2.0
// An appliance made of one partition, for tests that look at a single value.
#pragma once

#include "config/model.hpp"

#include <string>

namespace septum::config {

inline Loaded read(const std::string& text) {
    return load_text(text, "test.yaml", ".", {"", {std::filesystem::path(SEPTUM_SOURCE_DIR) / "config/boards"}});
}

// `fields` are lines of the partition; the first of them is line 6 of the file.
inline Loaded read_partition_with(const std::string& fields) {
    return read("septum: 1\nname: demo\nboard: qemu-q35\npartitions:\n  alpha:\n" + fields);
}

inline std::string said(const Loaded& loaded) {
    std::string out;
    for (const Diagnostic& diagnostic : loaded.diagnostics)
        out += render_short(diagnostic, loaded.sources);
    return out;
}

// The stretch of source text that a span covers, when it lies on one line.
inline std::string covered(const Loaded& loaded, const Span& span) {
    const std::string& text = loaded.sources.files.at(span.file).text;
    std::size_t start = 0;
    for (std::uint32_t line = 1; line < span.line; ++line)
        start = text.find('\n', start) + 1;
    return text.substr(start + span.column - 1, span.end_column - span.column);
}

} // namespace septum::config
