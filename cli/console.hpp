// SPDX-License-Identifier: Apache-2.0
// The serial line of a running appliance: one stream in which every line says whose it is.
#pragma once

#include "cli/pattern.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace septum::cli {

// A stream of bytes → lines fit for a terminal: escape sequences and control characters left out.
class LineReader {
public:
    // The lines that are whole by now.
    [[nodiscard]] std::vector<std::string> feed(std::string_view bytes);
    // What is left without an end; empty when nothing is.
    [[nodiscard]] std::string rest();

private:
    enum class State { text, escape, sequence };
    State state_ = State::text;
    std::string line_;
};

// Gives each speaker a colour of its own, in the order in which they first speak.
class Painter {
public:
    explicit Painter(bool color) : color_(color) {}
    // `[vault] ready` with the name painted; the kernel's own lines (`septum: …`) bold; others dim.
    [[nodiscard]] std::string paint(const std::string& line);

private:
    bool color_;
    std::map<std::string, std::size_t> speakers_;
};

// The name in front, `[name] `; empty when there is none.
[[nodiscard]] std::string_view speaker(std::string_view line);

// Patterns to wait for, in any order; one line may have several.
class Expectations {
public:
    explicit Expectations(const std::vector<std::string>& patterns) : missing_(patterns.begin(), patterns.end()) {}
    void see(std::string_view line);
    [[nodiscard]] std::vector<std::string> missing() const;

private:
    std::vector<Pattern> missing_;
};

} // namespace septum::cli
