// SPDX-License-Identifier: Apache-2.0
// Reads what an image grants, for itself: boot path, manifest (whose structures are the only thing shared with the rest
// of Septum), then the hardware's tables.
#include "recheck/claims.hpp"
#include "recheck/iso.hpp"
#include "recheck/tables.hpp"

#include <septum/manifest/manifest.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <sstream>
#include <tuple>

namespace septum::recheck {

namespace {

using manifest::Header;

constexpr std::uint64_t kLocalApic = 0xFEE0'0000; // APM 2 §16.3.1

template <typename Record>
Record record_at(Bytes bytes, std::uint64_t offset) {
    if (offset > bytes.size() || sizeof(Record) > bytes.size() - offset)
        throw Unreadable("the bundle is cut short");
    Record out;
    std::memcpy(&out, bytes.data() + offset, sizeof out);
    return out;
}

template <typename Record>
std::vector<Record> records(Bytes manifest_bytes, const manifest::Table& table) {
    std::vector<Record> out;
    if (table.count > manifest_bytes.size() / sizeof(Record))
        throw Unreadable("a table of the manifest is longer than the manifest");
    for (std::uint64_t i = 0; i < table.count; ++i)
        out.push_back(record_at<Record>(manifest_bytes, table.offset + i * sizeof(Record)));
    return out;
}

std::string text(const char (&name)[manifest::kNameSize]) {
    return {name, strnlen(name, sizeof name)};
}

std::string hex_of(const manifest::Digest& digest) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    for (const std::uint8_t byte : digest.bytes) {
        out += kDigits[byte >> 4];
        out += kDigits[byte & 15];
    }
    return out;
}

void expect_digest(const manifest::Digest& claimed, Bytes bytes, const std::string& what) {
    if (const std::string found = sha256(bytes); found != hex_of(claimed)) {
        throw Differs("the manifest says that " + what + " has SHA-256 " + hex_of(claimed) + ", but its bytes give " +
                      found);
    }
}

// The one word behind `command` in grub.cfg; GRUB takes words apart by blanks.
std::string loaded_by(Bytes config, const std::string& command) {
    std::istringstream lines(std::string(reinterpret_cast<const char*>(config.data()), config.size()));
    std::string found;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string verb;
        std::string path;
        if (words >> verb && verb == command) {
            if (!(words >> path) || path[0] != '/' || !found.empty())
                throw Unreadable("grub.cfg has to load one file with `" + command + "`");
            found = path;
        }
    }
    if (found.empty())
        throw Unreadable("grub.cfg loads nothing with `" + command + "`");
    return found;
}

// ELF-64 program headers (System V ABI, chapter 5): what is loaded and not writable, in file order.
std::vector<std::uint8_t> measured_part(Bytes kernel) {
    constexpr std::uint32_t kLoad = 1;
    constexpr std::uint32_t kWrite = 2;
    if (kernel.size() < 64 || std::memcmp(kernel.data(),
                                          "\x7f"
                                          "ELF",
                                          4) != 0)
        throw Unreadable("the kernel in the image is no ELF");
    const auto headers = record_at<std::uint64_t>(kernel, 32);
    const auto size = record_at<std::uint16_t>(kernel, 54);
    const auto count = record_at<std::uint16_t>(kernel, 56);
    std::vector<std::uint8_t> out;
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t at = headers + i * size;
        if (at > kernel.size())
            throw Unreadable("the kernel in the image is cut short");
        if (record_at<std::uint32_t>(kernel, at) == kLoad && (record_at<std::uint32_t>(kernel, at + 4) & kWrite) == 0) {
            const auto first = record_at<std::uint64_t>(kernel, at + 8);
            const auto length = record_at<std::uint64_t>(kernel, at + 32);
            if (first > kernel.size() || length > kernel.size() - first || length > kernel.size() - out.size())
                throw Unreadable("the kernel in the image is cut short");
            const Bytes part = kernel.subspan(first, length);
            out.insert(out.end(), part.begin(), part.end());
        }
    }
    return out;
}

struct Bundle {
    Bytes bytes;
    Header header;
    Bytes manifest;
    Host host;
};

