// SPDX-License-Identifier: Apache-2.0
// Mutation that knows what a step is: adds whole exits that mean something, in the order in which a guest would bring
// them.
#include "step.hpp"

#include <algorithm>
#include <cstring>

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

using namespace septum;
using fuzz::kStepsAt;
using fuzz::Step;
using kernel::core::ExitKind;

class Random {
public:
    explicit Random(u32 seed) : state_(seed * 0x9E37'79B9'7F4A'7C15ULL + 1) {}
    u64 next() { // xorshift64*
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return state_ * 0x2545'F491'4F6C'DD1DULL;
    }
    u32 below(u32 limit) { return static_cast<u32>(next() >> 33) % limit; }

private:
    u64 state_;
};

Step make(Random& random, ExitKind kind) {
    Step step{};
    step.kind = static_cast<u8>(kind);
    step.width = static_cast<u8>(random.below(3));
    step.how = static_cast<u8>(random.next());
    step.flags = static_cast<u8>(random.below(16));
    step.address = random.next();
    step.value = random.next();
    for (u64& value : step.registers) {
        value = random.next();
    }
    for (u8& byte : step.code) {
        byte = static_cast<u8>(random.next());
    }
    return step;
}

// Shapes (fuzz_core.cpp): address by how % 6, value by how / 6 % 4.
constexpr u8 how(u32 address, u32 value) {
    return static_cast<u8>(address + 6 * value);
}
constexpr u8 kDoubleword = 2;

// One exit, or a few that belong together.
size_t append(Random& random, Step (&steps)[4]) {
    switch (random.below(6)) {
    case 0: // configuration space: address, then data
        steps[0] = make(random, ExitKind::port_out);
        steps[0].width = kDoubleword;
        steps[0].how = how(0, 1);
        steps[0].address = 12; // 0xCF8 among fuzz_core's places
        steps[1] = make(random, random.below(2) == 0 ? ExitKind::port_in : ExitKind::port_out);
        steps[1].how = how(0, random.below(4));
        steps[1].address = 13 + random.below(4);
        return 2;
    case 1: // an MSI-X entry: four words
        for (u32 i = 0; i < 4; i++) {
            steps[i] = make(random, ExitKind::memory);
            steps[i].how = how(5, i < 2 ? 0 : 2);
            steps[i].address = 4 * i + 16 * random.below(2);
            steps[i].code[13] = 1; // the access is as the instruction
            steps[i].code[15] = 0xE0;
        }
        steps[1].value = 0;
        steps[3].value = random.below(2);
        return 4;
    case 2: // any access to those pages
        steps[0] = make(random, ExitKind::memory);
        steps[0].how = how(4 + random.below(2), random.below(4));
        return 1;
    case 3: // mail
        steps[0] = make(random, ExitKind::nmi);
        steps[0].flags = 0x80;
        return 1;
    default:
        steps[0] = make(random, static_cast<ExitKind>(random.below(kernel::core::kExitKinds + 1)));
        return 1;
    }
}

} // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
    Random random(seed);
    if (random.below(4) == 0 || max_size < kStepsAt + 4 * sizeof(Step)) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    if (size < kStepsAt) {
        std::memset(data + size, 0, kStepsAt - size);
        size = kStepsAt;
    }
    Step steps[4];
    const size_t bytes = append(random, steps) * sizeof(Step);
    const size_t there = (size - kStepsAt) / sizeof(Step);
    const size_t at = kStepsAt + random.below(static_cast<u32>(there) + 1) * sizeof(Step);
    const bool replaces = random.below(3) == 0 && at + bytes <= size;
    if (!replaces) { // what is behind goes further, as far as there is room
        if (at + bytes > max_size) {
            return LLVMFuzzerMutate(data, size, max_size);
        }
        const size_t moved = std::min(size - at, max_size - at - bytes);
        std::memmove(data + at + bytes, data + at, moved);
        size = at + bytes + moved;
    }
    std::memcpy(data + at, steps, bytes);
    return size;
}
