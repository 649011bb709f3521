// SPDX-License-Identifier: Apache-2.0
#include "kernel/boot/line.hpp"
#include "tests/unit/kernel-boot/said.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace septum::kernel::boot {
namespace {

TEST(Refusal, EveryKindOfValue) {
    EXPECT_EQ(said({Code::pci, Value::text("pci"), Value::bdf(0x00FA), Value::pci_id(0x2922'8086), {}}),
              "septum: refused: pci 00:1f.2: expected 8086:2922, found nothing (code 0x40)");
    EXPECT_EQ(said({Code::cpu, Value::text("svm"), Value::cpu(12), Value::hex(4), Value::hex(0)}),
              "septum: refused: svm on the CPU with APIC id 12: expected 0x4, found 0x0 (code 0x50)");
    EXPECT_EQ(said({Code::exception, Value::text("exception while checking"), Value::text("iommu"), Value::text("none"),
                    Value::exception(13, 0, 0x20'1234)}),
              "septum: refused: exception while checking iommu: expected none, found vector 13 error 0x0 at 0x201234 "
              "(code 0x80)");
    manifest::Digest digest{};
    digest.bytes[0] = 0xAB;
    digest.bytes[7] = 0x01;
    EXPECT_EQ(
        said({Code::digest, Value::text("tables"), {}, Value::digest(digest), Value::digest({})}),
        "septum: refused: tables: expected sha256 ab00000000000001..., found sha256 0000000000000000... (code 0x21)");
    EXPECT_EQ(said({Code::clock, Value::text("x"), {}, Value::decimal(~u64{0}), Value::range("in", 0, ~u64{0})}),
              "septum: refused: x: expected 18446744073709551615, found in 0x0..0xffffffffffffffff (code 0x70)");
}

TEST(Refusal, NamesNeedNoEndAndForgeNoLine) {
    char name[manifest::kNameSize];
    std::memset(name, 'n', sizeof name);
    name[3] = '\n';
    name[4] = '\x1b';
    const std::string text = said({Code::cpu, Value::name(name), {}, Value::decimal(1), Value::decimal(2)});
    EXPECT_EQ(text, "septum: refused: nnn??" + std::string(27, 'n') + ": expected 1, found 2 (code 0x50)");
}

TEST(Refusal, LongWordsAreCut) {
    const std::string words(1000, 'w');
    const Value value = Value::text(words.c_str());
    char line[kLineSize];
    EXPECT_LT(format({Code::cpu, value, value, value, value}, line), kLineSize);
    EXPECT_LT(std::strlen(line), kLineSize);
}

TEST(Line, NeverPastTheEnd) {
    char buffer[8];
    Line<8> line(buffer);
    line.put("0123456789").decimal(12345).hex(0xFFFF, 8);
    EXPECT_STREQ(buffer, "0123456");
    EXPECT_EQ(line.length(), 7u);
}

} // namespace
} // namespace septum::kernel::boot
