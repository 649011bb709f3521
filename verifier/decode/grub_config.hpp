// SPDX-License-Identifier: Apache-2.0
// grub.cfg: which files the boot path loads, exactly. Only plain commands are understood; everything that could
// compute a name or load something else is listed as not understood.
#pragma once

#include "verifier/decode/bytes.hpp"

namespace septum::verifier::decode {

struct GrubCommand {
    std::uint32_t line = 0; // from 1
    std::vector<std::string> words;
};

struct GrubConfig {
    std::vector<GrubCommand> commands; // all, in order
    std::vector<GrubCommand> kernels;  // `multiboot2 PATH ARGS…`
    std::vector<GrubCommand> modules;  // `module2 PATH ARGS…`
    bool boots = false;                // the last command is `boot`
    Defects defects;                   // unknown commands and constructs; address: line
};

[[nodiscard]] GrubConfig decode_grub_config(ByteSpan text);

} // namespace septum::verifier::decode
