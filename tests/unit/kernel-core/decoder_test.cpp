// SPDX-License-Identifier: Apache-2.0
// Encodings made by hand from APM 3 (MOV, MOVZX; §1.2 – §1.4). decoder_llvm.py asks somebody else.
#include "kernel/core/decoder.hpp"
#include "kernel/core/state.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace septum::kernel::core {
namespace {

constexpr CodeMode k16 = CodeMode::bits16;
constexpr CodeMode k32 = CodeMode::bits32;
constexpr CodeMode k64 = CodeMode::bits64;

bool decode_bytes(CodeMode mode, const std::vector<u8>& bytes, Mov& mov) {
    Instruction instruction;
    instruction.mode = mode;
    instruction.count = static_cast<u8>(std::min<size_t>(bytes.size(), kMaxInstruction));
    std::copy_n(bytes.begin(), instruction.count, instruction.bytes);
    return decode(instruction, mov);
}

struct Known {
    CodeMode mode;
    std::vector<u8> bytes;
    const char* text;
    bool store;
    u8 width, target_width, reg;
    bool high = false;
    bool has_immediate = false;
    u64 immediate = 0;
};

const Known kKnown[] = {
    {k64, {0x8B, 0x07}, "mov (%rdi),%eax", false, 4, 4, kRax},
    {k64, {0x48, 0x8B, 0x07}, "mov (%rdi),%rax", false, 8, 8, kRax},
    {k64, {0x66, 0x8B, 0x07}, "mov (%rdi),%ax", false, 2, 2, kRax},
    {k64, {0x66, 0x48, 0x8B, 0x07}, "REX.W wins over 66", false, 8, 8, kRax},
    {k64, {0x89, 0x14, 0x25, 0, 0, 0, 0xE0}, "mov %edx,0xe0000000", true, 4, 4, kRdx},
    {k64, {0x44, 0x89, 0x7C, 0x8B, 0x10}, "mov %r15d,0x10(%rbx,%rcx,4)", true, 4, 4, kR15},
    {k64, {0x4D, 0x89, 0xA5, 0, 1, 0, 0}, "mov %r12,0x100(%r13)", true, 8, 8, kR12},
    {k64, {0x89, 0x05, 1, 2, 3, 4}, "mov %eax,0x4030201(%rip)", true, 4, 4, kRax},
    {k64, {0x41, 0x8B, 0x04, 0x24}, "mov (%r12),%eax", false, 4, 4, kRax},
    {k64, {0x43, 0x8B, 0x44, 0xB5, 0x00}, "mov 0(%r13,%r14,4),%eax", false, 4, 4, kRax},
    {k64, {0x8B, 0x04, 0x6D, 0, 0, 0, 0}, "mov 0(,%rbp,2),%eax", false, 4, 4, kRax},
    {k64, {0x88, 0x27}, "mov %ah,(%rdi)", true, 1, 1, kRax, true},
    {k64, {0x40, 0x88, 0x27}, "mov %spl,(%rdi)", true, 1, 1, kRsp},
    {k64, {0x44, 0x8A, 0x17}, "mov (%rdi),%r10b", false, 1, 1, kR10},
    {k64, {0x8A, 0x3F}, "mov (%rdi),%bh", false, 1, 1, kRbx, true},
    {k64, {0x0F, 0xB6, 0x0F}, "movzbl (%rdi),%ecx", false, 1, 4, kRcx},
    {k64, {0x48, 0x0F, 0xB6, 0x0F}, "movzbq (%rdi),%rcx", false, 1, 8, kRcx},
    {k64, {0x66, 0x0F, 0xB6, 0x27}, "movzbw (%rdi),%sp: no AH here", false, 1, 2, kRsp},
    {k64, {0x45, 0x0F, 0xB7, 0x0E}, "movzwl (%r14),%r9d", false, 2, 4, kR9},
    {k64,
     {0xC7, 0x07, 0x78, 0x56, 0x34, 0x92},
     "movl $0x92345678,(%rdi)",
     true,
     4,
     4,
     0,
     false,
     true,
     0xFFFF'FFFF'9234'5678},
    {k64, {0x48, 0xC7, 0x07, 0xFF, 0xFF, 0xFF, 0xFF}, "movq $-1,(%rdi)", true, 8, 8, 0, false, true, ~0ULL},
    {k64, {0x66, 0xC7, 0x47, 0x02, 0x34, 0x12}, "movw $0x1234,2(%rdi)", true, 2, 2, 0, false, true, 0x1234},
    {k64, {0xC6, 0x47, 0x0C, 0x01}, "movb $1,0xc(%rdi)", true, 1, 1, 0, false, true, 1},
    {k64, {0xA1, 1, 2, 3, 4, 5, 6, 7, 8}, "movabs 0x807060504030201,%eax", false, 4, 4, kRax},
    {k64, {0x48, 0xA3, 1, 2, 3, 4, 5, 6, 7, 8}, "movabs %rax,...", true, 8, 8, kRax},
    {k64, {0x67, 0xA0, 1, 2, 3, 4}, "addr32 mov 0x4030201,%al", false, 1, 1, kRax},
    {k64, {0x65, 0x8B, 0x00}, "mov %gs:(%rax),%eax", false, 4, 4, kRax},
    {k64, {0x67, 0x8B, 0x00}, "mov (%eax),%eax", false, 4, 4, kRax},
    {k32, {0x8B, 0x0D, 0, 0x20, 0, 0xE0}, "mov 0xe0002000,%ecx", false, 4, 4, kRcx},
    {k32, {0x66, 0x89, 0x4C, 0x24, 0x04}, "mov %cx,4(%esp)", true, 2, 2, kRcx},
    {k32, {0x67, 0x8B, 0x0E, 0x34, 0x12}, "mov 0x1234,%ecx", false, 4, 4, kRcx},
    {k32, {0xA3, 0, 0, 0, 0xE0}, "mov %eax,0xe0000000", true, 4, 4, kRax},
    {k32, {0x88, 0x73, 0x01}, "mov %dh,1(%ebx)", true, 1, 1, kRdx, true},
    {k16, {0x8B, 0x07}, "mov (%bx),%ax", false, 2, 2, kRax},
    {k16, {0x66, 0x67, 0x89, 0x48, 0x04}, "mov %ecx,4(%eax)", true, 4, 4, kRcx},
    {k16, {0x89, 0x8F, 0x34, 0x12}, "mov %cx,0x1234(%bx)", true, 2, 2, kRcx},
    {k16, {0xC7, 0x06, 0, 1, 0x34, 0x12}, "movw $0x1234,0x100", true, 2, 2, 0, false, true, 0x1234},
    {k16, {0x66, 0xC7, 0x06, 0, 1, 1, 2, 3, 4}, "movl $0x4030201,0x100", true, 4, 4, 0, false, true, 0x0403'0201},
};

TEST(Decoder, KnowsTheMoves) {
    for (const Known& known : kKnown) {
        Mov mov;
        ASSERT_TRUE(decode_bytes(known.mode, known.bytes, mov)) << known.text;
        EXPECT_EQ(mov.length, known.bytes.size()) << known.text;
        EXPECT_EQ(mov.store, known.store) << known.text;
        EXPECT_EQ(mov.width, known.width) << known.text;
        EXPECT_EQ(mov.target_width, known.target_width) << known.text;
        EXPECT_EQ(mov.reg, known.reg) << known.text;
        EXPECT_EQ(mov.high, known.high) << known.text;
        EXPECT_EQ(mov.has_immediate, known.has_immediate) << known.text;
        EXPECT_EQ(mov.immediate, known.immediate) << known.text;
    }
}

TEST(Decoder, NeedsEveryByte) {
    for (const Known& known : kKnown) {
        std::vector<u8> bytes = known.bytes;
        Mov mov;
        while (!bytes.empty()) {
            bytes.pop_back();
            EXPECT_FALSE(decode_bytes(known.mode, bytes, mov)) << known.text << " cut to " << bytes.size();
        }
    }
}

TEST(Decoder, LeavesWhatFollowsAlone) {
    for (const Known& known : kKnown) {
        std::vector<u8> bytes = known.bytes;
        bytes.resize(kMaxInstruction, 0x66);
        Mov mov;
        ASSERT_TRUE(decode_bytes(known.mode, bytes, mov)) << known.text;
        EXPECT_EQ(mov.length, known.bytes.size()) << known.text;
    }
}

TEST(Decoder, IsNoLongerThanFifteenBytes) {
    std::vector<u8> bytes(13, 0x66);
    bytes.insert(bytes.end(), {0x8B, 0x07});
    Mov mov;
    EXPECT_TRUE(decode_bytes(k64, bytes, mov)); // fifteen
    EXPECT_EQ(mov.length, 15);
    bytes.insert(bytes.begin(), 0x66);
    EXPECT_FALSE(decode_bytes(k64, bytes, mov));
    EXPECT_FALSE(decode_bytes(k64, std::vector<u8>(15, 0x66), mov));
}

TEST(Decoder, RefusesTheRest) {
    const struct {
        CodeMode mode;
        std::vector<u8> bytes;
        const char* text;
    } others[] = {
        {k64, {0x8B, 0xC7}, "mov %edi,%eax: no memory"},
        {k64, {0xC7, 0xC7, 0, 0, 0, 0}, "mov $0,%edi: no memory"},
        {k64, {0xC7, 0x0F, 0, 0, 0, 0}, "C7 /1"},
        {k64, {0xC6, 0xF8, 0x00}, "xabort"},
        {k64, {0xC7, 0xF8, 0, 0, 0, 0}, "xbegin"},
        {k64, {0xF0, 0x89, 0x07}, "lock mov"},
        {k64, {0xF3, 0x89, 0x07}, "rep mov"},
        {k64, {0xF2, 0xC7, 0x07, 0, 0, 0, 0}, "xacquire mov"},
        {k64, {0x01, 0x07}, "add %eax,(%rdi)"},
        {k64, {0x87, 0x07}, "xchg"},
        {k64, {0xA4}, "movsb"},
        {k64, {0xAB}, "stosl"},
        {k64, {0x8C, 0x07}, "mov %es,(%rdi)"},
        {k64, {0x8E, 0x07}, "mov (%rdi),%es"},
        {k64, {0x63, 0x07}, "movslq"},
        {k64, {0xB6, 0x07}, "mov $7,%dh"},
        {k64, {0xB7, 0x07}, "mov $7,%bh"},
        {k64, {0x0F, 0xBE, 0x07}, "movsbl"},
        {k64, {0x0F, 0xC3, 0x07}, "movnti"},
        {k64, {0x0F, 0x11, 0x07}, "movups"},
        {k64, {0x0F, 0x8B, 0, 0, 0, 0}, "jnp"},
        {k64, {0x0F, 0xA1}, "pop %fs"},
        {k64, {0xC5, 0xF8, 0x10, 0x07}, "vmovups"},
        {k64, {0x0F, 0x38, 0xF0, 0x07}, "movbe"},
        {k64, {0xFF, 0x37}, "push (%rdi)"},
        {k64, {0x48, 0x66, 0x8B, 0x07}, "a REX before another prefix"},
        {k64, {0x48, 0x48, 0x8B, 0x07}, "two REX"},
        {k32, {0x48, 0x8B, 0x07}, "dec %eax, and then a mov"},
        {k16, {0xFF, 0x07}, "incw (%bx)"},
    };
    for (const auto& other : others) {
        Mov mov;
        EXPECT_FALSE(decode_bytes(other.mode, other.bytes, mov)) << other.text;
    }
}

// Nothing that a remembered instruction differs in is overlooked.
TEST(Decoder, AgainIsAsAnew) {
    const Instruction moves[] = {{{0x89, 0x07}, 15, k64}, {{0x8B, 0x07}, 15, k64}, {{0xC7, 0x07, 1}, 15, k64}};
    for (const Instruction& first : moves) {
        Decoded last;
        ASSERT_TRUE(decode_again(first, last));
        std::vector<Instruction> others{first};
        for (u32 i = 0; i < kMaxInstruction; i++) {
            for (u32 bit = 0; bit < 8; bit++) {
                others.push_back(first);
                others.back().bytes[i] ^= static_cast<u8>(1u << bit);
            }
        }
        for (u8 count = 0; count < kMaxInstruction; count++) {
            others.push_back(first);
            others.back().count = count;
        }
        for (const CodeMode mode : {k16, k32}) {
            others.push_back(first);
            others.back().mode = mode;
        }
        for (const Instruction& other : others) {
            Mov anew;
            Decoded again = last;
            ASSERT_EQ(decode_again(other, again), decode(other, anew));
            ASSERT_EQ(decode_again(other, again), decode(other, anew)); // what is no move leaves nothing behind
            if (decode(other, anew)) {
                EXPECT_TRUE(again.mov == anew);
            }
        }
    }
}

} // namespace
} // namespace septum::kernel::core
