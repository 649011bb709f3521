// SPDX-License-Identifier: Apache-2.0
// Private temporary folders and the tools at work in them, gone afterwards whatever happens.
#pragma once

#include "config/source.hpp"

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace septum::build {

// A folder of our own (mode 0700) below $TMPDIR or /tmp, removed with everything in it by the destructor.
class Scratch {
public:
    [[nodiscard]] static config::Outcome<Scratch> make();
    Scratch(Scratch&& other) noexcept;
    Scratch& operator=(Scratch&&) = delete;
    ~Scratch();

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    explicit Scratch(std::filesystem::path path) : path_(std::move(path)) {}
    std::filesystem::path path_; // empty when moved from
};

// Writes the file anew (mode 0644). A failure, such as a full disk, is a diagnostic.
[[nodiscard]] std::vector<config::Diagnostic> write_scratch(const std::filesystem::path& file,
                                                            std::span<const std::uint8_t> bytes);
[[nodiscard]] config::Outcome<std::vector<std::uint8_t>> read_scratch(const std::filesystem::path& file);

// A program to run and the Debian package that has it.
struct Tool {
    std::vector<std::string> names; // looked for in PATH, in this order
    std::string package;
};

// Where it is; empty when it is not installed.
[[nodiscard]] std::filesystem::path find_tool(const Tool& tool);

// Runs it to its end, in an environment that is the same for everyone (locale, time zone, dates, no rc files).
// What it says is kept for the diagnostic. Errors: `build.tool-missing`, `build.tool-failed`.
[[nodiscard]] std::vector<config::Diagnostic> run_tool(const Tool& tool, const std::vector<std::string>& arguments,
                                                       const Scratch& scratch);

// For a program about to exit on a signal, from a thread of its own: kills the tools at work, removes every scratch
// folder, and keeps new ones from being made. Does not wait for destructors.
void abandon_scratch();

} // namespace septum::build
