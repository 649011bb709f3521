// SPDX-License-Identifier: Apache-2.0
#include "verifier/decode/aml.hpp"

#include <algorithm>

namespace septum::verifier::decode {

namespace {

constexpr unsigned kMaxDepth = 16;
constexpr std::size_t kMaxNames = 4096;

// Opcodes (§20.3).
constexpr std::uint8_t kZero = 0x00;
constexpr std::uint8_t kOne = 0x01;
constexpr std::uint8_t kName = 0x08;
constexpr std::uint8_t kByte = 0x0A;
constexpr std::uint8_t kWord = 0x0B;
constexpr std::uint8_t kDword = 0x0C;
constexpr std::uint8_t kString = 0x0D;
constexpr std::uint8_t kQword = 0x0E;
constexpr std::uint8_t kScope = 0x10;
constexpr std::uint8_t kBuffer = 0x11;
constexpr std::uint8_t kPackage = 0x12;
constexpr std::uint8_t kMethod = 0x14;
constexpr std::uint8_t kExtended = 0x5B;
constexpr std::uint8_t kDevice = 0x82;    // after kExtended
constexpr std::uint8_t kProcessor = 0x83; // after kExtended
constexpr std::uint8_t kReturn = 0xA4;
constexpr std::uint8_t kOnes = 0xFF;

struct Value {
    enum class Kind : std::uint8_t { integer, string, buffer, package } kind = Kind::integer;
    std::uint64_t integer = 0; // of a package: its first element, when that is an integer
    bool has_integer = false;
    std::string string;
    ByteSpan buffer;
};

// A place in the AML and the end of the list it is in.
struct Cursor {
    std::uint64_t at = 0;
    std::uint64_t end = 0;
};

class Parser {
public:
    Parser(ByteSpan aml, std::uint64_t gpa, const std::string& what, Acpi& acpi)
        : aml_(aml), gpa_(gpa), what_(what), acpi_(acpi) {}

    void run() {
        Cursor all{0, aml_.size()};
        complete_ = terms(all, "\\", nowhere, 0);
        acpi_.aml_complete = complete_;
    }

private:
    static constexpr std::size_t nowhere = ~std::size_t{0};

    bool terms(Cursor& list, const std::string& scope, std::size_t device, unsigned depth) {
        if (depth > kMaxDepth) {
            return fail(DefectKind::too_much, list.at, "is nested too deeply");
        }
        bool all = true;
        while (list.at < list.end) {
            const std::uint64_t start = list.at;
            const std::uint8_t opcode = aml_[list.at++];
            bool ok = false;
            if (opcode == kName) {
                ok = named_value(list, scope, device, depth);
            } else if (opcode == kScope) {
                ok = block(list, scope, [&](Cursor& body, const std::string& path) {
                    return terms(body, path, nowhere, depth + 1);
                });
            } else if (opcode == kMethod) {
                ok = block(list, scope,
                           [&](Cursor& body, const std::string& path) { return method(body, path, depth); });
            } else if (opcode == kExtended && list.at < list.end && aml_[list.at] == kDevice) {
                ++list.at;
                ok = block(list, scope, [&](Cursor& body, const std::string& path) {
                    acpi_.devices.push_back({path, {}, {}, {}, {}, {}});
                    return terms(body, path, acpi_.devices.size() - 1, depth + 1);
                });
            } else if (opcode == kExtended && list.at < list.end && aml_[list.at] == kProcessor) {
                ++list.at;
                ok = block(list, scope, [&](Cursor& body, const std::string& path) {
                    body.at += 6; // ProcID, PblkAddr, PblkLen
                    return body.at <= body.end && terms(body, path, nowhere, depth + 1);
                });
            } else {
                return fail(DefectKind::unknown, start, "has an opcode that is not understood", opcode);
            }
            if (!ok) {
                all = false;
                if (list.at > list.end || list.at <= start + 1) {
                    return false;
                }
            }
        }
        return all;
    }

    // PkgLength NameString body. The list goes on behind the block even when its body was not understood.
    template <typename Body>
    bool block(Cursor& list, const std::string& scope, Body&& body) {
        Cursor inner;
        std::string path;
        if (!package_length(list, inner) || !name_string(inner, scope, path)) {
            list.at = list.end;
            return false;
        }
        const std::uint64_t end = inner.end;
        add_name(path);
        const bool ok = body(inner, path);
        list.at = end;
        return ok;
    }

