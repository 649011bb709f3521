// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernel/boot/refusal.hpp"

#include <string>

namespace septum::kernel::boot {

// The line a person would read, without the newline.
inline std::string said(const Refusal& refusal) {
    char line[kLineSize];
    const u64 length = format(refusal, line);
    std::string text(line, length);
    if (!text.empty() && text.back() == '\n') {
        text.pop_back();
    }
    return text;
}

} // namespace septum::kernel::boot
