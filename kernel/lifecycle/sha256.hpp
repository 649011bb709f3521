// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4 §6.2): incremental, constant memory, no allocation. Compiled for the kernel and the host.
//
// Where the CPU has the SHA instructions they are used, and with them XMM0 to XMM8, which are left zero. So this is for
// a CPU that holds no vector registers still needed: at boot, and while a partition is loaded by its own CPU.
#pragma once

#include <septum/manifest/manifest.hpp>
#include <septum/types.hpp>

namespace septum::kernel {

class Sha256 {
public:
    Sha256();

    // Without looking at what the CPU has; for tests.
    explicit Sha256(bool with_instructions) : with_instructions_(with_instructions) {}
    [[nodiscard]] static bool has_instructions();

    // Takes the next `bytes` bytes of the message; any number, any alignment.
    void update(const void* data, u64 bytes);

    // The digest of everything taken so far. The object is spent afterwards.
    [[nodiscard]] manifest::Digest finish();

private:
    void compress(const u8* blocks, u64 count);

    u32 state_[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    bool with_instructions_;
    u64 length_ = 0; // bytes taken
    u8 pending_[64] = {};
};

} // namespace septum::kernel