    bool method(Cursor& body, const std::string& path, unsigned depth) {
        if (body.at >= body.end) {
            return fail(DefectKind::cut_short, body.at, "has a method without flags");
        }
        ++body.at; // flags
        Value value;
        if (body.at < body.end && aml_[body.at] == kReturn) {
            ++body.at;
            if (data(body, value, depth) && body.at == body.end) {
                return true;
            }
        }
        return fail(DefectKind::unknown, body.at, ("has code in the method `" + path + "`").c_str());
    }

    bool named_value(Cursor& list, const std::string& scope, std::size_t device, unsigned depth) {
        std::string path;
        Value value;
        if (!name_string(list, scope, path) || !data(list, value, depth)) {
            list.at = list.end;
            return false;
        }
        add_name(path);
        const std::string last = path.substr(path.size() < 4 ? 0 : path.size() - 4);
        if (path == "\\_S5_" && value.has_integer) {
            acpi_.s5_type = value.integer;
        }
        if (device != nowhere) {
            AcpiDevice& here = acpi_.devices[device];
            if (last == "_HID") {
                here.hid = value.kind == Value::Kind::string ? value.string : eisa_id(value.integer);
            } else if (last == "_CRS") {
                return value.kind == Value::Kind::buffer && resources(value.buffer, here);
            }
        }
        return true;
    }

    bool data(Cursor& list, Value& value, unsigned depth) {
        if (depth > kMaxDepth || list.at >= list.end) {
            return fail(DefectKind::cut_short, list.at, "ends within a value");
        }
        const std::uint64_t start = list.at;
        const std::uint8_t opcode = aml_[list.at++];
        switch (opcode) {
        case kZero:
            return integer(value, 0);
        case kOne:
            return integer(value, 1);
        case kOnes:
            return integer(value, ~0ULL);
        case kByte:
            return constant(list, value, 1);
        case kWord:
            return constant(list, value, 2);
        case kDword:
            return constant(list, value, 4);
        case kQword:
            return constant(list, value, 8);
        case kString: {
            value.kind = Value::Kind::string;
            while (list.at < list.end && aml_[list.at] != 0) {
                value.string.push_back(static_cast<char>(aml_[list.at++]));
            }
            return list.at++ < list.end || fail(DefectKind::cut_short, start, "has a string without an end");
        }
        case kBuffer: {
            Cursor body;
            Value size;
            if (!package_length(list, body) || !data(body, size, depth + 1) || size.kind != Value::Kind::integer) {
                return fail(DefectKind::unknown, start, "has a buffer without a constant size");
            }
            value.kind = Value::Kind::buffer;
            value.buffer = aml_.subspan(body.at, body.end - body.at);
            list.at = body.end;
            return size.integer == value.buffer.size() ||
                   fail(DefectKind::wrong_value, start, "has a buffer of another size than it says");
        }
        case kPackage:
            return package(list, value, depth, start);
        default:
            list.at = start;
            return fail(DefectKind::unknown, start, "has a value that is not understood", opcode);
        }
    }

    bool package(Cursor& list, Value& value, unsigned depth, std::uint64_t start) {
        Cursor body;
        if (!package_length(list, body) || body.at >= body.end) {
            return fail(DefectKind::cut_short, start, "has a package without a length");
        }
        value.kind = Value::Kind::package;
        const unsigned count = aml_[body.at++];
        unsigned seen = 0;
        for (; body.at < body.end; ++seen) {
            Value element;
            std::string path;
            const std::uint8_t lead = aml_[body.at];
            const bool is_name = lead == '\\' || lead == '^' || lead == '_' || (lead >= 'A' && lead <= 'Z');
            if (!(is_name ? name_string(body, "\\", path) : data(body, element, depth + 1))) {
                return false;
            }
            if (seen == 0 && !is_name && element.kind == Value::Kind::integer) {
                value.integer = element.integer;
                value.has_integer = true;
            }
        }
        list.at = body.end;
        return seen <= count || fail(DefectKind::wrong_value, start, "has a package of more elements than it says");
    }

    static bool integer(Value& value, std::uint64_t number) {
        value.kind = Value::Kind::integer;
        value.integer = number;
        value.has_integer = true;
        return true;
    }

