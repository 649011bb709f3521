// SPDX-License-Identifier: Apache-2.0
// Most of the witness's memory holds a pattern that nobody but itself may change; it looks at it a piece at a time.
#pragma once

#include <septum/types.hpp>

namespace septum::witness {

class Memory {
public:
    // The pattern's place: [4 MiB, `ram_size` − 1 MiB).
    explicit Memory(u64 ram_size);

    // Looks at the next piece. False: a word has changed; `changed()` says where.
    bool look();

    [[nodiscard]] u64 rounds() const { return rounds_; } // how often all of it has been looked at
    [[nodiscard]] u64 changed() const { return changed_; }

    // FNV-1a over what was read in the last whole round, and in the first.
    [[nodiscard]] u64 hash() const { return hash_; }
    [[nodiscard]] bool same_hash() const { return rounds_ < 2 || hash_ == first_hash_; }

private:
    u64 end_;
    u64 at_;
    u64 rounds_ = 0;
    u64 changed_ = 0;
    u64 running_;
    u64 hash_ = 0;
    u64 first_hash_ = 0;
};

} // namespace septum::witness
