// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/lzma.hpp"

#include <algorithm>

namespace septum::verifier::decode {

namespace {

constexpr unsigned kLiteralContextBits = 3; // lc; lp is 0
constexpr unsigned kPositionStates = 4;     // 1 << pb
constexpr unsigned kStates = 12;
constexpr unsigned kMatchMinimum = 2;
constexpr unsigned kAlignBits = 4;
constexpr unsigned kEndPosModel = 14;
constexpr unsigned kFullDistances = 128;
constexpr unsigned kProbabilityBits = 11;
constexpr unsigned kMoveBits = 5;

using Probability = std::uint16_t;
constexpr Probability kEven = 1 << (kProbabilityBits - 1);

// The range decoder. Behind the stream's end it reads zeros and remembers that it did.
class Range {
public:
    explicit Range(ByteSpan in) : in_(in) {
        good_ = !in.empty() && in[0] == 0;
        at_ = 1;
        for (int i = 0; i < 4; ++i) {
            code_ = code_ << 8 | byte();
        }
    }

    unsigned bit(Probability& probability) {
        const std::uint32_t bound = (range_ >> kProbabilityBits) * probability;
        unsigned out = 0;
        if (code_ < bound) {
            range_ = bound;
            probability =
                static_cast<Probability>(probability + (((1U << kProbabilityBits) - probability) >> kMoveBits));
        } else {
            range_ -= bound;
            code_ -= bound;
            probability = static_cast<Probability>(probability - (probability >> kMoveBits));
            out = 1;
        }
        normalize();
        return out;
    }

    std::uint32_t direct(unsigned count) {
        std::uint32_t out = 0;
        for (; count > 0; --count) {
            range_ >>= 1;
            const bool one = code_ >= range_;
            code_ -= one ? range_ : 0;
            out = out << 1 | (one ? 1U : 0U);
            normalize();
        }
        return out;
    }

    // `probabilities` has 1 << bits of them.
    unsigned tree(Probability* probabilities, unsigned bits) {
        unsigned m = 1;
        for (unsigned i = 0; i < bits; ++i) {
            m = m << 1 | bit(probabilities[m]);
        }
        return m - (1U << bits);
    }
    unsigned reverse_tree(Probability* probabilities, unsigned bits) {
        unsigned m = 1;
        unsigned out = 0;
        for (unsigned i = 0; i < bits; ++i) {
            const unsigned b = bit(probabilities[m]);
            m = m << 1 | b;
            out |= b << i;
        }
        return out;
    }

    [[nodiscard]] bool good() const { return good_; }

private:
    void normalize() {
        if (range_ < 1U << 24) {
            range_ <<= 8;
            code_ = code_ << 8 | byte();
        }
    }
    std::uint32_t byte() {
        if (at_ >= in_.size()) {
            good_ = false;
            return 0;
        }
        return in_[at_++];
    }

    ByteSpan in_;
    std::size_t at_ = 0;
    std::uint32_t range_ = 0xFFFF'FFFF;
    std::uint32_t code_ = 0;
    bool good_ = true;
};

template <typename Table>
void reset(Table& table) {
    std::fill(table.begin(), table.end(), kEven);
}

struct Lengths {
    Probability choice = kEven;
    Probability choice2 = kEven;
    std::array<Probability, std::size_t{kPositionStates} * 8> low{};
    std::array<Probability, std::size_t{kPositionStates} * 8> middle{};
    std::array<Probability, 256> high{};

    Lengths() {
        reset(low);
        reset(middle);
        reset(high);
    }
    unsigned decode(Range& range, unsigned position) {
        if (range.bit(choice) == 0) {
            return range.tree(&low[std::size_t{position} * 8], 3);
        }
        if (range.bit(choice2) == 0) {
            return 8 + range.tree(&middle[std::size_t{position} * 8], 3);
        }
        return 16 + range.tree(high.data(), 8);
    }
};

class Decoder {
public:
    explicit Decoder(ByteSpan in) : range_(in), literals_(std::size_t{0x300} << kLiteralContextBits, kEven) {
        reset(is_match_);
        reset(is_rep_);
        reset(is_rep_g0_);
        reset(is_rep_g1_);
        reset(is_rep_g2_);
        reset(is_rep0_long_);
        reset(slots_);
        reset(special_);
        reset(align_);
    }