Bundle open(Bytes bytes) {
    Bundle out{bytes, record_at<Header>(bytes, 0), {}, {}};
    const Header& h = out.header;
    if (h.magic != manifest::kMagic)
        throw Unreadable("the bundle in the image has no manifest");
    if (h.version != manifest::kVersion) {
        throw Unreadable("the manifest has version " + std::to_string(h.version) + ", this program reads version " +
                         std::to_string(manifest::kVersion));
    }
    if (h.bundle_size != bytes.size() || h.manifest_size < sizeof(Header) || h.manifest_size > bytes.size() ||
        h.tables_offset > bytes.size() || h.tables_size > bytes.size() - h.tables_offset ||
        h.bundle_base.value > (1ULL << 52) || h.partitions.count > manifest::kMaxPartitions) {
        throw Unreadable("the parts of the bundle do not fit into it");
    }
    out.manifest = bytes.first(h.manifest_size);
    out.host = {h.bundle_base.value, bytes, h.bundle_base.value + h.tables_offset, h.tables_size};
    return out;
}

void check_digests(const Bundle& bundle, Bytes kernel) {
    const Header& h = bundle.header;
    std::vector<std::uint8_t> copy(bundle.manifest.begin(), bundle.manifest.end());
    std::fill_n(copy.begin() + offsetof(Header, manifest_digest), sizeof h.manifest_digest, std::uint8_t{0});
    expect_digest(h.manifest_digest, copy, "the manifest");
    expect_digest(h.tables_digest, bundle.bytes.subspan(h.tables_offset, h.tables_size), "the sealed tables");
    expect_digest(h.kernel_file_digest, kernel, "the kernel's file");
    expect_digest(h.kernel_digest, measured_part(kernel), "the loaded kernel");
}

void check_payloads(const Bundle& bundle, const manifest::Partition& record) {
    const auto payloads = records<manifest::Payload>(bundle.manifest, bundle.header.payloads);
    std::vector<std::uint8_t> all;
    for (std::uint64_t i = record.payloads.first; i < std::uint64_t{record.payloads.first} + record.payloads.count;
         ++i) {
        if (i >= payloads.size() || payloads[i].offset > bundle.bytes.size() ||
            payloads[i].size > bundle.bytes.size() - payloads[i].offset) {
            throw Differs("a payload of `" + text(record.name) + "` lies outside the bundle");
        }
        const Bytes part = bundle.bytes.subspan(payloads[i].offset, payloads[i].size);
        if (part.size() > bundle.bytes.size() - all.size())
            throw Differs("the payloads of `" + text(record.name) + "` are too large");
        all.insert(all.end(), part.begin(), part.end());
    }
    expect_digest(record.payload_digest, all, "the payload of `" + text(record.name) + "`");
}

void read_partitions(const Bundle& bundle, Claims& out) {
    const auto cpus = records<manifest::Cpu>(bundle.manifest, bundle.header.cpus);
    for (const manifest::Partition& record : records<manifest::Partition>(bundle.manifest, bundle.header.partitions)) {
        const std::string name = text(record.name);
        Partition partition;
        partition.name = name;
        partition.asid = record.asid;
        for (std::uint64_t i = record.first_cpu; i < std::uint64_t{record.first_cpu} + record.cpu_count; ++i) {
            if (i >= cpus.size() || cpus[i].partition != out.partitions.size())
                throw Differs("a CPU of `" + name + "` is not its own in the manifest");
            partition.apic_ids.push_back(cpus[i].apic_id);
        }
        const Roots roots{record.npt_root.value, record.iopm.value, record.msrpm.value, record.asid};
        check_template(bundle.host, record.vmcb_boot.value, roots, name);
        check_template(bundle.host, record.vmcb_ap.value, roots, name);
        partition.memory = nested_reach(bundle.host, record.npt_root.value, name);
        partition.ports = granted_ports(bundle.host, record.iopm.value, name);
        partition.msr_reads = granted_msrs(bundle.host, record.msrpm.value, false, name);
        partition.msr_writes = granted_msrs(bundle.host, record.msrpm.value, true, name);
        check_payloads(bundle, record);
        out.partitions.push_back(std::move(partition));
    }
}

std::string partition_name(const Claims& claims, std::uint16_t index) {
    return index < claims.partitions.size() ? claims.partitions[index].name : "nobody";
}

