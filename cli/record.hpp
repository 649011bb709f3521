// SPDX-License-Identifier: Apache-2.0
// A run as an asciicast (version 2), which players show at the speed at which it happened.
#pragma once

#include <string>
#include <string_view>

namespace septum::cli {

class Recording {
public:
    explicit Recording(std::size_t width);
    void add(double seconds, std::string_view text); // since the start; what was shown
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    std::string text_;
};

} // namespace septum::cli
