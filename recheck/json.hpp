// SPDX-License-Identifier: Apache-2.0
// The part of JSON (RFC 8259) that a certificate uses: no fractions, no negative numbers, no key twice, at most 16
// deep.
#pragma once

#include "recheck/report.hpp"

#include <array>
#include <map>

namespace septum::recheck {

struct Json {
    enum class Kind : std::uint8_t { null, boolean, number, string, array, object };

    Kind kind = Kind::null;
    bool boolean = false;
    std::uint64_t number = 0;
    std::string string;
    std::vector<Json> array;
    std::map<std::string, Json> object;

    // Each throws Unreadable, naming `where`, when it is something else.
    [[nodiscard]] const Json& is(Kind expected, const char* what) const;
    [[nodiscard]] const Json& at(const std::string& key) const;
    [[nodiscard]] const std::string& text() const { return is(Kind::string, "a string").string; }
    [[nodiscard]] std::uint64_t integer() const { return is(Kind::number, "a number").number; }
    [[nodiscard]] std::uint64_t hexadecimal() const; // a string "0x…", lower case, without leading zeros
    [[nodiscard]] bool truth() const { return is(Kind::boolean, "true or false").boolean; }
    [[nodiscard]] const std::vector<Json>& list() const { return is(Kind::array, "a list").array; }
    // The members of an object that has exactly these, in their order.
    template <std::size_t Count>
    [[nodiscard]] std::array<const Json*, Count> members(const char* const (&keys)[Count]) const {
        std::array<const Json*, Count> out;
        for (std::size_t i = 0; i < Count; ++i)
            out[i] = &at(keys[i]);
        if (object.size() != Count)
            throw Unreadable("`" + where + "` of the certificate has keys that this version does not know");
        return out;
    }

    std::string where; // "partitions[2].memory", for messages
};

[[nodiscard]] Json parse_json(std::string_view text);

} // namespace septum::recheck
