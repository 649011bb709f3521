// SPDX-License-Identifier: Apache-2.0
#include "recheck/json.hpp"

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
    void space() {
        while (at_ < text_.size() &&
               (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
            ++at_;
    }
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
            for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
                const auto digit = static_cast<std::uint64_t>(text_[at_] - '0');
                if (value.number > (~0ULL - digit) / 10)
                    fail("a number beyond 64 bits");
                value.number = value.number * 10 + digit;
            }
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

const std::string& Json::text() const {
    if (kind != Kind::string)
        wrong_kind(*this, "a string");
    return string;
}

std::uint64_t Json::integer() const {
    if (kind != Kind::number)
        wrong_kind(*this, "a number");
    return number;
}

std::uint64_t Json::hexadecimal() const {
    const std::string& digits = text();
    if (digits.size() < 3 || digits.size() > 18 || digits.substr(0, 2) != "0x" ||
        (digits.size() > 3 && digits[2] == '0'))
        wrong_kind(*this, "a hexadecimal number such as \"0x1000\"");
    std::uint64_t out = 0;
    for (const char c : digits.substr(2)) {
        const bool letter = c >= 'a' && c <= 'f';
        if (!letter && (c < '0' || c > '9'))
            wrong_kind(*this, "a hexadecimal number such as \"0x1000\"");
        out = out << 4 | static_cast<std::uint64_t>(letter ? c - 'a' + 10 : c - '0');
    }
    return out;
}

bool Json::truth() const {
    if (kind != Kind::boolean)
        wrong_kind(*this, "true or false");
    return boolean;
}

const std::vector<Json>& Json::list() const {
    if (kind != Kind::array)
        wrong_kind(*this, "a list");
    return array;
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
