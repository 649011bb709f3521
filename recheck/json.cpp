// SPDX-License-Identifier: Apache-2.0
#include "recheck/json.hpp"

#include <algorithm>
#include <charconv>

namespace septum::recheck {

namespace {

constexpr int kDeepest = 16;

struct Parser {
    std::string_view text;
    std::size_t at = 0;

    Json whole() {
        Json value = read("the certificate", 0);
        space();
        if (at != text.size())
            fail("something follows the end");
        return value;
    }

    [[noreturn]] void fail(const std::string& what) const {
        throw Unreadable("the certificate is no JSON as it should be: " + what + " at byte " + std::to_string(at));
    }
    void space() { at = std::min(text.find_first_not_of(" \n\t\r", at), text.size()); }
    bool take(char c) {
        space();
        return word({&c, 1});
    }
    void need(char c) {
        if (!take(c))
            fail(std::string("expected `") + c + "`");
    }
    bool word(std::string_view w) {
        if (text.substr(at, w.size()) == w) {
            at += w.size();
            return true;
        }
        return false;
    }

    char next() {
        if (at == text.size())
            fail("a string without end");
        return text[at++];
    }

    std::string string() {
        need('"');
        std::string out;
        for (;;) {
            char c = next();
            if (c == '"')
                return out;
            if (static_cast<unsigned char>(c) < 0x20)
                fail("a control character in a string");
            if (c == '\\') {
                c = next();
                if (c == 'n')
                    c = '\n';
                else if (c != '"' && c != '\\' && c != '/')
                    fail("an escape that certificates do not use");
            }
            out += c;
        }
    }

    // What stands between two brackets, apart by commas.
    template <typename Item>
    void items(char close, Item&& item) {
        ++at;
        if (take(close))
            return;
        do {
            item();
        } while (take(','));
        need(close);
    }

    Json read(std::string where, int depth) {
        if (depth > kDeepest)
            fail("too deep");
        Json value;
        value.where = where;
        space();
        if (at == text.size())
            fail("it ends too early");
        const char c = text[at];
        if (c == '{') {
            value.kind = Json::Kind::object;
            items('}', [&] {
                space();
                const std::string key = string();
                need(':');
                if (!value.object.emplace(key, read(depth == 0 ? key : where + "." + key, depth + 1)).second)
                    fail("the key `" + key + "` comes twice");
            });
        } else if (c == '[') {
            value.kind = Json::Kind::array;
            items(']', [&] {
                value.array.push_back(read(where + "[" + std::to_string(value.array.size()) + "]", depth + 1));
            });
        } else if (c == '"') {
            value.kind = Json::Kind::string;
            value.string = string();
        } else if (c >= '0' && c <= '9') {
            value.kind = Json::Kind::number;
            const char* begin = text.data() + at;
            const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value.number);
            if (error != std::errc())
                fail("a number beyond 64 bits");
            at += static_cast<std::size_t>(end - begin);
        } else if (value.boolean = word("true"); value.boolean || word("false")) {
            value.kind = Json::Kind::boolean;
        } else if (!word("null")) {
            fail("no value begins so");
        }
        return value;
    }
};

[[noreturn]] void wrong_kind(const Json& json, const char* expected) {
    throw Unreadable("`" + json.where + "` of the certificate is not " + expected);
}

} // namespace

const Json& Json::at(const std::string& key) const {
    const auto found = object.find(key);
    if (kind != Kind::object || found == object.end())
        throw Unreadable("`" + where + "` of the certificate lacks `" + key + "`");
    return found->second;
}

const Json& Json::is(Kind expected, const char* what) const {
    if (kind != expected)
        wrong_kind(*this, what);
    return *this;
}

std::uint64_t Json::hexadecimal() const {
    const std::string& digits = text();
    std::uint64_t out = 0;
    if (digits.size() > 2)
        (void)std::from_chars(digits.data() + 2, digits.data() + digits.size(), out, 16);
    if (hex(out) != digits) // the one way to write it
        wrong_kind(*this, "a hexadecimal number such as \"0x1000\"");
    return out;
}

Json parse_json(std::string_view text) {
    return Parser{text}.whole();
}

} // namespace septum::recheck
