// SPDX-License-Identifier: Apache-2.0
// What an image was made from, remembered in the user's cache, so that a build without a change need not make it again.
// It says nothing about proofs: an earlier image is proved anew, from its bytes.
#pragma once

#include "build/build.hpp"
#include "cli/files.hpp"
#include "cli/target.hpp"

#include <filesystem>
#include <future>
#include <optional>
#include <string>

namespace septum::cli {

// Digests in hexadecimal.
struct Earlier {
    std::string inputs; // digest_of_inputs() of that time
    std::string image;  // of the file that came of them
};

// Over this program and the files of others that images are made with (build::made_with), which say nothing of any
// appliance: begun in a thread of its own, so that the appliance can be read meanwhile. Empty when a file cannot be
// read.
[[nodiscard]] std::shared_future<std::string> begin_digest_of_tools();

// Over all that decides an image's bytes: tools, kernel, bundle, target and volume name. Empty when that of the tools
// is: then nothing may be taken for unchanged.
[[nodiscard]] std::string digest_of_inputs(const std::string& tools, const Bytes& kernel, const build::Bytes& bundle,
                                           const std::string& volume, Target target);

// What was remembered of this file. Nothing when there is no such record, or someone else could have written it.
[[nodiscard]] std::optional<Earlier> recall(const std::filesystem::path& image);

// In $XDG_CACHE_HOME/septum or ~/.cache/septum, one small file for each place that images are written to. That it
// cannot be written is no failure: the next build is a whole one.
void remember(const std::filesystem::path& image, const Earlier& earlier);

} // namespace septum::cli
