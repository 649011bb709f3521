// SPDX-License-Identifier: Apache-2.0
// Reads a certificate (docs/certificate.md): every key known and there, the seal intact, nothing left open.
#include "recheck/claims.hpp"
#include "recheck/json.hpp"

namespace septum::recheck {

namespace {

constexpr std::uint64_t kFormat = 2;
constexpr std::string_view kSealLine = "\n  \"seal\": ";

std::uint32_t number(const Json& json) {
    const std::uint64_t value = json.kind == Json::Kind::string ? json.hexadecimal() : json.integer();
    if (value > 0xFFFF'FFFF)
        throw Unreadable("`" + json.where + "` of the certificate is too large");
    return static_cast<std::uint32_t>(value);
}

Range pair(const Json& json) {
    if (json.list().size() != 2)
        throw Unreadable("`" + json.where + "` of the certificate is not a pair");
    return {number(json.array[0]), number(json.array[1])};
}

template <typename Read>
auto each(const Json& list, Read&& read) {
    std::vector<decltype(read(list))> out;
    for (const Json& one : list.list())
        out.push_back(read(one));
    return out;
}

Memory mapping(const Json& json) {
    const auto [gpa, hpa, size, access, type] = json.members({"gpa", "hpa", "size", "access", "type"});
    return {gpa->hexadecimal(), hpa->hexadecimal(), size->hexadecimal(), access->text(), type->text()};
}
Memory untyped_mapping(const Json& json) {
    const auto [gpa, hpa, size, access] = json.members({"gpa", "hpa", "size", "access"});
    return {gpa->hexadecimal(), hpa->hexadecimal(), size->hexadecimal(), access->text(), ""};
}

std::string digest(const Json& json) {
    const std::string& text = json.text();
    if (text.size() != 64 || text.find_first_not_of("0123456789abcdef") != std::string::npos)
        throw Unreadable("`" + json.where + "` of the certificate is no SHA-256");
    return text;
}

std::optional<std::string> maybe_digest(const Json& json) {
    return json.kind == Json::Kind::null ? std::nullopt : std::optional(digest(json));
}

Partition partition(const Json& json) {
    const auto [name, asid, apic_ids, memory, ports, msr_reads, msr_writes] =
        json.members({"name", "asid", "apic_ids", "memory", "ports", "msr_reads", "msr_writes"});
    return {name->text(),       asid->integer(),        each(*apic_ids, number), each(*memory, mapping),
            each(*ports, pair), each(*msr_reads, pair), each(*msr_writes, pair)};
}

Channel channel(const Json& json) {
    const auto [name, from, to, base, size, doorbell] =
        json.members({"name", "from", "to", "base", "size", "doorbell"});
    return {name->text(), from->text(), to->text(), base->hexadecimal(), size->hexadecimal(), doorbell->truth()};
}

Requesters requesters(const Json& json) {
    const auto [ids, state, domain] = json.members({"ids", "state", "domain"});
    return {pair(*ids), state->text(), domain->integer()};
}

Interrupts interrupts(const Json& json) {
    const auto [table, entries, requester, source, owner, cpus, vectors, delivery, present] =
        json.members({"table", "entries", "requester", "source", "owner", "cpus", "vectors", "delivery", "present"});
    if (source->text() != "exact")
        throw Differs("`" + source->where + "` of the certificate is not `exact`");
    return {table->hexadecimal(), pair(*entries), number(*requester), owner->text(),
            each(*cpus, number),  pair(*vectors), delivery->text(),   present->truth()};
}

Domain domain(const Json& json) {
    const auto [id, memory] = json.members({"id", "memory"});
    return {id->integer(), each(*memory, untyped_mapping)};
}

Private kernel_range(const Json& json) {
    const auto [name, base, size] = json.members({"name", "base", "size"});
    return {name->text(), base->hexadecimal(), size->hexadecimal()};
}

void read_properties(const Json& json, bool image_alone, Certificate& out) {
    std::string before;
    for (const Json& property : json.list()) {
        const auto [key, level, found, reason] = property.members({"id", "level", "verdict", "reason"});
        const std::string& id = key->text();
        const std::string& verdict = found->text();
        (void)level->text();
        (void)reason->text();
        if (id <= before)
            throw Differs("property `" + id + "` is out of order or there twice");
        before = id;
        const bool passed = verdict == "proved" || verdict == "not-applicable" || verdict == "checked-at-boot";
        if (!passed && !(image_alone && verdict == "not-judged"))
            throw Differs("property `" + id + "` is `" + verdict + "`, so this certifies nothing");
        ++out.properties;
        out.proved += verdict == "proved" ? 1U : 0U;
    }
    if (out.proved == 0)
        throw Differs("the certificate says of no property that it is proved");
}

void check_seal(std::string_view text, const std::string& seal) {
    const std::size_t at = text.rfind(kSealLine);
    if (at == std::string_view::npos)
        throw Unreadable("the certificate has no seal as its last line");
    const Bytes sealed(reinterpret_cast<const std::uint8_t*>(text.data()), at + 1);
    if (const std::string found = sha256(sealed); found != seal)
        throw Differs("the certificate was altered: its seal is " + seal + ", but its bytes give " + found);
    if (text.substr(at) != std::string(kSealLine) + "\"" + seal + "\"\n}\n")
        throw Differs("the certificate was altered behind its seal");
}

} // namespace

Certificate read_certificate(Bytes file) {
    const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
    const Json root = parse_json(text);
    if (root.kind != Json::Kind::object || root.object.count("septum_certificate") == 0)
        throw Unreadable("this is no certificate: it lacks `septum_certificate`");
    if (const std::uint64_t found = root.at("septum_certificate").integer(); found != kFormat) {
        throw Unreadable("the certificate has format " + std::to_string(found) + ", expected " +
                         std::to_string(kFormat));
    }
    const auto [format, tool, appliance, image, unit, partitions, channels, requests, interrupt_entries, domains,
                kernel, properties, outside, seal] =
        root.members({"septum_certificate", "tool", "appliance", "image", "unit", "partitions", "channels",
                      "requesters", "interrupts", "domains", "kernel", "properties", "outside", "seal"});
    check_seal(text, digest(*seal));

    Certificate out;
    Claims& claims = out.claims;
    const auto [tool_name, tool_digest] = tool->members({"name", "sha256"});
    (void)tool_name->text();
    out.tool_digest = digest(*tool_digest);
    const auto [name, board, file_digest, board_digest] =
        appliance->members({"name", "board", "sha256", "board_sha256"});
    claims.appliance = name->text();
    claims.board = board->text();
    out.appliance_digest = maybe_digest(*file_digest);
    out.board_digest = maybe_digest(*board_digest);
    const auto [whole, size, kernel_file, bundle] =
        image->members({"sha256", "size", "kernel_sha256", "bundle_sha256"});
    claims.image_digest = digest(*whole);
    claims.image_size = size->integer();
    claims.kernel_digest = digest(*kernel_file);
    claims.bundle_digest = digest(*bundle);
    claims.unit = unit->text();
    claims.partitions = each(*partitions, partition);
    claims.channels = each(*channels, channel);
    claims.requesters = each(*requests, requesters);
    claims.interrupts = each(*interrupt_entries, interrupts);
    claims.domains = each(*domains, domain);
    claims.kernel = each(*kernel, kernel_range);
    for (const Json& one : outside->list())
        (void)one.text();
    read_properties(*properties, !out.appliance_digest, out);
    return out;
}

} // namespace septum::recheck
