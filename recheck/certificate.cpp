// SPDX-License-Identifier: Apache-2.0
// Reads a certificate (docs/certificate.md): every key known and there, the seal intact, nothing left open.
#include "recheck/claims.hpp"
#include "recheck/json.hpp"

namespace septum::recheck {

namespace {

constexpr std::uint64_t kFormat = 1;
constexpr std::string_view kSealLine = "\n  \"seal\": ";

std::uint32_t small(const Json& json, std::uint64_t limit) {
    const std::uint64_t value = json.kind == Json::Kind::string ? json.hexadecimal() : json.integer();
    if (value > limit)
        throw Unreadable("`" + json.where + "` of the certificate is too large");
    return static_cast<std::uint32_t>(value);
}

std::vector<Range> ranges(const Json& json, std::uint64_t limit) {
    std::vector<Range> out;
    for (const Json& pair : json.list()) {
        if (pair.list().size() != 2)
            throw Unreadable("`" + pair.where + "` of the certificate is not a pair");
        out.push_back({small(pair.array[0], limit), small(pair.array[1], limit)});
    }
    return out;
}

std::vector<Memory> memory(const Json& json, bool typed) {
    std::vector<Memory> out;
    for (const Json& one : json.list()) {
        one.expect_keys(typed ? std::vector<std::string>{"gpa", "hpa", "size", "access", "type"}
                              : std::vector<std::string>{"gpa", "hpa", "size", "access"});
        out.push_back({one.at("gpa").hexadecimal(), one.at("hpa").hexadecimal(), one.at("size").hexadecimal(),
                       one.at("access").text(), typed ? one.at("type").text() : std::string()});
    }
    return out;
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
    json.expect_keys({"name", "asid", "apic_ids", "memory", "ports", "msr_reads", "msr_writes"});
    Partition out;
    out.name = json.at("name").text();
    out.asid = json.at("asid").integer();
    for (const Json& id : json.at("apic_ids").list())
        out.apic_ids.push_back(small(id, 0xFFFF'FFFF));
    out.memory = memory(json.at("memory"), true);
    out.ports = ranges(json.at("ports"), 0xFFFF);
    out.msr_reads = ranges(json.at("msr_reads"), 0xFFFF'FFFF);
    out.msr_writes = ranges(json.at("msr_writes"), 0xFFFF'FFFF);
    return out;
}

Channel channel(const Json& json) {
    json.expect_keys({"name", "from", "to", "base", "size", "doorbell"});
    return {json.at("name").text(),        json.at("from").text(),        json.at("to").text(),
            json.at("base").hexadecimal(), json.at("size").hexadecimal(), json.at("doorbell").truth()};
}

Requesters requesters(const Json& json) {
    json.expect_keys({"ids", "state", "domain"});
    const Json& ids = json.at("ids");
    if (ids.list().size() != 2)
        throw Unreadable("`" + ids.where + "` of the certificate is not a pair");
    return {{small(ids.array[0], 0xFFFF), small(ids.array[1], 0xFFFF)},
            json.at("state").text(),
            json.at("domain").integer()};
}

void read_properties(const Json& json, bool image_alone, Certificate& out) {
    std::string before;
    for (const Json& property : json.list()) {
        property.expect_keys({"id", "level", "verdict", "reason"});
        const std::string& id = property.at("id").text();
        const std::string& verdict = property.at("verdict").text();
        (void)property.at("level").text();
        (void)property.at("reason").text();
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
    if (const std::uint64_t format = root.at("septum_certificate").integer(); format != kFormat) {
        throw Unreadable("the certificate has format " + std::to_string(format) + ", expected " +
                         std::to_string(kFormat));
    }
    root.expect_keys({"septum_certificate", "tool", "appliance", "image", "unit", "partitions", "channels",
                      "requesters", "domains", "kernel", "properties", "outside", "seal"});
    check_seal(text, digest(root.at("seal")));

    Certificate out;
    const Json& tool = root.at("tool");
    tool.expect_keys({"name", "sha256"});
    (void)tool.at("name").text();
    out.tool_digest = digest(tool.at("sha256"));
    const Json& appliance = root.at("appliance");
    appliance.expect_keys({"name", "board", "sha256", "board_sha256"});
    out.claims.appliance = appliance.at("name").text();
    out.claims.board = appliance.at("board").text();
    out.appliance_digest = maybe_digest(appliance.at("sha256"));
    out.board_digest = maybe_digest(appliance.at("board_sha256"));
    const Json& image = root.at("image");
    image.expect_keys({"sha256", "size", "kernel_sha256", "bundle_sha256"});
    out.claims.digests = {digest(image.at("sha256")), digest(image.at("kernel_sha256")),
                          digest(image.at("bundle_sha256")), image.at("size").integer()};
    out.claims.unit = root.at("unit").text();
    for (const Json& one : root.at("partitions").list())
        out.claims.partitions.push_back(partition(one));
    for (const Json& one : root.at("channels").list())
        out.claims.channels.push_back(channel(one));
    for (const Json& one : root.at("requesters").list())
        out.claims.requesters.push_back(requesters(one));
    for (const Json& one : root.at("domains").list()) {
        one.expect_keys({"id", "memory"});
        out.claims.domains.push_back({one.at("id").integer(), memory(one.at("memory"), false)});
    }
    for (const Json& one : root.at("kernel").list()) {
        one.expect_keys({"name", "base", "size"});
        out.claims.kernel.push_back(
            {one.at("name").text(), one.at("base").hexadecimal(), one.at("size").hexadecimal()});
    }
    for (const Json& one : root.at("outside").list())
        (void)one.text();
    read_properties(root.at("properties"), !out.appliance_digest, out);
    return out;
}

} // namespace septum::recheck
