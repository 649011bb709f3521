// SPDX-License-Identifier: Apache-2.0
#include "cli/pattern.hpp"

#include <array>

namespace septum::cli {

Pattern::Pattern(std::string text) : text_(std::move(text)) {
    if (text_.size() < 3 || text_.front() != '/' || text_.back() != '/')
        return;
    auto compiled = std::make_unique<regex_t>();
    const int failure = ::regcomp(compiled.get(), text_.substr(1, text_.size() - 2).c_str(), REG_EXTENDED | REG_NOSUB);
    if (failure == 0) {
        compiled_ = std::shared_ptr<regex_t>(compiled.release(), [](regex_t* regex) {
            ::regfree(regex);
            delete regex;
        });
        return;
    }
    std::array<char, 128> why{};
    (void)::regerror(failure, compiled.get(), why.data(), why.size());
    error_ = why.data();
    if (!error_.empty() && error_[0] >= 'A' && error_[0] <= 'Z')
        error_[0] = static_cast<char>(error_[0] - 'A' + 'a');
}

bool Pattern::found_in(std::string_view line) const {
    if (compiled_ == nullptr)
        return line.find(text_) != std::string_view::npos;
    return ::regexec(compiled_.get(), std::string(line).c_str(), 0, nullptr, 0) == 0;
}

} // namespace septum::cli
