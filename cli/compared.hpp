// SPDX-License-Identifier: Apache-2.0
// Two appliances, or two images, side by side: what each grants as a list of items, and what became of each item.
#pragma once

#include "config/model.hpp"
#include "verifier/flow.hpp"
#include "verifier/grants.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace septum::cli {

// How much of something: compared by `rank`, shown by `text`.
struct Amount {
    std::uint64_t rank = 0;
    std::string text;
    bool bits = false; // each bit of `rank` is a right of its own: one more is a gain, whatever others are gone
};

// One thing that is granted, flows, or is promised.
struct Granted {
    enum class Kind : std::uint8_t { flow, grant, promise };
    Kind kind = Kind::grant;
    std::string subject;                   // "net → crypto", "crypto"
    std::string what;                      // "channel `cmd`"
    std::map<std::string, Amount> amounts; // "size" → 4096, "4 KiB"
    config::Span span;
};

// A whole side. Keys are stable ids: "flow:net:crypto:channel-cmd".
struct Side {
    std::map<std::string, Granted> items;
    std::string kernel; // digest of an image's kernel, for images

    // Two that would have one key are two all the same: the second is called KEY#2.
    void add(const std::string& key, Granted item);
    verifier::FlowView flow;
    config::Sources sources;
};

[[nodiscard]] Side side_of(const config::Model& model, config::Sources sources);
[[nodiscard]] Side side_of(const verifier::Grants& grants, verifier::FlowView flow);

struct Change {
    // Promises are rules of the policy: one that is gone is a gain of what it forbade.
    enum class Kind : std::uint8_t { added, removed, widened, narrowed, reachable, unreachable };
    Kind kind = Kind::added;
    std::string id; // as an approval file names it: "added:flow:net:crypto:channel-cmd:doorbell=no:size=4KiB"
    Granted::Kind of = Granted::Kind::grant;
    std::string subject;
    std::string what;
    std::string place; // file:line, empty when there is none
    // Someone may do what he could not do before.
    bool gain = false;
};

[[nodiscard]] const char* name(Change::Kind kind); // "added", "widened", …

struct Changes {
    std::vector<Change> all; // sorted: flows, grants, promises, reach; by id inside
    std::size_t unchanged_flows = 0;
    std::size_t unchanged_grants = 0;
};

[[nodiscard]] Changes compare(const Side& old_side, const Side& new_side);

// The JSON form (docs/json.md). `approved`: ids that somebody has looked at; `old_name`, `new_name`: as they were
// given.
[[nodiscard]] std::string changes_json(const Changes& changes, const std::set<std::string>& approved,
                                       const std::string& old_name, const std::string& new_name, bool images,
                                       bool other_kernel);

} // namespace septum::cli
