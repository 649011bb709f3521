// SPDX-License-Identifier: Apache-2.0
#include "cli/compared.hpp"
#include "cli/version.hpp"

#include <nlohmann/json.hpp>

namespace septum::cli {
namespace {

using nlohmann::ordered_json;

constexpr int kJsonVersion = 1;

const char* name(Granted::Kind of) {
    switch (of) {
    case Granted::Kind::flow:
        return "flow";
    case Granted::Kind::grant:
        return "grant";
    case Granted::Kind::promise:
        break;
    }
    return "promise";
}

ordered_json to_json(const Change& change, const std::set<std::string>& approved) {
    return {{"id", change.id},
            {"of", name(change.of)},
            {"kind", name(change.kind)},
            {"subject", change.subject},
            {"what", change.what},
            {"place", change.place.empty() ? ordered_json(nullptr) : ordered_json(change.place)},
            {"gain", change.gain},
            {"approved", change.gain && approved.count(change.id) != 0}};
}

} // namespace

std::string changes_json(const Changes& changes, const std::set<std::string>& approved, const std::string& old_name,
                         const std::string& new_name, bool images, bool other_kernel) {
    ordered_json all = ordered_json::array();
    std::size_t gains = 0;
    std::size_t open = 0;
    for (const Change& change : changes.all) {
        gains += change.gain ? 1U : 0U;
        open += change.gain && approved.count(change.id) == 0 ? 1U : 0U;
        all.push_back(to_json(change, approved));
    }
    ordered_json root = {{"format", kJsonVersion},
                         {"septum", kVersion},
                         {"command", "diff"},
                         {"old", old_name},
                         {"new", new_name},
                         {"of", images ? "images" : "appliances"},
                         {"other_kernel", images ? ordered_json(other_kernel) : ordered_json(nullptr)},
                         {"summary",
                          {{"gains", gains},
                           {"not_approved", open},
                           {"unchanged_flows", changes.unchanged_flows},
                           {"unchanged_grants", changes.unchanged_grants}}},
                         {"changes", std::move(all)}};
    return root.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

} // namespace septum::cli