    std::optional<std::vector<std::uint8_t>> run(std::uint64_t size) {
        out_.reserve(size);
        while (out_.size() < size) {
            if (!range_.good() || !step(size)) {
                return std::nullopt;
            }
        }
        return range_.good() ? std::optional(std::move(out_)) : std::nullopt;
    }

private:
    bool step(std::uint64_t size) {
        const auto position = static_cast<unsigned>(out_.size() % kPositionStates);
        const std::size_t at = std::size_t{state_} * kPositionStates + position;
        if (range_.bit(is_match_[at]) == 0) {
            literal();
            state_ = state_ < 4 ? 0 : state_ < 10 ? state_ - 3 : state_ - 6;
            return true;
        }
        unsigned length = 0;
        if (range_.bit(is_rep_[state_]) != 0) {
            if (out_.empty()) {
                return false;
            }
            if (range_.bit(is_rep_g0_[state_]) == 0) {
                if (range_.bit(is_rep0_long_[at]) == 0) {
                    state_ = state_ < 7 ? 9 : 11;
                    return copy(1, size);
                }
            } else {
                repeat_older();
            }
            length = rep_lengths_.decode(range_, position);
            state_ = state_ < 7 ? 8 : 11;
        } else {
            distance_[3] = distance_[2];
            distance_[2] = distance_[1];
            distance_[1] = distance_[0];
            length = lengths_.decode(range_, position);
            state_ = state_ < 7 ? 7 : 10;
            distance_[0] = distance(length);
        }
        return copy(length + kMatchMinimum, size);
    }

    void literal() {
        const unsigned before = out_.empty() ? 0 : out_.back();
        Probability* const probabilities = &literals_[std::size_t{0x300} * (before >> (8 - kLiteralContextBits))];
        unsigned symbol = 1;
        if (state_ >= 7) {
            unsigned match = out_[out_.size() - distance_[0] - 1];
            do {
                const unsigned match_bit = match >> 7 & 1;
                match <<= 1;
                const unsigned bit = range_.bit(probabilities[((1 + match_bit) << 8) + symbol]);
                symbol = symbol << 1 | bit;
                if (match_bit != bit) {
                    break;
                }
            } while (symbol < 0x100);
        }
        while (symbol < 0x100) {
            symbol = symbol << 1 | range_.bit(probabilities[symbol]);
        }
        out_.push_back(static_cast<std::uint8_t>(symbol));
    }

    void repeat_older() {
        std::uint32_t chosen = distance_[1];
        if (range_.bit(is_rep_g1_[state_]) != 0) {
            chosen = distance_[2];
            if (range_.bit(is_rep_g2_[state_]) != 0) {
                chosen = distance_[3];
                distance_[3] = distance_[2];
            }
            distance_[2] = distance_[1];
        }
        distance_[1] = distance_[0];
        distance_[0] = chosen;
    }

    std::uint32_t distance(unsigned length) {
        const unsigned slot = range_.tree(&slots_[std::size_t{64} * std::min(length, 3U)], 6);
        if (slot < 4) {
            return slot;
        }
        const unsigned bits = (slot >> 1) - 1;
        std::uint32_t out = (2U | (slot & 1U)) << bits;
        if (slot < kEndPosModel) {
            return out + range_.reverse_tree(&special_[out - slot], bits);
        }
        out += range_.direct(bits - kAlignBits) << kAlignBits;
        return out + range_.reverse_tree(align_.data(), kAlignBits);
    }

    bool copy(unsigned length, std::uint64_t size) {
        if (distance_[0] >= out_.size() || length > size - out_.size()) {
            return false;
        }
        for (; length > 0; --length) {
            out_.push_back(out_[out_.size() - distance_[0] - 1]);
        }
        return true;
    }

    Range range_;
    std::vector<std::uint8_t> out_;
    unsigned state_ = 0;
    std::array<std::uint32_t, 4> distance_{};
    std::vector<Probability> literals_;
    std::array<Probability, std::size_t{kStates} * kPositionStates> is_match_{};
    std::array<Probability, kStates> is_rep_{};
    std::array<Probability, kStates> is_rep_g0_{};
    std::array<Probability, kStates> is_rep_g1_{};
    std::array<Probability, kStates> is_rep_g2_{};
    std::array<Probability, std::size_t{kStates} * kPositionStates> is_rep0_long_{};
    std::array<Probability, std::size_t{4} * 64> slots_{};
    std::array<Probability, 1 + kFullDistances - kEndPosModel> special_{};
    std::array<Probability, 1 << kAlignBits> align_{};
    Lengths lengths_;
    Lengths rep_lengths_;
};

} // namespace

std::optional<std::vector<std::uint8_t>> decode_lzma(ByteSpan stream, std::uint64_t size) {
    return Decoder(stream).run(size);
}

} // namespace septum::verifier::decode
