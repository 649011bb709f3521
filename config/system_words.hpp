// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <string>

namespace septum::config {

// What the system says of an error number (errno, or the value of an std::error_code of it), in our spelling:
// "no such file or directory".
[[nodiscard]] inline std::string system_words(int number) {
    std::string text = std::strerror(number);
    if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z')
        text[0] = static_cast<char>(text[0] - 'A' + 'a');
    return text;
}

} // namespace septum::config
