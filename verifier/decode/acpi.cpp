// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/acpi.hpp"

#include "verifier/decode/aml.hpp"

#include <septum/guest/board.hpp>

#include <algorithm>
#include <numeric>

namespace septum::verifier::decode {

namespace {

constexpr std::uint64_t kRsdpSize = 36;   // §5.2.5.3
constexpr std::uint64_t kHeaderSize = 36; // §5.2.6
constexpr std::uint32_t kMaxTable = 1 << 20;
constexpr std::size_t kMaxTables = 64;
constexpr std::size_t kMaxCpus = 4096;

bool sums_to_zero(ByteSpan bytes) {
    return (std::accumulate(bytes.begin(), bytes.end(), 0U) & 0xFF) == 0;
}

std::string text(ByteSpan bytes) {
    return {bytes.begin(), bytes.end()};
}

class Reader {
public:
    Reader(const GuestMemory& memory, const std::string& what, Acpi& acpi)
        : memory_(memory), what_(what), acpi_(acpi) {}

    bool rsdp(std::uint64_t gpa) {
        const auto bytes = memory_.read(gpa, kRsdpSize);
        if (!bytes) {
            return false;
        }
        const ByteSpan all(*bytes);
        if (text(all.first(8)) != "RSD PTR " || !sums_to_zero(all.first(20))) {
            return false;
        }
        acpi_.rsdp = gpa;
        if (all[15] < 2 || le32(all, 20) != kRsdpSize || !sums_to_zero(all)) {
            defect(DefectKind::checksum, "the rsdp's extended part", gpa, kRsdpSize, *le32(all, 20));
        }
        xsdt(*le64(all, 24));
        return true;
    }

private:
    void xsdt(std::uint64_t gpa) {
        const auto bytes = table(gpa, "XSDT");
        if (!bytes) {
            return;
        }
        const ByteSpan all(*bytes);
        if ((all.size() - kHeaderSize) % 8 != 0) {
            defect(DefectKind::wrong_value, "the xsdt's length", gpa + 4, kHeaderSize, all.size());
        }
        for (std::uint64_t at = kHeaderSize; at + 8 <= all.size(); at += 8) {
            const std::uint64_t place = *le64(all, at);
            const auto each = table(place, nullptr);
            if (!each) {
                continue;
            }
            const std::string signature = text(ByteSpan(*each).first(4));
            if (signature == "FACP") {
                fadt(*each, place);
            } else if (signature == "APIC") {
                madt(*each, place);
            }
        }
    }

    void fadt(ByteSpan all, std::uint64_t gpa) { // §5.2.9
        if (acpi_.has_fadt) {
            defect(DefectKind::duplicate, "a second fadt", gpa, 1, 2);
            return;
        }
        if (all.size() < 268) { // up to and with SLEEP_STATUS_REG
            defect(DefectKind::cut_short, "the fadt's length", gpa + 4, 276, all.size());
            return;
        }
        acpi_.has_fadt = true;
        acpi_.fadt_flags = *le32(all, 112);
        acpi_.sci_interrupt = *le16(all, 46);
        acpi_.iapc_boot_arch = *le16(all, 109);
        acpi_.reset_register = address(all, 116);
        acpi_.reset_value = all[128];
        acpi_.sleep_control = address(all, 244);
        acpi_.sleep_status = address(all, 256);
        // SMI_CMD .. GPE1_BASE, and the extended blocks X_PM1a_EVT_BLK .. X_GPE1_BLK.
        const auto some = [&](std::size_t first, std::size_t size) {
            const ByteSpan part = all.subspan(first, size);
            return std::any_of(part.begin(), part.end(), [](std::uint8_t b) { return b != 0; });
        };
        acpi_.legacy_blocks = some(48, 47) || some(148, 96);
        const std::uint64_t extended = *le64(all, 140);
        const std::uint32_t legacy = *le32(all, 40);
        if (extended != 0 && legacy != 0 && extended != legacy) {
            defect(DefectKind::wrong_value, "the fadt's dsdt and x_dsdt differ", gpa + 40, extended, legacy);
        }
        dsdt(extended != 0 ? extended : legacy);
    }

    void dsdt(std::uint64_t gpa) {
        const auto bytes = table(gpa, "DSDT");
        if (bytes) {
            acpi_.has_dsdt = true;
            decode_aml(ByteSpan(*bytes).subspan(kHeaderSize), gpa + kHeaderSize, what_, acpi_);
        }
    }

