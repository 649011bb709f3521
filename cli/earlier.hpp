// SPDX-License-Identifier: Apache-2.0
// What an image was made from, remembered in the user's cache, so that a build without a change need not make it again.
// It says nothing about proofs: an earlier image is proved anew, from its bytes.
#pragma once

#include "build/build.hpp"
#include "cli/files.hpp"
#include "cli/target.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace septum::cli {

// Digests in hexadecimal.
struct Earlier {
    std::string inputs; // digest_of_inputs() of that time
    std::string image;  // of the file that came of them
};

// Over all that decides an image's bytes: this program, kernel, bundle, target, volume name, and the files of others that
// it is made with (build::made_with). Empty when one of them cannot be read: then nothing may be taken for unchanged.
[[nodiscard]] std::string digest_of_inputs(const Bytes& kernel, const build::Bytes& bundle, const std::string& volume,
                                           Target target);

// What was remembered of this file. Nothing when there is no such record, or someone else could have written it.
[[nodiscard]] std::optional<Earlier> recall(const std::filesystem::path& image);

// In $XDG_CACHE_HOME/septum or ~/.cache/septum, one small file for each place that images are written to. That it
// cannot be written is no failure: the next build is a whole one.
void remember(const std::filesystem::path& image, const Earlier& earlier);

} // namespace septum::cli
