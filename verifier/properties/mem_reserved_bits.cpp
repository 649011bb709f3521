// SPDX-License-Identifier: Apache-2.0
// mem.reserved-bits: page-table entries hold nothing but what the manual defines.
#include "verifier/decode/table_forms.hpp"
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/wording.hpp"
#include "verifier/properties/shared/words.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

// From bit `low` to bit `high`.
constexpr std::uint64_t field(unsigned low, unsigned high) {
    return ~0ULL >> (63 - high) & ~0ULL << low;
}

// What must be zero in an entry of that form (APM 2 §5.3.3 to §5.3.5).
std::uint64_t reserved(const decode::TableForm& form, const config::Board& board) {
    const bool known = board.physical_address_bits != 0; // an image alone doesn't say
    std::uint64_t bits =
        known && board.physical_address_bits < 52 ? field(board.physical_address_bits, 51) : std::uint64_t{0};
    if (form.level == 4) {
        bits |= field(7, 8);
    } else if (form.leaf && form.level == 3) {
        bits |= field(13, 29) | (known && !board.huge_pages_1g ? field(7, 7) : std::uint64_t{0});
    } else if (form.leaf && form.level == 2) {
        bits |= field(13, 20);
    }
    return bits;
}

// The same for the solver, of entries gathered by level and not by address. In a tree each table is led to once.
void put_words(Words& words, const Context& context, const decode::PageTable& table, bool nested) {
    if (!table.complete) {
        words.lacking();
        return;
    }
    const BundleFacts& bundle = context.facts->bundle;
    const decode::TableForms read =
        decode::read_table_forms({bundle.place.base, bundle.bytes, bundle.tables.base, bundle.tables.size}, table.root);
    for (const decode::TableForm& form : read.forms) {
        if (form.count == 0) {
            continue;
        }
        words.none_of(form.any, reserved(form, context.model.board));
        words.is(nested ? form.all : form.any, nested ? field(2, 2) : 0, field(2, 2)); // U/S
        words.is(form.all, field(5, 5), field(5, 5));                                  // A
        if (form.leaf) {
            words.is(form.all, field(6, 6), field(6, 6)); // D
        }
    }
    words.none_of(table.root, kPageSize - 1);
    words.is(read.references, read.tables);
    const std::uint64_t last = bundle.tables.base + bundle.tables.size - kPageSize; // there is one: each was read
    words.between(read.lowest, bundle.tables.base, last);
    words.between(read.highest, bundle.tables.base, last);
}

smt::Answer reserved_by_solver(const Context& context, unsigned timeout) {
    Words words;
    for (const PartitionFacts& partition : context.facts->partitions) {
        put_words(words, context, partition.npt, true);
    }
    put_words(words, context, context.facts->kernel.page_table, false);
    return words.allowed("mem.reserved-bits", timeout);
}

void reserved_bits(const Context& context, Judge& judge) {
    const auto report = [&](const decode::PageTable& table, const std::string& partition) {
        for (const Defect& defect : table.defects.kept()) {
            Said said;
            said.message = fmt::format("{}: {}, expected {}, found {}", defect.what, decode::name(defect.kind),
                                       address(defect.expected), address(defect.found));
            if (!partition.empty()) {
                said.partitions.push_back(partition);
            }
            said.key = decode::name(defect.kind);
            said.witness = "host-physical " + address(defect.address);
            judge.violated(std::move(said));
        }
        if (table.defects.total() > table.defects.kept().size()) {
            judge.violated({.message = fmt::format("{} more entries are malformed",
                                                   table.defects.total() - table.defects.kept().size()),
                            .key = "more"});
        }
    };
    for (const PartitionFacts& partition : context.facts->partitions) {
        report(partition.npt, partition.name);
    }
    report(context.facts->kernel.page_table, "");
    judge.solver_agrees(judge.found() == 0, [&](unsigned timeout) { return reserved_by_solver(context, timeout); });
}

} // namespace

const Property kMemReservedBits{
    .id = "mem.reserved-bits",
    .title = "page-table entries are well-formed",
    .statement = "No entry of any nested or kernel page table has a reserved bit set, none points outside the sealed "
                 "tables or twice at one table, each has U/S as its kind of table needs it, and accessed and dirty "
                 "are preset so that the processor never writes to the sealed tables.",
    .level = Level::bytes,
    .rests_on = "the board's physical address width, which the kernel compares with CPUID",
    .manual = "AMD APM volume 2 §5.3, §5.4, §15.25.5",
    .mend = kImageAltered,
    .bytes = reserved_bits,
};

} // namespace septum::verifier
