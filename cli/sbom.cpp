// SPDX-License-Identifier: Apache-2.0
#include "cli/sbom.hpp"

#include "cli/version.hpp"

#include <cstdlib>
#include <ctime>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace septum::cli {
namespace {

using nlohmann::ordered_json;

// SPDX wants a time. The day of the build would make two builds differ: it is SOURCE_DATE_EPOCH, else the epoch.
std::string created() {
    const char* const text = std::getenv("SOURCE_DATE_EPOCH");
    const std::time_t seconds = text == nullptr ? 0 : static_cast<std::time_t>(std::strtoll(text, nullptr, 10));
    std::tm when = {};
    ::gmtime_r(&seconds, &when);
    char out[32];
    return {out, std::strftime(out, sizeof out, "%Y-%m-%dT%H:%M:%SZ", &when)};
}

ordered_json checksum(const std::string& digest) {
    return ordered_json::array({{{"algorithm", "SHA256"}, {"checksumValue", digest}}});
}

// GRUB's programs among what boots the image; its configuration and the boot catalogue are ours.
bool is_grub(const Ingredient& part) {
    return part.kind == "boot" && !part.name.ends_with("grub.cfg") && !part.name.ends_with("boot.cat");
}

std::string dumped(const ordered_json& root) {
    return root.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

} // namespace

std::string spdx(const Ingredients& made_of) {
    ordered_json packages = ordered_json::array();
    ordered_json relations = ordered_json::array();
    const auto add = [&](const std::string& id, const std::string& name, const std::string& purpose,
                         const std::string& digest, const std::string& license) {
        packages.push_back({{"SPDXID", id},
                            {"name", name},
                            {"downloadLocation", "NOASSERTION"},
                            {"filesAnalyzed", false},
                            {"licenseConcluded", "NOASSERTION"},
                            {"licenseDeclared", license},
                            {"copyrightText", "NOASSERTION"},
                            {"primaryPackagePurpose", purpose},
                            {"checksums", checksum(digest)}});
    };
    add("SPDXRef-image", made_of.image, "OPERATING_SYSTEM", made_of.image_digest, "NOASSERTION");
    for (std::size_t i = 0; i < made_of.parts.size(); i++) {
        const auto& part = made_of.parts[i];
        const std::string id = fmt::format("SPDXRef-{}-{}", part.kind, i);
        add(id, part.name, part.kind == "appliance" ? "SOURCE" : "APPLICATION", part.digest,
            part.kind == "kernel" ? "Apache-2.0"
            : is_grub(part)       ? "GPL-3.0-or-later"
                                  : "NOASSERTION");
        if (part.kind == "kernel")
            packages.back()["versionInfo"] = kVersion;
        relations.push_back({{"spdxElementId", "SPDXRef-image"},
                             {"relationshipType", part.kind == "appliance" ? "GENERATED_FROM" : "CONTAINS"},
                             {"relatedSpdxElement", id}});
    }
    return dumped(
        {{"spdxVersion", "SPDX-2.3"},
         {"dataLicense", "CC0-1.0"},
         {"SPDXID", "SPDXRef-DOCUMENT"},
         {"name", made_of.appliance},
         {"documentNamespace", "https://spdx.org/spdxdocs/septum-" + made_of.appliance + "-" + made_of.image_digest},
         {"creationInfo",
          {{"created", created()}, {"creators", ordered_json::array({std::string("Tool: septum-") + kVersion})}}},
         {"documentDescribes", ordered_json::array({"SPDXRef-image"})},
         {"packages", std::move(packages)},
         {"relationships", std::move(relations)}});
}

std::string provenance(const Ingredients& made_of) {
    ordered_json materials = ordered_json::array();
    for (const auto& part : made_of.parts)
        materials.push_back(
            {{"name", part.name}, {"digest", {{"sha256", part.digest}}}, {"annotations", {{"kind", part.kind}}}});
    return dumped(
        {{"_type", "https://in-toto.io/Statement/v1"},
         {"subject", ordered_json::array({{{"name", made_of.image}, {"digest", {{"sha256", made_of.image_digest}}}}})},
         {"predicateType", "https://slsa.dev/provenance/v1"},
         {"predicate",
          {{"buildDefinition",
            {{"buildType", "urn:septum:build:1"},
             {"externalParameters", {{"appliance", made_of.appliance}, {"target", made_of.target}}},
             {"resolvedDependencies", std::move(materials)}}},
           {"runDetails", {{"builder", {{"id", "urn:septum:tool"}, {"version", {{"septum", kVersion}}}}}}}}}});
}

} // namespace septum::cli
