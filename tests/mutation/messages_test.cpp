// SPDX-License-Identifier: Apache-2.0
// Every finding on the bytes, as it is printed. tests/cases/bytes/PROPERTY/change.txt names a machine and one way in
// which its bundle is wrong, expected.txt is what the property then says. The appliances of the machines lie beside
// them. SEPTUM_BLESS=1 writes expected.txt anew and seeks a change for a property that has none; read the difference.
#include "tests/mutation/mutants.hpp"
#include "verifier/properties/registry.hpp"
#include "verifier/verifier.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

namespace septum::mutation {

namespace {

namespace fs = std::filesystem;

const fs::path kCases = fs::path(SEPTUM_SOURCE_DIR) / "tests/cases/bytes";
constexpr std::uint64_t kSeed = 0x5E97'0002;
constexpr Machine kMachines[] = {Machine::x2apic, Machine::xapic, Machine::vt_d, Machine::amd_vi};

bool blessing() {
    return std::getenv("SEPTUM_BLESS") != nullptr;
}

std::string slurp(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

struct Named {
    std::string change; // what change.txt has
    Operator op;
};

std::vector<Named> operators_of(Machine machine) {
    const auto groups = has_devices(machine)
                            ? std::vector<std::vector<Operator>>{device_operators(machine == Machine::amd_vi)}
                            : std::vector<std::vector<Operator>>{memory_operators(), table_operators(),
                                                                 manifest_operators(), digest_operators()};
    std::vector<Named> all;
    std::map<std::string, unsigned> seen; // some have one name for many
    for (const auto& group : groups) {
        for (const Operator& op : group) {
            std::string change = std::string(name(machine)) + ".yaml, " + op.area + ": " + op.what;
            if (const unsigned number = ++seen[change]; number > 1) {
                change += " (" + std::to_string(number) + ")";
            }
            all.push_back({change + "\n", op});
        }
    }
    return all;
}

const World& world_of(Machine machine) {
    static std::map<Machine, World> worlds;
    if (const auto found = worlds.find(machine); found != worlds.end()) {
        return found->second;
    }
    return worlds.emplace(machine, make_world(machine).value()).first->second;
}

verifier::Report judged(Machine machine, const Operator& op) {
    Editor editor(world_of(machine));
    Random random(kSeed);
    op.apply(editor, random);
    if (op.seal) {
        editor.seal();
    }
    return verifier::verify_bundle(world_of(machine).model, editor.kernel, editor.bundle, {.solver = false});
}

const config::Sources& sources_of(Machine machine) {
    static std::map<Machine, config::Sources> all;
    if (const auto found = all.find(machine); found != all.end()) {
        return found->second;
    }
    const std::string file = std::string(name(machine)) + ".yaml";
    return all.emplace(machine, config::load_text(appliance(machine), file, ".", {}).sources).first->second;
}

// What `report` says of one property; empty when it finds nothing wrong.
std::string said(Machine machine, const verifier::Report& report, const std::string& property) {
    std::string text;
    for (const verifier::PropertyResult& result : report.results) {
        if (result.id != property) {
            continue;
        }
        for (const verifier::Finding& finding : result.findings) {
            text += config::render(finding.diagnostic, sources_of(machine), false);
            text += "fingerprint: " + finding.fingerprint + "\n";
        }
        if (!text.empty()) {
            text += std::string(verifier::name(result.verdict)) + "\n";
        }
    }
    return text;
}

std::vector<std::string> properties_of_bytes() {
    // They speak of what lies around a bundle: verify-image, verify-disk, verify-altered of tests/cli/cases have them.
    const std::set<std::string> around{"image.boot-path", "image.kernel", "image.layout", "image.well-formed"};
    // What the file says of CPUs and devices is wrong before there are bytes: tests/cases/verifier and model_test.cpp.
    const std::set<std::string> before{"cpu.smt-exclusive", "dev.exclusive"};
    std::vector<std::string> ids;
    for (const verifier::Property* property : verifier::registry()) {
        if (property->bytes != nullptr && around.count(property->id) == 0 && before.count(property->id) == 0) {
            ids.emplace_back(property->id);
        }
    }
    return ids;
}

// The change whose message is shortest: a reader wants to see one thing wrong.
std::string seek(const std::string& property) {
    static std::map<std::string, std::pair<std::string, std::string>> best; // property → change, message
    if (best.empty()) {
        for (const Machine machine : kMachines) {
            for (const auto& [name, op] : operators_of(machine)) {
                const verifier::Report report = judged(machine, op);
                for (const std::string& id : properties_of_bytes()) {
                    const std::string text = said(machine, report, id);
                    auto& [change, message] = best[id];
                    if (!text.empty() && (message.empty() || text.size() < message.size())) {
                        change = name;
                        message = text;
                    }
                }
            }
        }
    }
    return best[property].first;
}

class MessageCase : public testing::TestWithParam<std::string> {};

TEST_P(MessageCase, SaysWhatIsExpected) {
    const fs::path folder = kCases / GetParam();
    if (blessing() && !fs::exists(folder / "change.txt")) {
        const std::string change = seek(GetParam());
        ASSERT_FALSE(change.empty()) << "no mutant violates it";
        fs::create_directories(folder);
        std::ofstream(folder / "change.txt", std::ios::binary) << change;
    }
    const std::string change = slurp(folder / "change.txt");
    ASSERT_FALSE(change.empty()) << "a message that nobody has read";
    bool found = false;
    for (const Machine machine : kMachines) {
        for (const auto& [name, op] : operators_of(machine)) {
            if (found || name != change) {
                continue;
            }
            found = true;
            const verifier::Report report = judged(machine, op);
            const std::string text = said(machine, report, GetParam());
            EXPECT_FALSE(report.proved());
            EXPECT_FALSE(text.empty());
            if (blessing()) {
                std::ofstream(folder / "expected.txt", std::ios::binary) << text;
            }
            EXPECT_EQ(text, slurp(folder / "expected.txt"));
        }
    }
    EXPECT_TRUE(found) << "no such change: " << change;
}

INSTANTIATE_TEST_SUITE_P(Bytes, MessageCase, testing::ValuesIn(properties_of_bytes()), [](const auto& info) {
    std::string text = info.param;
    std::replace_if(text.begin(), text.end(), [](char c) { return c == '-' || c == '.'; }, '_');
    return text;
});

TEST(MessageCases, HoldTheAppliancesThatTheySpeakOf) {
    for (const Machine machine : kMachines) {
        const fs::path file = kCases / (std::string(name(machine)) + ".yaml");
        if (blessing()) {
            fs::create_directories(kCases);
            std::ofstream(file, std::ios::binary) << appliance(machine);
        }
        EXPECT_EQ(appliance(machine), slurp(file));
    }
}

} // namespace

} // namespace septum::mutation