    bool constant(Cursor& list, Value& value, unsigned size) {
        if (list.end - list.at < size) {
            return fail(DefectKind::cut_short, list.at, "ends within a number");
        }
        std::uint64_t number = 0;
        for (unsigned i = 0; i < size; ++i) {
            number |= std::uint64_t{aml_[list.at++]} << (8 * i);
        }
        return integer(value, number);
    }

    // §20.2.4. `body` is what the package holds, the length itself left out.
    bool package_length(Cursor& list, Cursor& body) {
        const std::uint64_t start = list.at;
        if (start >= list.end) {
            return fail(DefectKind::cut_short, start, "ends before a package length");
        }
        const std::uint8_t lead = aml_[start];
        const unsigned more = lead >> 6;
        if (list.end - start < 1 + more) {
            return fail(DefectKind::cut_short, start, "ends within a package length");
        }
        std::uint64_t length = more == 0 ? lead & 0x3FU : lead & 0x0FU;
        for (unsigned i = 0; i < more; ++i) {
            length |= std::uint64_t{aml_[start + 1 + i]} << (4 + 8 * i);
        }
        if (length < 1 + more || length > list.end - start) {
            return fail(DefectKind::out_of_range, start, "has a package that leaves the one around it");
        }
        body = {start + 1 + more, start + length};
        list.at = body.end;
        return true;
    }

    // §20.2.2, made absolute.
    bool name_string(Cursor& list, const std::string& scope, std::string& path) {
        path = scope;
        while (list.at < list.end && (aml_[list.at] == '\\' || aml_[list.at] == '^')) {
            if (aml_[list.at++] == '\\') {
                path = "\\";
            } else {
                const std::size_t dot = path.rfind('.');
                path = dot == std::string::npos ? "\\" : path.substr(0, dot);
            }
        }
        if (list.at >= list.end) {
            return fail(DefectKind::cut_short, list.at, "ends within a name");
        }
        std::uint64_t segments = 1;
        if (aml_[list.at] == 0x00) { // the scope itself
            segments = 0;
            ++list.at;
        } else if (aml_[list.at] == 0x2E) {
            segments = 2;
            ++list.at;
        } else if (aml_[list.at] == 0x2F) {
            segments = list.at + 1 < list.end ? aml_[list.at + 1] : 0U;
            list.at += 2;
        }
        for (std::uint64_t i = 0; i < segments; ++i) {
            if (list.at > list.end || list.end - list.at < 4) {
                return fail(DefectKind::cut_short, list.at, "ends within a name");
            }
            if (path.back() != '\\') {
                path.push_back('.');
            }
            for (unsigned c = 0; c < 4; ++c) {
                const std::uint8_t letter = aml_[list.at++];
                const bool good =
                    letter == '_' || (letter >= 'A' && letter <= 'Z') || (c != 0 && letter >= '0' && letter <= '9');
                if (!good) {
                    return fail(DefectKind::unknown, list.at - 1, "has a name that is none", letter);
                }
                path.push_back(static_cast<char>(letter));
            }
            if (path.size() > 1024) {
                return fail(DefectKind::too_much, list.at, "has a name without end");
            }
        }
        return true;
    }

    // §19.3.4: three letters of five bits, four hexadecimal digits, the whole in big-endian order.
    static std::string eisa_id(std::uint64_t value) {
        std::uint32_t id = 0;
        for (unsigned i = 0; i < 4; ++i) {
            id = id << 8 | static_cast<std::uint32_t>((value >> (8 * i)) & 0xFF);
        }
        std::string text;
        for (unsigned low : {26U, 21U, 16U}) {
            text.push_back(static_cast<char>('@' + ((id >> low) & 31)));
        }
        for (unsigned low : {12U, 8U, 4U, 0U}) {
            text.push_back("0123456789ABCDEF"[(id >> low) & 15]);
        }
        return text;
    }

