// SPDX-License-Identifier: Apache-2.0
#include "cli/keys.hpp"

#include "cli/number.hpp"

#include <cstdlib>
#include <sys/ioctl.h>
#include <unistd.h>

namespace septum::cli {

Keys::Keys()
    : undo_([this]() -> std::function<void()> {
          if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDOUT_FILENO) != 1 || ::tcgetpgrp(STDIN_FILENO) != ::getpgrp() ||
              ::tcgetattr(STDIN_FILENO, &before_) != 0)
              return nullptr;
          termios now = before_;
          now.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
          now.c_cc[VMIN] = 0;
          now.c_cc[VTIME] = 0;
          if (::tcsetattr(STDIN_FILENO, TCSANOW, &now) != 0)
              return nullptr;
          input_ = STDIN_FILENO;
          return [before = before_] { ::tcsetattr(STDIN_FILENO, TCSANOW, &before); };
      }) {}

Keys::~Keys() {
    undo_.dismiss([this] {
        if (input_ >= 0)
            ::tcsetattr(input_, TCSANOW, &before_);
    });
}

char Keys::read() const {
    char key = 0;
    return ::read(input_, &key, 1) == 1 ? key : '\0';
}

std::size_t screen_width() {
    winsize size = {};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
        return size.ws_col;
    const char* const columns = std::getenv("COLUMNS");
    const auto width = parse_number(columns == nullptr ? "" : columns);
    return width && *width >= 20 && *width <= 10000 ? static_cast<std::size_t>(*width) : 120;
}

} // namespace septum::cli