void read_devices(const Bundle& bundle, Image& out) {
    const Header& h = bundle.header;
    Remapping remapping;
    switch (h.iommu.kind) {
    case manifest::IommuKind::none:
        out.claims.unit = "none";
        return;
    case manifest::IommuKind::vt_d:
        out.claims.unit = "vt-d";
        remapping = vtd_remapping(bundle.host, h.iommu.root_table.value);
        break;
    case manifest::IommuKind::amd_vi:
        out.claims.unit = "amd-vi";
        remapping = amd_remapping(bundle.host, h.iommu.root_table.value);
        break;
    default:
        throw Unreadable("the manifest names an IOMMU of an unknown kind");
    }
    out.claims.requesters = std::move(remapping.requesters);
    out.claims.domains = std::move(remapping.domains);
    for (const manifest::Device& device : records<manifest::Device>(bundle.manifest, h.devices)) {
        if (device.bdf != manifest::kNobody)
            out.devices.push_back({device.bdf, device.domain, partition_name(out.claims, device.partition)});
    }
}

// What only the kernel may reach.
void read_private(const Bundle& bundle, Claims& out) {
    const Header& h = bundle.header;
    const std::uint64_t base = h.bundle_base.value;
    const std::uint64_t rest = std::uint64_t{h.tables_offset} + h.tables_size;
    out.kernel = {
        {"the kernel's image", h.kernel.base.value, h.kernel.size},
        {"the kernel's workspace", h.workspace.base.value, h.workspace.size},
        {"the manifest", base, h.manifest_size},
        {"the sealed tables", base + h.tables_offset, h.tables_size},
        {"the pristine payload copies", base + rest, bundle.bytes.size() - rest},
        {"the page in which processors wake up", h.trampoline.value, kPage},
        {"the local APIC's page", kLocalApic, kPage},
    };
    if (h.iommu.kind != manifest::IommuKind::none) {
        // VT-d §11.4: one page is used; AMD IOMMU §3.4: 16 KiB.
        const bool amd = h.iommu.kind == manifest::IommuKind::amd_vi;
        out.kernel.push_back({"the IOMMU's registers", h.iommu.registers.value, amd ? 4 * kPage : kPage});
    }
    if (h.crash_record.value != 0)
        out.kernel.push_back({"the crash record", h.crash_record.value, kPage});
    if (h.event_log.size != 0)
        out.kernel.push_back({kEventLog, h.event_log.base.value, h.event_log.size});
    if (h.watchdog.kind != manifest::WatchdogKind::none)
        out.kernel.push_back({"the watchdog's registers", h.watchdog.registers.value, kPage});
    if (h.ecam.value != 0)
        out.kernel.push_back({"configuration space", h.ecam.value, 256ULL << 20});
    std::sort(out.kernel.begin(), out.kernel.end(),
              [](const Private& a, const Private& b) { return std::tie(a.base, a.name) < std::tie(b.base, b.name); });
}

} // namespace

Image read_image(Bytes file, Bytes kernel, Bytes bundle_bytes) {
    Image out;
    if (kernel.empty()) {
        const Bytes config = iso_file(file, "/boot/grub/grub.cfg");
        kernel = iso_file(file, loaded_by(config, "multiboot2"));
        bundle_bytes = iso_file(file, loaded_by(config, "module2"));
    } else {
        for (const Bytes part : {kernel, bundle_bytes})
            if (memmem(file.data(), file.size(), part.data(), part.size()) == nullptr) // linear, whatever the bytes
                throw Unreadable("the image does not hold kernel and bundle, in one piece each");
    }
    const Bundle bundle = open(bundle_bytes);
    out.claims.appliance = text(bundle.header.name);
    out.claims.board = text(bundle.header.board);
    out.claims.digests = {sha256(file), sha256(kernel), sha256(bundle_bytes), file.size()};
    check_digests(bundle, kernel);
    read_partitions(bundle, out.claims);
    for (const manifest::Channel& channel : records<manifest::Channel>(bundle.manifest, bundle.header.channels)) {
        out.claims.channels.push_back({text(channel.name), partition_name(out.claims, channel.writer),
                                       partition_name(out.claims, channel.reader), channel.memory.base.value,
                                       channel.memory.size, channel.doorbell != 0});
    }
    read_devices(bundle, out);
    read_private(bundle, out.claims);
    return out;
}

} // namespace septum::recheck
