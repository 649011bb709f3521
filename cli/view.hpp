// SPDX-License-Identifier: Apache-2.0
// The consoles of a running appliance on one screen: all in one stream, one at a time, or side by side.
#pragma once

#include "cli/console.hpp"

#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace septum::cli {

class View {
public:
    // `width`: columns of the screen. Begins with all consoles in one stream.
    View(Painter painter, std::size_t width) : painter_(std::move(painter)), width_(width) {}

    // What to print for a line of the serial line; empty when this view does not show it.
    [[nodiscard]] std::string show(const std::string& line);
    // A key that was pressed: `0` all, `1` to `9` one of them, in the order in which they first spoke; `c` side by
    // side; `?` the keys. What to print: whose console it is now, with its last lines. Empty for every other key.
    [[nodiscard]] std::string key(char key);
    // The same by name: `all`, `columns`, `septum` (the kernel) or a partition's.
    [[nodiscard]] std::string choose(const std::string& name);

private:
    static constexpr std::size_t kKept = 200; // lines of each console, to show when it is switched to

    struct Console {
        std::string name; // "septum": the kernel, and what was said before it
        std::deque<std::string> lines;
    };

    std::size_t console_of(const std::string& line);
    [[nodiscard]] std::string in_column(std::size_t console, const std::string& line);
    [[nodiscard]] std::string heading() const;

    Painter painter_;
    std::size_t width_;
    std::string shown_ = "all";
    std::vector<Console> consoles_ = {{"septum", {}}};
};

} // namespace septum::cli
