// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/dma_walk.hpp"

#include <algorithm>

namespace septum::verifier::decode {

namespace {

constexpr std::size_t kMaxDomains = 256;
// Tables decoded over all domains, beyond the pages there are: more only if they are tangled.
constexpr std::uint64_t kMaxRepeatedTables = 256;
constexpr std::size_t kMaxIntervals = 1 << 14; // RAM of 64 partitions takes 128

} // namespace

DmaWalk::DmaWalk(const HostMemory& memory, std::uint32_t width, const std::string& what, DmaTables& out)
    : memory_(memory), address_(bits(std::clamp(width, 13U, 52U) - 1, 12)),
      beyond_(width < 52 ? bits(51, std::max(width, 13U)) : 0), what_(what), out_(out),
      max_tables_(memory.bytes.size() / kPageSize + kMaxRepeatedTables) {}

std::optional<ByteSpan> DmaWalk::page(std::uint64_t base, const std::string& name, std::uint64_t from, bool deciding) {
    if (base % kPageSize != 0) {
        out_.defects.add(DefectKind::unaligned, what_ + ": the " + name + " is not page aligned", from,
                         base & ~(kPageSize - 1), base);
        base &= ~(kPageSize - 1);
    }
    const auto bytes = memory_.at(base, kPageSize);
    if (!bytes) {
        out_.defects.add(DefectKind::unreadable, what_ + ": the " + name + " lies outside the bundle", from,
                         memory_.sealed_base, base);
        return bytes;
    }
    if (!memory_.sealed(base, kPageSize)) {
        out_.defects.add(DefectKind::outside_tables, what_ + ": the " + name + " lies outside the sealed tables", from,
                         memory_.sealed_base, base);
    }
    if (pages_.insert(base).second) {
        out_.tables.push_back(base);
        if (deciding) {
            out_.deciding.push_back(base);
        }
    }
    return bytes;
}

bool DmaWalk::another(DmaDomain& domain, std::uint64_t table, std::uint64_t from) {
    if (!seen_.insert(table).second) {
        out_.defects.add(DefectKind::table_aliased, what_ + ": a dma page table is reached by a second entry", from, 0,
                         table);
    }
    if (++decoded_ > max_tables_) {
        if (decoded_ == max_tables_ + 1) {
            too_much("more dma page tables than can be decoded", from, max_tables_);
        }
        domain.complete = false;
        return false;
    }
    return true;
}

void DmaWalk::leaf(DmaDomain& domain, std::uint64_t input, std::uint64_t hpa, std::uint64_t size, std::uint8_t access,
                   std::uint8_t page_size, std::uint64_t at) {
    if (access == 0) {
        return;
    }
    if (!domain.reach.empty()) {
        Interval& last = domain.reach.back();
        if (last.gpa + last.size == input && last.hpa + last.size == hpa && last.access == access) {
            last.size += size;
            last.page_sizes |= page_size;
            return;
        }
    }
    if (intervals_ >= kMaxIntervals) {
        if (domain.complete) {
            too_much("more dma intervals than can be decoded", at, kMaxIntervals);
        }
        domain.complete = false;
        return;
    }
    ++intervals_;
    domain.reach.push_back({input, hpa, size, access, page_size, CacheType::write_back, true});
}

std::optional<std::uint32_t> DmaWalk::known(const DmaDomain& domain) const {
    for (std::uint32_t i = 0; i < out_.domains.size(); ++i) {
        const DmaDomain& other = out_.domains[i];
        if (other.id == domain.id && other.root == domain.root && other.levels == domain.levels &&
            other.rights == domain.rights && other.device_tlb == domain.device_tlb) {
            return i;
        }
    }
    return std::nullopt;
}

bool DmaWalk::room(std::uint64_t at) {
    if (out_.domains.size() < kMaxDomains) {
        return true;
    }
    too_much("more domains than can be decoded", at, kMaxDomains);
    return false;
}

void DmaWalk::add(std::uint32_t first, std::uint32_t last, Answer answer) {
    if (!out_.requesters.empty()) {
        RequesterInterval& back = out_.requesters.back();
        if (back.state == answer.state && back.domain == answer.domain && back.last + 1 == first) {
            back.last = last;
            return;
        }
    }
    out_.requesters.push_back({first, last, answer.state, answer.domain});
}

void DmaWalk::reserved(const std::string& text, std::uint64_t at, std::uint64_t expected, std::uint64_t found) {
    out_.defects.add(DefectKind::reserved_bits, what_ + ": " + text, at, expected, found);
}

void DmaWalk::wrong(const std::string& text, std::uint64_t at, std::uint64_t expected, std::uint64_t found) {
    out_.defects.add(DefectKind::wrong_value, what_ + ": " + text, at, expected, found);
}

void DmaWalk::too_much(const char* text, std::uint64_t at, std::uint64_t bound) {
    out_.defects.add(DefectKind::too_much, what_ + ": " + text, at, bound, bound + 1);
}

void DmaWalk::finish() {
    std::sort(out_.tables.begin(), out_.tables.end());
    std::sort(out_.deciding.begin(), out_.deciding.end());
}

const char* name(DmaState state) {
    switch (state) {
    case DmaState::blocked:
        return "blocked";
    case DmaState::translated:
        return "translated";
    case DmaState::passthrough:
        return "passthrough";
    case DmaState::unknown:
        break;
    }
    return "unknown";
}

const char* name(InterruptState state) {
    switch (state) {
    case InterruptState::blocked:
        return "blocked";
    case InterruptState::remapped:
        return "remapped";
    case InterruptState::nmi:
        return "blocked but for NMI";
    case InterruptState::unmapped:
        return "passed on unmapped";
    case InterruptState::unknown:
        break;
    }
    return "unknown";
}

} // namespace septum::verifier::decode
