// SPDX-License-Identifier: Apache-2.0
#include "verifier/facts/coverage.hpp"

#include <algorithm>

namespace septum::verifier {

namespace {

constexpr std::size_t kMaxListed = 4096;

class Owners {
public:
    Owners(const Facts& facts, std::vector<SharedTable>& shared)
        : base_(facts.bundle.tables.base), owner_(facts.bundle.tables.size / kPageSize, 0), shared_(shared) {}

    void claim(const std::string& who, const std::vector<std::uint64_t>& pages) {
        names_.push_back(who);
        const auto number = static_cast<std::uint32_t>(names_.size());
        for (const std::uint64_t page : pages) {
            const std::uint64_t index = (page - base_) / kPageSize;
            if (page < base_ || index >= owner_.size()) {
                continue; // outside the sealed tables: already a defect
            }
            if (owner_[index] == 0) {
                owner_[index] = number;
            } else if (owner_[index] != number && shared_.size() < kMaxListed) {
                shared_.push_back({page, names_[owner_[index] - 1], who});
            }
        }
    }

    void claim(const std::string& who, std::uint64_t base, std::uint64_t size) {
        std::vector<std::uint64_t> pages;
        for (std::uint64_t at = 0; at < size; at += kPageSize) {
            pages.push_back((base & ~(kPageSize - 1)) + at);
        }
        claim(who, pages);
    }

    [[nodiscard]] const std::vector<std::uint32_t>& owner() const { return owner_; }

private:
    std::uint64_t base_;
    std::vector<std::uint32_t> owner_; // by page: 1 + index into names_, 0 for none
    std::vector<std::string> names_;
    std::vector<SharedTable>& shared_;
};

void tables(ByteSpan bundle, Facts& facts) {
    Owners owners(facts, facts.shared_tables);
    owners.claim("the kernel's page tables", facts.kernel.page_table.tables);
    for (const PartitionFacts& p : facts.partitions) {
        const std::string of = " of `" + p.name + "`";
        owners.claim("the nested page tables" + of, p.npt.tables);
        owners.claim("the i/o permission map" + of, p.record.iopm.value, decode::kIopmSize);
        owners.claim("the msr permission map" + of, p.record.msrpm.value, decode::kMsrpmSize);
        owners.claim("the boot vmcb" + of, p.record.vmcb_boot.value, kPageSize);
        owners.claim("the vmcb of other cpus" + of, p.record.vmcb_ap.value, kPageSize);
    }
    owners.claim("the iommu's tables", facts.devices.dma.tables);
    owners.claim("the interrupt tables", facts.devices.interrupt_pages);

    const std::uint64_t offset = facts.manifest.header.tables_offset;
    for (std::size_t i = 0; i < owners.owner().size(); ++i) {
        if (owners.owner()[i] != 0) {
            continue;
        }
        const auto page = decode::slice(bundle, offset + i * kPageSize, kPageSize);
        const auto stray = page ? decode::first_not_zero(*page) : std::nullopt;
        if (stray) {
            const std::uint64_t at = facts.bundle.tables.base + i * kPageSize;
            if (facts.unused_tables.size() < kMaxListed) {
                facts.unused_tables.push_back(at);
            }
            facts.described = false;
            facts.defects.add(decode::DefectKind::stray_bytes, "sealed tables: a page that nothing uses is not zero",
                              at + *stray, 0, (*page)[*stray]);
        }
    }
}

void payloads(ByteSpan bundle, Facts& facts) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> covered; // offset, end
    for (const PartitionFacts& p : facts.partitions) {
        for (const PayloadFact& payload : p.payloads) {
            if (payload.in_bundle) { // else a defect already
                covered.emplace_back(payload.offset, payload.offset + payload.size);
            }
        }
    }
    std::sort(covered.begin(), covered.end());
    std::uint64_t end = std::uint64_t{facts.manifest.header.tables_offset} + facts.manifest.header.tables_size;
    covered.emplace_back(bundle.size(), bundle.size());
    for (const auto& [first, last] : covered) {
        if (first > end) {
            const auto gap = decode::slice(bundle, end, first - end);
            const auto stray = gap ? decode::first_not_zero(*gap) : std::nullopt;
            if (stray) {
                facts.described = false;
                facts.defects.add(decode::DefectKind::stray_bytes, "payloads: bytes that no record describes",
                                  end + *stray, 0, (*gap)[*stray]);
            }
        }
        end = std::max(end, last);
    }
}

} // namespace

void find_coverage(ByteSpan bundle, Facts& facts) {
    tables(bundle, facts);
    payloads(bundle, facts);
}

} // namespace septum::verifier