    void madt(ByteSpan all, std::uint64_t gpa) { // §5.2.12
        if (acpi_.has_madt || all.size() < 44) {
            defect(acpi_.has_madt ? DefectKind::duplicate : DefectKind::cut_short, "the madt", gpa, 44, all.size());
            return;
        }
        acpi_.has_madt = true;
        acpi_.local_apic = *le32(all, 36);
        acpi_.pcat_compat = (*le32(all, 40) & 1) != 0;
        for (std::uint64_t at = 44; at < all.size();) {
            const std::uint8_t type = all[at];
            const std::uint8_t length = at + 1 < all.size() ? all[at + 1] : std::uint8_t{0};
            const auto entry = slice(all, at, length);
            if (length < 2 || !entry) {
                defect(DefectKind::cut_short, "an entry of the madt", gpa + at, 8, length);
                return;
            }
            madt_entry(type, *entry, gpa + at);
            at += length;
        }
    }

    void madt_entry(std::uint8_t type, ByteSpan entry, std::uint64_t at) {
        const auto sized = [&](std::size_t size) {
            if (entry.size() != size) {
                defect(DefectKind::wrong_value, "the length of a madt entry", at + 1, size, entry.size());
                return false;
            }
            return acpi_.cpus.size() < kMaxCpus;
        };
        switch (type) {
        case 0: // processor local APIC
            if (sized(8)) {
                acpi_.cpus.push_back({entry[3], entry[2], (*le32(entry, 4) & 1) != 0, false});
            }
            break;
        case 9: // processor local x2APIC
            if (sized(16)) {
                acpi_.cpus.push_back({*le32(entry, 4), *le32(entry, 12), (*le32(entry, 8) & 1) != 0, true});
            }
            break;
        case 1:
            ++acpi_.ioapics;
            break;
        case 2: // interrupt source override
        case 3:
            ++acpi_.overrides;
            break; // NMI source
        case 4:    // local APIC NMI
        case 0xA:  // local x2APIC NMI
            break;
        case 5: // local APIC address override
            if (sized(12)) {
                acpi_.local_apic = *le64(entry, 4);
            }
            break;
        default:
            defect(DefectKind::unknown, "a madt entry that is not understood", at, 0, type);
        }
    }

    // The whole table, listed; nothing when it is not there. A wrong checksum is a defect, the contents are still read.
    std::optional<std::vector<std::uint8_t>> table(std::uint64_t gpa, const char* expected) {
        const auto header = memory_.read(gpa, kHeaderSize);
        const std::uint32_t length = header ? *le32(*header, 4) : 0;
        const std::string signature = header ? text(ByteSpan(*header).first(4)) : "";
        if (length < kHeaderSize || length > kMaxTable || (expected != nullptr && signature != expected)) {
            defect(DefectKind::wrong_value,
                   std::string("the ") + (expected != nullptr ? expected : "table") + " at " + hex(gpa), gpa,
                   kHeaderSize, length);
            return std::nullopt;
        }
        if (acpi_.tables.size() >= kMaxTables) {
            defect(DefectKind::too_much, "more tables than can be read", gpa, kMaxTables, kMaxTables + 1);
            return std::nullopt;
        }
        auto bytes = memory_.read(gpa, length);
        if (bytes) {
            const bool good = sums_to_zero(*bytes);
            acpi_.tables.push_back({signature, gpa, length, (*bytes)[8], good});
            if (!good) {
                const unsigned sum = std::accumulate(bytes->begin(), bytes->end(), 0U) & 0xFF;
                defect(DefectKind::checksum, "the checksum of the table at " + hex(gpa), gpa + 9, 0, sum);
            }
        }
        return bytes;
    }

    static GenericAddress address(ByteSpan all, std::uint64_t at) {
        return {all[at], all[at + 1], all[at + 2], all[at + 3], *le64(all, at + 4)};
    }

    void defect(DefectKind kind, const std::string& text_, std::uint64_t at, std::uint64_t expected,
                std::uint64_t found) {
        acpi_.defects.add(kind, what_ + ": " + text_, at, expected, found);
    }

    const GuestMemory& memory_;
    const std::string& what_;
    Acpi& acpi_;
};

} // namespace

config::Outcome<Acpi> decode_acpi(const GuestMemory& memory, std::uint64_t rsdp, const std::string& what) {
    config::Outcome<Acpi> outcome;
    Acpi acpi;
    Reader reader(memory, what, acpi);
    bool found = false;
    if (rsdp != 0) {
        found = reader.rsdp(rsdp);
    } else {
        constexpr std::uint64_t kSize = 0x10'0000 - guest::kFirmwareBase;
        const auto area = memory.read(guest::kFirmwareBase, kSize);
        for (std::uint64_t at = 0; area && at < kSize && !found; at += 16) {
            found = text(ByteSpan(*area).subspan(at, 8)) == "RSD PTR " && reader.rsdp(guest::kFirmwareBase + at);
        }
    }
    if (!found) {
        outcome.diagnostics.push_back(
            error("acpi.consistent", what + ": no rsdp with a good checksum" +
                                         (rsdp != 0 ? " at " + hex(rsdp) : std::string(" in 0xe0000..0x100000"))));
        return outcome;
    }
    outcome.value = std::move(acpi);
    return outcome;
}

} // namespace septum::verifier::decode
