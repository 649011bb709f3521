// SPDX-License-Identifier: Apache-2.0
// From a model to the bytes that ship. Pure but for reading payload files: the same input gives the same bytes.
#pragma once

#include "build/plan/plan.hpp"
#include "config/model.hpp"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace septum::build {

using Bytes = std::vector<std::uint8_t>;

// A payload file as it lies on disk, read once.
struct PayloadFile {
    std::string path; // as written in the model
    Bytes bytes;
};

// Reads every payload the model names: relative paths are looked for in the model's directory, then in each of
// `extra_dirs`. Missing and unreadable files are diagnostics with the place that names them.
[[nodiscard]] config::Outcome<std::vector<PayloadFile>>
read_payloads(const config::Model& model, const std::vector<std::filesystem::path>& extra_dirs);

// The plan alone, cheaply. Without a kernel (`kernel` empty) the whole window of the kernel is kept for it; payloads
// that are not given are counted as nothing: the bundle is then planned smaller, everything else the same.
[[nodiscard]] config::Outcome<Plan> make_plan(const config::Model& model, std::span<const std::uint8_t> kernel,
                                              const std::vector<PayloadFile>& payloads);

// What the kernel boots from, before it is put into an image.
struct Bundle {
    Plan plan;
    Bytes bytes;      // manifest | tables | payload segments, as septum/manifest/manifest.hpp describes
    std::string lock; // septum.lock: the plan as text, sorted, for people and diffs
};

// Plans and encodes. `kernel` is the kernel's ELF. Errors: what does not fit or is not what it claims to be.
[[nodiscard]] config::Outcome<Bundle> make_bundle(const config::Model& model, std::span<const std::uint8_t> kernel,
                                                  const std::vector<PayloadFile>& payloads);

} // namespace septum::build
