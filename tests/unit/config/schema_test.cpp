// SPDX-License-Identifier: Apache-2.0
// The JSON Schemas know the same keys as the reader. Asked through its own messages: an unknown key is answered with
// the list of the known ones.
#include "reading.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <set>

namespace septum::config {
namespace {

using Json = nlohmann::json;

Json schema(const std::string& name) {
    std::ifstream in(std::filesystem::path(SEPTUM_SOURCE_DIR) / "config/schema" / name);
    return Json::parse(in);
}

std::set<std::string> keys_of(const Json& object) {
    std::set<std::string> keys;
    for (const auto& [key, value] : object.at("properties").items())
        keys.insert(key);
    return keys;
}

// What the reader lists for the mapping that holds the key `qqqqqqqqqqqq`.
std::set<std::string> known_keys(const std::string& text) {
    std::set<std::string> keys;
    for (const Diagnostic& diagnostic : read(text).diagnostics) {
        if (diagnostic.id != "config.unknown-key")
            continue;
        std::size_t at = 0;
        while ((at = diagnostic.help.find('`', at)) != std::string::npos) {
            const std::size_t end = diagnostic.help.find('`', at + 1);
            keys.insert(diagnostic.help.substr(at + 1, end - at - 1));
            at = end + 1;
        }
    }
    return keys;
}

const std::string kUnknown = "{qqqqqqqqqqqq: 1}";

std::string partition(const std::string& key) {
    return "partitions: {a: {" + key + ": " + kUnknown + "}}";
}

TEST(Schema, ApplianceKeys) {
    const Json root = schema("appliance.schema.json");
    const Json& definitions = root.at("definitions");
    EXPECT_EQ(keys_of(root), known_keys(kUnknown));
    EXPECT_EQ(keys_of(definitions.at("partition")), known_keys("partitions: {a: " + kUnknown + "}"));
    EXPECT_EQ(keys_of(definitions.at("boot")), known_keys(partition("boot")));
    EXPECT_EQ(keys_of(definitions.at("boot").at("properties").at("linux")),
              known_keys("partitions: {a: {boot: {linux: " + kUnknown + "}}}"));
    EXPECT_EQ(keys_of(definitions.at("on_fault").at("oneOf").at(1)), known_keys(partition("on_fault")));
    EXPECT_EQ(keys_of(definitions.at("channel")), known_keys("channels: {a: " + kUnknown + "}"));
    EXPECT_EQ(keys_of(definitions.at("external")), known_keys("external: {a: " + kUnknown + "}"));
    EXPECT_EQ(keys_of(definitions.at("rule")), known_keys("policy: [" + kUnknown + "]"));
    for (const char* rule : {"never", "only"})
        EXPECT_EQ(keys_of(definitions.at("rule").at("properties").at(rule)),
                  known_keys("policy: [{" + std::string(rule) + ": " + kUnknown + "}]"));
}

TEST(Schema, BoardKeys) {
    const Json root = schema("board.schema.json");
    const Json& keys = root.at("properties");
    EXPECT_EQ(keys_of(root), known_keys("board: " + kUnknown));
    EXPECT_EQ(keys_of(keys.at("cpus").at("items")), known_keys("board: {cpus: [" + kUnknown + "]}"));
    EXPECT_EQ(keys_of(keys.at("memory").at("items")), known_keys("board: {memory: [" + kUnknown + "]}"));
    EXPECT_EQ(keys_of(keys.at("iommu")), known_keys("board: {iommu: " + kUnknown + "}"));
    EXPECT_EQ(keys_of(keys.at("pci").at("additionalProperties")), known_keys("board: {pci: {a: " + kUnknown + "}}"));
    EXPECT_EQ(keys_of(keys.at("watchdog")), known_keys("board: {watchdog: " + kUnknown + "}"));
    const Json& function = keys.at("pci").at("additionalProperties").at("properties");
    const auto inside = [](const std::string& text) { return known_keys("board: {pci: {a: {" + text + "}}}"); };
    EXPECT_EQ(keys_of(function.at("bars").at("additionalProperties")), inside("bars: {0: " + kUnknown + "}"));
    EXPECT_EQ(keys_of(function.at("msi")), inside("msi: " + kUnknown));
    EXPECT_EQ(keys_of(function.at("msix")), inside("msix: " + kUnknown));
    EXPECT_EQ(keys_of(function.at("capabilities").at("items")), inside("capabilities: [" + kUnknown + "]"));
    EXPECT_EQ(keys_of(function.at("bridge")), inside("bridge: " + kUnknown));
    EXPECT_EQ(keys_of(root.at("definitions").at("place")),
              inside("msix: {at: 0x40, pba: {bar: 0, offset: 0x0}, table: " + kUnknown + "}"));
    EXPECT_EQ(keys_of(root.at("definitions").at("window")), inside("bridge: {secondary: 1, window: " + kUnknown + "}"));
    EXPECT_EQ(keys_of(keys.at("iommu").at("properties").at("reserved").at("items")),
              known_keys("board: {iommu: {kind: vt-d, reserved: [" + kUnknown + "]}}"));
    EXPECT_EQ(keys_of(keys.at("qemu")), known_keys("board: {qemu: " + kUnknown + "}"));
}

} // namespace
} // namespace septum::config
