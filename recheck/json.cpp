// SPDX-License-Identifier: Apache-2.0
#include "recheck/json.hpp"

#include <algorithm>
#include <charconv>

namespace septum::recheck {

namespace {

constexpr int kDeepest = 16;

class Parser {
public:
    explicit Parser(std::string_view text) : text_(text) {}

    Json whole() {
        Json value = read("the certificate", 0);
        space();
        if (at_ != text_.size())
            fail("something follows the end");
        return value;
    }

private:
    [[noreturn]] void fail(const std::string& what) const {
        throw Unreadable("the certificate is no JSON as it should be: " + what + " at byte " + std::to_string(at_));
    }
    void space() { at_ = std::min(text_.find_first_not_of(" \n\t\r", at_), text_.size()); }
    bool take(char c) {
        space();
        if (at_ < text_.size() && text_[at_] == c) {
            ++at_;
            return true;
        }
        return false;
    }
    void need(char c) {
        if (!take(c))
            fail(std::string("expected `") + c + "`");
    }
    bool word(std::string_view w) {
        if (text_.substr(at_, w.size()) == w) {
            at_ += w.size();
            return true;
        }
        return false;
    }

    std::string string() {
        need('"');
        std::string out;
        for (;;) {
            if (at_ == text_.size())
                fail("a string without end");
            const char c = text_[at_++];
            if (c == '"')
                return out;
            if (static_cast<unsigned char>(c) < 0x20)
                fail("a control character in a string");
            if (c != '\\') {
                out += c;
                continue;
            }
            if (at_ == text_.size())
                fail("a string without end");
            const char escaped = text_[at_++];
            if (escaped == '"' || escaped == '\\' || escaped == '/') {
                out += escaped;
            } else if (escaped == 'n') {
                out += '\n';
            } else {
                fail("an escape that certificates do not use");
            }
        }
    }

    Json read(std::string where, int depth) {
        if (depth > kDeepest)
            fail("too deep");
        Json value;
        value.where = where;
        space();
        if (at_ == text_.size())
            fail("it ends too early");
        const char c = text_[at_];
        if (c == '{') {
            ++at_;
            value.kind = Json::Kind::object;
            if (!take('}')) {
                do {
                    space();
                    const std::string key = string();
                    need(':');
                    if (!value.object.emplace(key, read(depth == 0 ? key : where + "." + key, depth + 1)).second)
                        fail("the key `" + key + "` comes twice");
                } while (take(','));
                need('}');
            }
        } else if (c == '[') {
            ++at_;
            value.kind = Json::Kind::array;
            if (!take(']')) {
                do {
                    value.array.push_back(read(where + "[" + std::to_string(value.array.size()) + "]", depth + 1));
                } while (take(','));
                need(']');
            }
        } else if (c == '"') {
            value.kind = Json::Kind::string;
            value.string = string();
        } else if (c >= '0' && c <= '9') {
            value.kind = Json::Kind::number;
            const char* begin = text_.data() + at_;
            const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value.number);
            if (error != std::errc())
                fail("a number beyond 64 bits");
            at_ += static_cast<std::size_t>(end - begin);
        } else if (word("true")) {
            value.kind = Json::Kind::boolean;
            value.boolean = true;
        } else if (word("false")) {
            value.kind = Json::Kind::boolean;
        } else if (!word("null")) {
            fail("no value begins so");
        }
        return value;
    }

    std::string_view text_;
    std::size_t at_ = 0;
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

const std::string& Json::text() const {
    return is(Kind::string, "a string").string;
}

std::uint64_t Json::integer() const {
    return is(Kind::number, "a number").number;
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

bool Json::truth() const {
    return is(Kind::boolean, "true or false").boolean;
}

const std::vector<Json>& Json::list() const {
    return is(Kind::array, "a list").array;
}

void Json::expect_keys(const std::vector<std::string>& keys) const {
    for (const std::string& key : keys)
        (void)at(key);
    if (object.size() != keys.size())
        throw Unreadable("`" + where + "` of the certificate has keys that this version does not know");
}

Json parse_json(std::string_view text) {
    return Parser(text).whole();
}

} // namespace septum::recheck
