// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/decoder.hpp"

namespace septum::kernel::core {

namespace {

constexpr u8 kRexW = 8;
constexpr u8 kRexR = 4;

class Reader {
public:
    explicit Reader(const Instruction& instruction) : instruction_(instruction) {}

    // The next byte; zero where there is none, which whole() tells.
    u8 take() {
        const u32 at = at_;
        at_++;
        return at < kMaxInstruction ? instruction_.bytes[at] : 0;
    }
    // A little-endian number of 1, 2 or 4 bytes.
    u32 take(u32 bytes) {
        u32 value = 0;
        for (u32 i = 0; i < 4; i++) {
            if (i >= bytes) {
                break;
            }
            value |= u32{take()} << 8 * i;
        }
        return value;
    }
    void skip(u32 bytes) { at_ += bytes; }
    [[nodiscard]] u8 length() const { return static_cast<u8>(at_); }
    // Everything taken was there.
    [[nodiscard]] bool whole() const { return at_ <= instruction_.count && at_ <= kMaxInstruction; }

private:
    const Instruction& instruction_;
    u32 at_ = 0;
};

// What goes before the opcode (APM 3 §1.2).
struct Prefixes {
    u8 opcode = 0;
    u8 rex = 0; // the whole byte; 0: none
    bool operand = false;
    bool address = false;
};

// A REX stands right before the opcode. One that is followed by another prefix would not count; no compiler makes that, and
// it is refused, as its second byte is no opcode of a move.
Prefixes read_prefixes(Reader& reader, CodeMode mode) {
    Prefixes found;
    for (u32 i = 0; i < kMaxInstruction; i++) {
        const u8 byte = reader.take();
        if (byte > 0x67 || byte == 0x0F) { // no prefix that counts here
            found.opcode = byte;
            return found;
        }
        if (mode == CodeMode::bits64 && (byte & 0xF0) == 0x40) {
            found.rex = byte;
            found.opcode = reader.take();
            return found;
        }
        switch (byte) {
        case 0x66: found.operand = true; break;
        case 0x67: found.address = true; break;
        case 0x26:
        case 0x2E:
        case 0x36:
        case 0x3E:
        case 0x64:
        case 0x65: break;
        default: return found;
        }
    }
    return found; // opcode 0: no MOV
}

u8 operand_bytes(CodeMode mode, const Prefixes& prefixes) {
    if ((prefixes.rex & kRexW) != 0) {
        return 8;
    }
    const bool shorter = mode == CodeMode::bits16 ? !prefixes.operand : prefixes.operand;
    return shorter ? 2 : 4;
}

u8 address_bytes(CodeMode mode, const Prefixes& prefixes) {
    switch (mode) {
    case CodeMode::bits64: return prefixes.address ? 4 : 8;
    case CodeMode::bits32: return prefixes.address ? 2 : 4;
    default: return prefixes.address ? 4 : 2;
    }
}

// The ModRM byte with what belongs to it, SIB and displacement (APM 3 §1.4). False when it names a register.
bool skip_operand(Reader& reader, u8 modrm, u8 address) {
    const u8 mod = modrm >> 6;
    const u8 rm = modrm & 7;
    if (mod == 3) {
        return false;
    }
    if (address == 2) {
        reader.skip(mod == 0 ? (rm == 6 ? 2 : 0) : mod);
        return true;
    }
    const u8 base = rm == 4 ? reader.take() & 7 : rm;
    reader.skip(mod == 0 ? (base == 5 ? 4 : 0) : mod == 1 ? 1 : 4);
    return true;
}

void name_register(Mov& mov, const Prefixes& prefixes, u8 modrm, u8 register_width) {
    const u8 number = modrm >> 3 & 7;
    mov.reg = number;
    if (prefixes.rex != 0) {
        mov.reg = static_cast<u8>(number | ((prefixes.rex & kRexR) != 0 ? 8 : 0));
    } else if (register_width == 1 && number >= 4) { // AH, CH, DH, BH
        mov.reg = number & 3;
        mov.high = true;
    }
}

u64 sign_extend(u32 value, u32 bytes) {
    const u32 unused = 64 - 8 * bytes;
    return static_cast<u64>(static_cast<int64_t>(u64{value} << unused) >> unused);
}

bool is_same(const Instruction& a, const Instruction& b) {
    u64 words[2][3];
    __builtin_memcpy(words[0], &a, sizeof a);
    __builtin_memcpy(words[1], &b, sizeof b);
    return words[0][0] == words[1][0] && words[0][1] == words[1][1] && words[0][2] == words[1][2];
}

} // namespace

bool decode(const Instruction& instruction, Mov& mov) {
    Reader reader(instruction);
    const Prefixes prefixes = read_prefixes(reader, instruction.mode);
    const u8 operand = operand_bytes(instruction.mode, prefixes);
    const u8 address = address_bytes(instruction.mode, prefixes);
    u8 opcode = prefixes.opcode;
    const bool extends = opcode == 0x0F;
    if (extends) {
        opcode = reader.take();
        if (opcode != 0xB6 && opcode != 0xB7) {
            return false;
        }
    }
    mov = {};
    const u8 wide = (opcode & 1) != 0 ? operand : 1; // bit 0 of all these opcodes: the full operand, not one byte
    mov.width = wide;
    mov.target_width = wide;
    switch (opcode) {
    case 0xB6:
    case 0xB7:
        if (!extends) {
            return false;
        }
        mov.width = opcode == 0xB6 ? 1 : 2;
        mov.target_width = operand;
        [[fallthrough]];
    case 0x88:
    case 0x89:
    case 0x8A:
    case 0x8B: {
        const u8 modrm = reader.take();
        mov.store = opcode < 0x8A;
        name_register(mov, prefixes, modrm, mov.target_width);
        if (!skip_operand(reader, modrm, address)) {
            return false;
        }
        break;
    }
    case 0xA0:
    case 0xA1:
    case 0xA2:
    case 0xA3: // to and from AL, AX, EAX, RAX
        mov.store = opcode >= 0xA2;
        reader.skip(address);
        break;
    case 0xC6:
    case 0xC7: {
        const u8 modrm = reader.take();
        if ((modrm & 0x38) != 0 || !skip_operand(reader, modrm, address)) {
            return false;
        }
        const u32 bytes = wide == 8 ? 4 : wide;
        mov.store = true;
        mov.has_immediate = true;
        mov.immediate = sign_extend(reader.take(bytes), bytes);
        break;
    }
    default: return false;
    }
    mov.length = reader.length();
    return reader.whole();
}

bool decode_again(const Instruction& instruction, Decoded& last) {
    if (last.mov.length == 0 || !is_same(instruction, last.instruction)) {
        last.instruction = instruction;
        last.mov.length = decode(instruction, last.mov) ? last.mov.length : u8{0};
    }
    return last.mov.length != 0;
}

} // namespace septum::kernel::core
