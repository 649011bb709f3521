// SPDX-License-Identifier: Apache-2.0
// The whole way, read back through the manifest; and against golden files. SEPTUM_UPDATE_GOLDEN=1 writes them anew.
#include "build/tables/digest.hpp"
#include "tests/unit/build/models.hpp"
#include "tests/unit/cpu_time.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace septum::build {
namespace {

using namespace test;

template <typename T>
std::vector<T> records(const Bytes& bundle, const manifest::Table& table) {
    std::vector<T> all;
    for (std::uint32_t i = 0; i < table.count; ++i) {
        all.push_back(get<T>(bundle, table.offset + i * sizeof(T)));
    }
    return all;
}

Bundle make(const config::Model& model, const std::vector<PayloadFile>& payloads) {
    auto outcome = make_bundle(model, make_kernel(), payloads);
    for (const auto& diagnostic : outcome.diagnostics) {
        ADD_FAILURE() << diagnostic.message;
    }
    return outcome.ok() ? std::move(*outcome.value) : Bundle{};
}

config::Model make_linux_model() {
    auto model = make_pair();
    model.name.value = "mixed";
    model.board.apic.value = config::Apic::xapic;
    model.partitions[0].memory.value = 64 * kMiB;
    model.partitions[0].boot.kind = config::BootKind::linux;
    model.partitions[0].boot.image.value = "vmlinuz";
    model.partitions[0].boot.initrd = {"rd.gz", at(24)};
    model.partitions[0].boot.cmdline = {"console=ttyS0 quiet", at(25)};
    model.partitions[1].largest_page = kPageSize;
    return model;
}

std::vector<PayloadFile> linux_payloads() {
    return {{"vmlinuz", make_bzimage()}, {"rd.gz", Bytes(5000, 0x1F)}, {"beta.elf", make_guest_elf()}};
}

TEST(Bundle, HeaderDigestsAndRecords) {
    const Bundle bundle = make(make_pair(), pair_payloads());
    const Bytes& bytes = bundle.bytes;
    const auto header = get<manifest::Header>(bytes, 0);
    EXPECT_EQ(header.magic, manifest::kMagic);
    EXPECT_EQ(header.bundle_size, bytes.size());
    EXPECT_EQ(header.bundle_base, bundle.plan.bundle.base);
    EXPECT_EQ(header.tables_offset, header.manifest_size);
    Bytes unsealed(bytes.begin(), bytes.begin() + header.manifest_size);
    auto blank = header;
    blank.manifest_digest = {};
    std::memcpy(unsealed.data(), &blank, sizeof(blank));
    EXPECT_EQ(sha256(unsealed), header.manifest_digest);
    EXPECT_EQ(sha256(ByteView(bytes).subspan(header.tables_offset, header.tables_size)), header.tables_digest);

    const auto partitions = records<manifest::Partition>(bytes, header.partitions);
    const auto payloads = records<manifest::Payload>(bytes, header.payloads);
    const auto regions = records<manifest::Region>(bytes, header.regions);
    ASSERT_EQ(partitions.size(), 2U);
    EXPECT_EQ(partitions[1].restart_limit, 3U);
    EXPECT_EQ(partitions[0].restart_limit, 0U);
    std::uint64_t next = header.tables_offset + header.tables_size;
    for (const auto& partition : partitions) {
        std::vector<ByteView> loaded;
        for (std::uint32_t i = 0; i < partition.payloads.count; ++i) {
            const auto& payload = payloads.at(partition.payloads.first + i);
            EXPECT_EQ(payload.offset, next);
            next += (payload.size + kPageSize - 1) & ~(kPageSize - 1);
            EXPECT_EQ(payload.hpa.value - payload.gpa.value, regions.at(partition.regions.first).hpa.value);
            loaded.push_back(ByteView(bytes).subspan(payload.offset, payload.size));
        }
        EXPECT_EQ(sha256(loaded), partition.payload_digest);
        for (const Hpa table : {partition.npt_root, partition.iopm, partition.msrpm, partition.vmcb_boot,
                                partition.vmcb_ap, header.kernel_page_tables, header.iommu.root_table}) {
            EXPECT_GE(table.value, header.bundle_base.value + header.tables_offset);
            EXPECT_LT(table.value, header.bundle_base.value + header.tables_offset + header.tables_size);
        }
    }
    EXPECT_LE(next, bytes.size());
    const auto ram = records<manifest::Range>(bytes, header.ram);
    EXPECT_EQ(ram.size(), 8U); // kernel, workspace, crash record, bundle, two partitions, two channels
    for (std::size_t i = 1; i < ram.size(); ++i) {
        EXPECT_LE(ram[i - 1].base.value + ram[i - 1].size, ram[i].base.value);
    }
}

TEST(Bundle, SameInputSameBytes) {
    EXPECT_EQ(make(make_pair(), pair_payloads()).bytes, make(make_pair(), pair_payloads()).bytes);
    // The order in which payload files were read does not matter.
    auto swapped = pair_payloads();
    std::swap(swapped[0], swapped[1]);
    EXPECT_EQ(make(make_pair(), pair_payloads()).bytes, make(make_pair(), swapped).bytes);
}

// The order of the file says nothing: partitions, channels and keys may come in any.
TEST(Bundle, AnyOrderOfTheFile) {
    const std::string head = "septum: 1\nname: order\nboard: qemu-q35\n";
    const std::string one = "  one: {cpus: 2, memory: 8 MiB, boot: {elf: guest.elf}, console: true}\n";
    const std::string two = "  two: {boot: {elf: guest.elf}, memory: 8 MiB, cpus: 1}\n";
    const std::string there = "  there: {from: one, to: two, size: 64 KiB, doorbell: true}\n";
    const std::string back = "  back: {size: 64 KiB, to: one, from: two}\n";
    config::LoadOptions options;
    options.board_dirs.emplace_back(std::string(SEPTUM_SOURCE_DIR) + "/config/boards");
    std::vector<Bytes> made;
    for (const std::string& body : {"partitions:\n" + one + two + "channels:\n" + there + back,
                                    "channels:\n" + back + there + "partitions:\n" + two + one}) {
        const auto loaded = config::load_text(head + body, "order.yaml", ".", options);
        ASSERT_TRUE(loaded.model) << loaded.diagnostics.at(0).message;
        made.push_back(make(*loaded.model, {{"guest.elf", make_guest_elf()}}).bytes);
    }
    EXPECT_EQ(made[0], made[1]);
}

TEST(Bundle, PlanAloneAgrees) {
    const auto model = make_linux_model();
    const auto plan = make_plan(model, make_kernel(), linux_payloads());
    ASSERT_TRUE(plan.ok());
    EXPECT_EQ(lock_text(*plan.value), make(model, linux_payloads()).lock);
    const auto early = make_plan(model, {}, {});
    ASSERT_TRUE(early.ok());
    EXPECT_EQ(early.value->partitions[0].ram.base.value, plan.value->partitions[0].ram.base.value);
}

TEST(Bundle, EveryBadPayloadIsReported) {
    auto payloads = pair_payloads();
    payloads[0].bytes.resize(30);
    payloads[1].bytes.clear();
    const auto outcome = make_bundle(make_pair(), make_kernel(), payloads);
    EXPECT_FALSE(outcome.ok());
    EXPECT_EQ(outcome.diagnostics.size(), 2U);
    const auto missing = make_bundle(make_pair(), make_kernel(), {});
    EXPECT_EQ(missing.diagnostics.size(), 2U);
    EXPECT_FALSE(make_bundle(make_pair(), {}, pair_payloads()).ok());
}

// Non-zero words, runs of the same word in one line: small, and a diff shows which entry changed.
std::string dump(const Bytes& bytes) {
    std::ostringstream out;
    out << "# offset: 64-bit words that are not zero\n" << std::hex;
    for (std::size_t at_word = 0; at_word + 8 <= bytes.size();) {
        const auto word = get<std::uint64_t>(bytes, at_word);
        std::size_t end = at_word + 8;
        while (end + 8 <= bytes.size() && get<std::uint64_t>(bytes, end) == word) {
            end += 8;
        }
        if (word != 0) {
            out << at_word;
            if (end - at_word > 8) {
                out << ".." << end;
            }
            out << ": " << word << "\n";
        }
        at_word = end;
    }
    return out.str();
}

void expect_golden(const std::string& name, const std::string& found) {
    const std::string path = std::string(SEPTUM_SOURCE_DIR) + "/tests/golden/build/" + name;
    if (std::getenv("SEPTUM_UPDATE_GOLDEN") != nullptr) {
        std::ofstream(path) << found;
        return;
    }
    std::ostringstream golden;
    golden << std::ifstream(path).rdbuf();
    EXPECT_EQ(golden.str(), found) << path;
}

TEST(Golden, Pair) {
    const Bundle bundle = make(make_pair(), pair_payloads());
    expect_golden("pair.lock", bundle.lock);
    const auto header = get<manifest::Header>(bundle.bytes, 0);
    const auto part = [&](std::size_t from, std::size_t to) {
        return Bytes(bundle.bytes.begin() + static_cast<std::ptrdiff_t>(from),
                     bundle.bytes.begin() + static_cast<std::ptrdiff_t>(to));
    };
    expect_golden("pair.manifest", dump(part(0, header.manifest_size)));
    expect_golden("pair.tables", dump(part(header.tables_offset, header.tables_offset + header.tables_size)));
}

// A device each: the manifest, and all tables but those of the partitions' processors.
TEST(Golden, Owners) {
    const Bundle bundle = make(make_owners(), pair_payloads());
    expect_golden("owners.lock", bundle.lock);
    const auto header = get<manifest::Header>(bundle.bytes, 0);
    const auto part = [&](std::size_t from, std::size_t to) {
        return Bytes(bundle.bytes.begin() + static_cast<std::ptrdiff_t>(from),
                     bundle.bytes.begin() + static_cast<std::ptrdiff_t>(to));
    };
    expect_golden("owners.manifest", dump(part(0, header.manifest_size)));
    const std::size_t first = header.iommu.interrupt_table - header.bundle_base; // the IOMMU's come first
    expect_golden("owners.iommu", dump(part(first, header.kernel_page_tables - header.bundle_base)));
}

TEST(Golden, Mixed) {
    const Bundle bundle = make(make_linux_model(), linux_payloads());
    expect_golden("mixed.lock", bundle.lock);
    const auto header = get<manifest::Header>(bundle.bytes, 0);
    const auto payloads = records<manifest::Payload>(bundle.bytes, header.payloads);
    std::string text;
    for (const auto& payload : payloads) {
        const auto digest = sha256(ByteView(bundle.bytes).subspan(payload.offset, payload.size));
        std::ostringstream line;
        line << std::hex << payload.gpa.value << " " << payload.hpa.value << " " << payload.size << " ";
        for (const std::uint8_t byte : digest.bytes) {
            line << (byte < 16 ? "0" : "") << unsigned{byte};
        }
        text += line.str() + "\n";
    }
    expect_golden("mixed.payloads", "# gpa hpa size sha256\n" + text);
}

// --- Size ---

config::Model make_large(std::size_t partitions, std::uint64_t memory, std::uint64_t largest_page) {
    config::Model model;
    model.name = {"large", at(10)};
    model.board = make_board(static_cast<std::uint32_t>(partitions), partitions * (memory + 4 * kMiB) + kGiB);
    model.board.physical_address_bits = 46;
    for (std::size_t i = 0; i < partitions; ++i) {
        auto partition = make_partition("p" + std::to_string(100 + i), memory);
        partition.largest_page = largest_page;
        partition.boot.image.value = "guest.elf";
        model.partitions.push_back(partition);
    }
    for (std::uint32_t i = 0; i < partitions; ++i) {
        const auto next = static_cast<std::uint32_t>((i + 1) % partitions);
        model.channels.push_back(make_channel("c" + std::to_string(100 + i), i, next, 64 * kKiB, true));
    }
    return model;
}

constexpr double kMostSeconds = 20; // of processor time: less than two with sanitizers

double seconds_to_make(const config::Model& model, std::size_t& size) {
    const std::vector<PayloadFile> payloads{{"guest.elf", make_guest_elf()}};
    const double start = cpu_seconds();
    size = make(model, payloads).bytes.size();
    return cpu_seconds() - start;
}

TEST(Scale, SixtyFourPartitions) {
    std::size_t size = 0;
    const double seconds = seconds_to_make(make_large(64, 32 * kMiB, kGiB), size);
    RecordProperty("milliseconds", static_cast<int>(seconds * 1000));
    EXPECT_GT(size, u64{64} * 10 * kPageSize);
    EXPECT_LT(seconds, kMostSeconds);
}

TEST(Scale, FourMillionEntries) {
    std::size_t size = 0;
    const double seconds = seconds_to_make(make_large(16, kGiB, kPageSize), size); // 16 × 262,144 leaves
    RecordProperty("milliseconds", static_cast<int>(seconds * 1000));
    EXPECT_GT(size, 4'194'304U * 8);
    EXPECT_LT(seconds, kMostSeconds);
}

} // namespace
} // namespace septum::build
