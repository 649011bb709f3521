// SPDX-License-Identifier: Apache-2.0
// The kinds of image: what `septum build --target` makes, and what every command takes for an image.
#pragma once

#include "cli/files.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace septum::cli {

enum class Target { iso, disk, netboot };

[[nodiscard]] std::vector<std::string_view> target_names();
[[nodiscard]] std::string_view name(Target target);

// What `--target` was given (each word a name or several with commas), or what the suffix of `output` says when it was
// given nothing: `.img` a disk, `.tar` netboot, all else an ISO. Errors: a name that is none, with the nearest one.
[[nodiscard]] config::Outcome<std::vector<Target>> targets_of(const std::vector<std::string>& words,
                                                              const std::filesystem::path& output);

// Where the image of `target` goes: `output` itself for one target; else with the suffix `.iso`, `.img` or `.tar`.
[[nodiscard]] std::string output_for(const std::string& output, Target target, const std::vector<Target>& all);

// By its first bytes; a folder with `septum.elf` and `appliance.sep` in it is an unpacked netboot archive.
[[nodiscard]] std::optional<Target> target_of_image(const std::filesystem::path& file);
[[nodiscard]] bool looks_like_image(const std::filesystem::path& file);
// One of the suffixes of an image.
[[nodiscard]] bool named_like_image(const std::filesystem::path& file);

// The image's bytes; of a folder, those of the archive of its files.
[[nodiscard]] config::Outcome<Bytes> read_image_file(const std::filesystem::path& file);

} // namespace septum::cli
