// SPDX-License-Identifier: Apache-2.0
#include "verifier/certificate.hpp"

#include "verifier/facts/facts.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

constexpr int kFormat = 2;

// What no certificate speaks of.
constexpr const char* kOutside[] = {
    "timing and cache channels that no counter-measure in the configuration covers",
    "system management mode and other firmware",
    "errata of the processor",
    "DMA before the IOMMU is on",
    "the kernel's handlers, which are tested and not proved",
};

std::string in_quotes(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7F) {
            out += c == '\x7F' || static_cast<unsigned char>(c) < 0x20 ? '?' : c;
        } else {
            out += c;
        }
    }
    return out + "\"";
}

std::string hexed(std::uint64_t value) {
    return fmt::format("\"{:#x}\"", value);
}

std::string digest_text(const Sha256Digest& digest) {
    std::string out = "\"";
    for (const std::uint8_t byte : digest) {
        out += fmt::format("{:02x}", byte);
    }
    return out + "\"";
}

std::string digest_text(const std::optional<Sha256Digest>& digest) {
    return digest ? digest_text(*digest) : "null";
}

// `items`, one a line, each made by `text`.
template <typename Items, typename Text>
std::string list(const Items& items, const char* indent, Text&& text) {
    std::string out;
    for (const auto& item : items) {
        out += fmt::format("{}\n{}  {}", out.empty() ? "" : ",", indent, text(item));
    }
    return out.empty() ? "[]" : fmt::format("[{}\n{}]", out, indent);
}

std::string pairs(const std::vector<NumberRange>& ranges) {
    std::string out;
    for (const NumberRange& range : ranges) {
        out += fmt::format("{}[{}, {}]", out.empty() ? "" : ", ", hexed(range.first), hexed(range.last));
    }
    return "[" + out + "]";
}

std::string memory_text(const MemoryGrant& grant, bool typed) {
    return fmt::format(R"({{"gpa": {}, "hpa": {}, "size": {}, "access": {}{}}})", hexed(grant.gpa), hexed(grant.hpa),
                       hexed(grant.size), in_quotes(grant.access), typed ? ", \"type\": " + in_quotes(grant.type) : "");
}

std::string numbers(const std::vector<std::uint32_t>& ids) {
    return fmt::format("[{}]", fmt::join(ids, ", "));
}

std::string partition_text(const PartitionGrants& partition) {
    return fmt::format("{{\"name\": {}, \"asid\": {}, \"apic_ids\": {},\n     \"memory\": {},\n     \"ports\": {},\n"
                       "     \"msr_reads\": {},\n     \"msr_writes\": {}}}",
                       in_quotes(partition.name), partition.asid, numbers(partition.apic_ids),
                       list(partition.memory, "     ", [](const MemoryGrant& m) { return memory_text(m, true); }),
                       pairs(partition.ports), pairs(partition.msr_reads), pairs(partition.msr_writes));
}

std::string channel_text(const ChannelGrants& channel) {
    return fmt::format(R"({{"name": {}, "from": {}, "to": {}, "base": {}, "size": {}, "doorbell": {}}})",
                       in_quotes(channel.name), in_quotes(channel.from), in_quotes(channel.to), hexed(channel.base),
                       hexed(channel.size), channel.doorbell);
}

std::string requester_json(const RequesterGrants& requesters) {
    return fmt::format(R"({{"ids": [{}, {}], "state": {}, "domain": {}}})", hexed(requesters.ids.first),
                       hexed(requesters.ids.last), in_quotes(requesters.state), requesters.domain);
}

std::string interrupt_text(const InterruptGrants& grant) {
    return fmt::format("{{\"table\": {}, \"entries\": [{}, {}], \"requester\": {}, \"source\": {}, \"owner\": {},\n"
                       "     \"cpus\": {}, \"vectors\": [{}, {}], \"delivery\": {}, \"present\": {}}}",
                       hexed(grant.table), hexed(grant.entries.first), hexed(grant.entries.last),
                       hexed(grant.requester), in_quotes(grant.exact ? "exact" : "loose"), in_quotes(grant.owner),
                       numbers(grant.apic_ids), hexed(grant.vectors.first), hexed(grant.vectors.last),
                       in_quotes(grant.delivery), grant.present);
}

std::string domain_text(const DomainGrants& domain) {
    return fmt::format("{{\"id\": {},\n     \"memory\": {}}}", domain.id,
                       list(domain.memory, "     ", [](const MemoryGrant& m) { return memory_text(m, false); }));
}

std::string property_text(const PropertyResult& result) {
    return fmt::format(R"({{"id": {}, "level": {}, "verdict": {}, "reason": {}}})", in_quotes(result.id),
                       in_quotes(name(result.level)), in_quotes(name(result.verdict)), in_quotes(result.reason));
}

} // namespace

std::optional<std::string> certificate(const Report& report, const Grants& grants, const CertificateInputs& inputs) {
    if (!report.proved() || report.image_digest != grants.image_digest) {
        return std::nullopt;
    }
    std::string out = fmt::format("{{\n  \"septum_certificate\": {},\n", kFormat);
    out += fmt::format("  \"tool\": {{\"name\": {}, \"sha256\": {}}},\n", in_quotes(inputs.tool),
                       digest_text(inputs.tool_digest));
    out += fmt::format("  \"appliance\": {{\"name\": {}, \"board\": {}, \"sha256\": {}, \"board_sha256\": {}}},\n",
                       in_quotes(grants.appliance), in_quotes(grants.board), digest_text(inputs.appliance_digest),
                       digest_text(inputs.board_digest));
    out += fmt::format("  \"image\": {{\"sha256\": {}, \"size\": {}, \"kernel_sha256\": {}, \"bundle_sha256\": {}}},\n",
                       digest_text(grants.image_digest), grants.image_size, digest_text(grants.kernel_digest),
                       digest_text(grants.bundle_digest));
    out += fmt::format("  \"partitions\": {},\n", list(grants.partitions, "  ", partition_text));
    out += fmt::format("  \"channels\": {},\n", list(grants.channels, "  ", channel_text));
    out += fmt::format("  \"unit\": {},\n", in_quotes(grants.unit));
    out += fmt::format("  \"requesters\": {},\n", list(grants.requesters, "  ", requester_json));
    out += fmt::format("  \"interrupts\": {},\n", list(grants.interrupts, "  ", interrupt_text));
    out += fmt::format("  \"domains\": {},\n", list(grants.domains, "  ", domain_text));
    out += fmt::format("  \"kernel\": {},\n", list(grants.kernel, "  ", [](const PrivateRange& own) {
                           return fmt::format(R"({{"name": {}, "base": {}, "size": {}}})", in_quotes(own.name),
                                              hexed(own.base), hexed(own.size));
                       }));
    out += fmt::format("  \"properties\": {},\n", list(report.results, "  ", property_text));
    out += fmt::format("  \"outside\": {},\n", list(kOutside, "  ", [](const char* text) { return in_quotes(text); }));
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(out.data());
    const std::string seal = hex(sha256({bytes, out.size()}));
    return out + fmt::format("  \"seal\": \"{}\"\n}}\n", seal);
}

} // namespace septum::verifier
