// SPDX-License-Identifier: Apache-2.0
// What the walkers of both IOMMUs have in common: reading pages, joining leaves and requesters, bounds.
#pragma once

#include "verifier/decode/dma.hpp"

#include <set>

namespace septum::verifier::decode {

constexpr std::uint64_t bits(unsigned high, unsigned low) {
    return (high == 63 ? ~0ULL : (1ULL << (high + 1)) - 1) & ~((1ULL << low) - 1);
}
constexpr std::uint64_t field(std::uint64_t value, unsigned high, unsigned low) {
    return (value & bits(high, low)) >> low;
}

class DmaWalk {
protected:
    struct Answer {
        DmaState state = DmaState::unknown;
        std::uint32_t domain = 0;
    };

    // `width`: physical address bits of the board.
    DmaWalk(const HostMemory& memory, std::uint32_t width, const std::string& what, DmaTables& out);

    // The page at `base`, noted as used; nothing when it lies outside the bundle. `deciding`: says who has which
    // domain.
    std::optional<ByteSpan> page(std::uint64_t base, const std::string& name, std::uint64_t from,
                                 bool deciding = false);
    // Counts one more table of `domain`, or says that it is too much or reached twice.
    bool another(DmaDomain& domain, std::uint64_t table, std::uint64_t from);
    [[nodiscard]] bool exhausted() const { return decoded_ > max_tables_; }
    void leaf(DmaDomain& domain, std::uint64_t input, std::uint64_t hpa, std::uint64_t size, std::uint8_t access,
              std::uint8_t page_size, std::uint64_t at);
    // The domain like `domain`, if it was walked before.
    [[nodiscard]] std::optional<std::uint32_t> known(const DmaDomain& domain) const;
    // Makes room for another domain, or says that there are too many.
    bool room(std::uint64_t at);
    void add(std::uint32_t first, std::uint32_t last, Answer answer);
    void reserved(const std::string& text, std::uint64_t at, std::uint64_t expected, std::uint64_t found);
    void wrong(const std::string& text, std::uint64_t at, std::uint64_t expected, std::uint64_t found);
    void too_much(const char* text, std::uint64_t at, std::uint64_t bound);
    void finish(); // sorts the lists of pages

    const HostMemory& memory_;
    std::uint64_t address_; // address bits of an entry
    std::uint64_t beyond_;  // address bits that the board does not have
    const std::string& what_;
    DmaTables& out_;
    std::set<std::uint64_t> seen_; // tables of the domain being decoded

private:
    std::uint64_t max_tables_;
    std::set<std::uint64_t> pages_;
    std::uint64_t decoded_ = 0;
    std::size_t intervals_ = 0;
};

} // namespace septum::verifier::decode
