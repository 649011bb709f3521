// SPDX-License-Identifier: Apache-2.0
// The decoder behind a pipe, for decoder_llvm.py: reads lines `16|32|64 HEXBYTES`, writes for each `none` or
// `LENGTH load|store WIDTH TARGET_WIDTH REGISTER HIGH immediate|register IMMEDIATE`.
#include "kernel/core/decoder.hpp"

#include <cstdio>
#include <iostream>
#include <string>

using namespace septum;
using namespace septum::kernel::core;

int main() {
    std::string mode;
    std::string hex;
    while (std::cin >> mode >> hex) {
        Instruction instruction;
        instruction.mode = mode == "16" ? CodeMode::bits16 : mode == "32" ? CodeMode::bits32 : CodeMode::bits64;
        for (std::size_t i = 0; i + 1 < hex.size() && instruction.count < kMaxInstruction; i += 2) {
            instruction.bytes[instruction.count] = static_cast<u8>(std::stoul(hex.substr(i, 2), nullptr, 16));
            instruction.count++;
        }
        Mov mov;
        if (!decode(instruction, mov)) {
            std::puts("none");
            continue;
        }
        std::printf("%d %s %d %d %d %d %s %llu\n", mov.length, mov.store ? "store" : "load", mov.width,
                    mov.target_width, mov.reg, mov.high ? 1 : 0, mov.has_immediate ? "immediate" : "register",
                    static_cast<unsigned long long>(mov.immediate));
    }
    return 0;
}