    // Resource descriptors (§6.4).
    bool resources(ByteSpan buffer, AcpiDevice& device) {
        std::uint64_t at = 0;
        while (at < buffer.size()) {
            const std::uint8_t tag = buffer[at];
            const bool large = (tag & 0x80) != 0;
            const std::uint64_t head = large ? 3 : 1;
            const std::uint64_t size = large ? le16(buffer, at + 1).value_or(0xFFFF) : tag & 7U;
            const auto body = slice(buffer, at + head, size);
            if (!body) {
                return resource_fail(buffer, at, DefectKind::cut_short, "is cut short");
            }
            const unsigned type = large ? tag : tag >> 3;
            if (type == 0x0F) { // end tag
                return at + head + size == buffer.size() ||
                       resource_fail(buffer, at, DefectKind::stray_bytes, "goes on behind its end");
            }
            if (!resource(type, *body, device)) {
                return resource_fail(buffer, at, DefectKind::unknown, "has a descriptor that is not understood");
            }
            at += head + size;
        }
        return resource_fail(buffer, at, DefectKind::cut_short, "has no end tag");
    }

    static bool resource(unsigned type, ByteSpan body, AcpiDevice& device) {
        const auto range = [](auto& list, std::uint64_t first, std::uint64_t length) {
            using Item = typename std::remove_reference_t<decltype(list)>::value_type;
            using Number = decltype(Item::first);
            if (length != 0) {
                list.push_back({static_cast<Number>(first), static_cast<Number>(first + length - 1)});
            }
            return true;
        };
        switch (type) {
        case 0x04: { // IRQ: a mask of sixteen
            const auto mask = le16(body, 0);
            for (unsigned i = 0; mask && i < 16; ++i) {
                if (((*mask >> i) & 1) != 0) {
                    device.interrupts.push_back(i);
                }
            }
            return mask.has_value();
        }
        case 0x08: // I/O port: from the lowest place to the end of the highest
            if (body.size() != 7) {
                return false;
            }
            return *le16(body, 3) >= *le16(body, 1) &&
                   range(device.ports, *le16(body, 1), std::uint64_t{*le16(body, 3)} - *le16(body, 1) + body[6]);
        case 0x09: // fixed I/O port
            return body.size() == 3 && range(device.ports, *le16(body, 0), body[2]);
        case 0x86: // 32-bit fixed memory
            return body.size() == 9 && range(device.memory, *le32(body, 1), *le32(body, 5));
        case 0x87: // address spaces: dword, word, qword
        case 0x88:
        case 0x8A: {
            const unsigned width = type == 0x87 ? 4 : type == 0x88 ? 2 : 8;
            if (body.size() < 3 + 5 * width) {
                return false;
            }
            const auto number = [&](unsigned index) {
                std::uint64_t value = 0;
                for (unsigned i = 0; i < width; ++i) {
                    value |= std::uint64_t{body[3 + index * width + i]} << (8 * i);
                }
                return value;
            };
            return body[0] == 0   ? range(device.memory, number(1), number(4))
                   : body[0] == 1 ? range(device.ports, number(1), number(4))
                   : body[0] == 2 ? range(device.buses, number(1), number(4))
                                  : false;
        }
        case 0x89: { // extended interrupts
            if (body.size() < 2 || body.size() < 2 + 4ULL * body[1]) {
                return false;
            }
            for (unsigned i = 0; i < body[1]; ++i) {
                device.interrupts.push_back(*le32(body, 2 + 4ULL * i));
            }
            return true;
        }
        default:
            return false;
        }
    }

    bool resource_fail(ByteSpan buffer, std::uint64_t at, DefectKind kind, const char* text) {
        return fail(kind, static_cast<std::uint64_t>(buffer.data() - aml_.data()) + at,
                    (std::string("has resources: the list ") + text).c_str());
    }

    void add_name(const std::string& path) {
        if (acpi_.names.size() < kMaxNames) {
            acpi_.names.push_back(path);
        }
    }

    bool fail(DefectKind kind, std::uint64_t at, const char* text, std::uint64_t found = 0) {
        acpi_.defects.add_lazy(kind, [&] { return what_ + ": the dsdt " + text; }, gpa_ + at, 0, found);
        return false;
    }

    ByteSpan aml_;
    std::uint64_t gpa_;
    const std::string& what_;
    Acpi& acpi_;
    bool complete_ = false;
};

} // namespace

void decode_aml(ByteSpan aml, std::uint64_t gpa, const std::string& what, Acpi& acpi) {
    Parser(aml, gpa, what, acpi).run();
}

} // namespace septum::verifier::decode
