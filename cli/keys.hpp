// SPDX-License-Identifier: Apache-2.0
// Keys of the terminal, one at a time and without an echo, while this object lives.
#pragma once

#include "cli/interrupt.hpp"

#include <cstddef>
#include <termios.h>

namespace septum::cli {

class Keys {
public:
    // Does nothing unless standard input and output are both a terminal of ours. Ctrl-C stays Ctrl-C.
    Keys();
    Keys(const Keys&) = delete;
    Keys& operator=(const Keys&) = delete;
    ~Keys();

    [[nodiscard]] int input() const { return input_; } // to poll; -1: there are none
    [[nodiscard]] char read() const;                   // 0 when there is none

private:
    int input_ = -1;
    termios before_ = {};
    Undo undo_; // made last: it needs the others
};

[[nodiscard]] std::size_t screen_width(); // of standard output, else of COLUMNS, else 120

} // namespace septum::cli
