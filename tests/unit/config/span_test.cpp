// SPDX-License-Identifier: Apache-2.0
// Where things begin and end in the text.
#include "config/yaml_tree.hpp"
#include "reading.hpp"

#include <gtest/gtest.h>

namespace septum::config {
namespace {

struct Tree {
    std::string text;
    Node root;

    [[nodiscard]] std::string at(const Node& node) const { return text.substr(node.begin, node.end - node.begin); }
};

Tree parse(std::string text) {
    Diagnostics diagnostics;
    Tree tree{std::move(text), {}};
    const LineIndex lines(tree.text, 0);
    auto root = parse_yaml(lines, diagnostics);
    EXPECT_TRUE(root) << tree.text;
    if (root)
        tree.root = *std::move(root);
    return tree;
}

TEST(Span, PlainScalars) {
    const Tree tree = parse("a: one two   # three\nb:   x:y#z\nc: last");
    EXPECT_EQ(tree.at(tree.root.keys[0]), "a");
    EXPECT_EQ(tree.at(tree.root.items[0]), "one two");
    EXPECT_EQ(tree.at(tree.root.items[1]), "x:y#z");
    EXPECT_EQ(tree.at(tree.root.items[2]), "last");
    EXPECT_EQ(tree.root.items[1].span, (Span{0, 2, 6, 2, 11}));
}

TEST(Span, PlainScalarsOverSeveralLines) {
    const Tree tree = parse("a: one\n  two\n\n  three\nb: 1");
    EXPECT_EQ(tree.at(tree.root.items[0]), "one\n  two\n\n  three");
    EXPECT_EQ(tree.root.items[0].span, (Span{0, 1, 4, 4, 8}));
}

TEST(Span, QuotedScalars) {
    const Tree tree = parse("a: \"x \\\" y\" # c\nb: 'it''s'\n\"c d\": ''\ne: \"two\n  lines\"\nf: {g: \"h\",i: 'j'}");
    EXPECT_EQ(tree.at(tree.root.items[0]), "\"x \\\" y\"");
    EXPECT_EQ(tree.at(tree.root.items[1]), "'it''s'");
    EXPECT_EQ(tree.root.items[1].text, "it's");
    EXPECT_TRUE(tree.root.items[1].quoted);
    EXPECT_EQ(tree.at(tree.root.keys[2]), "\"c d\"");
    EXPECT_EQ(tree.at(tree.root.items[2]), "''");
    EXPECT_EQ(tree.at(tree.root.items[3]), "\"two\n  lines\"");
    EXPECT_EQ(tree.at(tree.root.items[4].items[0]), "\"h\"");
    EXPECT_EQ(tree.at(tree.root.items[4].items[1]), "'j'");
}

TEST(Span, FlowCollections) {
    const Tree tree = parse("a: [1, [2, 3], ]  # ]\nb: { c: [ ] , d: {} }\ne: [f,\n  g # ]\n  ]\nh: {i, j: }");
    EXPECT_EQ(tree.at(tree.root.items[0]), "[1, [2, 3], ]");
    EXPECT_EQ(tree.at(tree.root.items[0].items[1]), "[2, 3]");
    EXPECT_EQ(tree.at(tree.root.items[1]), "{ c: [ ] , d: {} }");
    EXPECT_EQ(tree.at(tree.root.items[1].items[0]), "[ ]");
    EXPECT_EQ(tree.at(tree.root.items[1].items[1]), "{}");
    EXPECT_EQ(tree.at(tree.root.items[2]), "[f,\n  g # ]\n  ]");
    EXPECT_EQ(tree.at(tree.root.items[3]), "{i, j: }");
}

TEST(Span, BlockCollections) {
    const Tree tree = parse("a:\n  b: 1\n  c:\n    - x\n    - [y]\n# comment\n\nd: 2\n");
    EXPECT_EQ(tree.at(tree.root.items[0]), "b: 1\n  c:\n    - x\n    - [y]");
    EXPECT_EQ(tree.at(tree.root.items[0].items[1]), "- x\n    - [y]");
    EXPECT_EQ(tree.root.span, (Span{0, 1, 1, 8, 5}));
}

TEST(Span, BlockScalarsAreShownByTheirHeader) {
    const Tree tree = parse("a: |-\n  text\nb: >\n  more\n");
    EXPECT_EQ(tree.at(tree.root.items[0]), "|-");
    EXPECT_EQ(tree.root.items[0].text, "text");
    EXPECT_TRUE(tree.root.items[0].quoted);
    EXPECT_EQ(tree.at(tree.root.items[1]), ">");
}

TEST(Span, NothingIsShownByItsKeyOrDash) {
    const Tree tree = parse("a:\nb: ~\nc: [null]\nd:\n  - 1\n  -\n  - 2\n");
    EXPECT_EQ(tree.root.items[0].kind, Node::Kind::null);
    EXPECT_EQ(tree.at(tree.root.items[0]), "a");
    EXPECT_EQ(tree.at(tree.root.items[1]), "~");
    EXPECT_EQ(tree.at(tree.root.items[2].items[0]), "null");
    EXPECT_EQ(tree.at(tree.root.items[3].items[1]), "-");
    EXPECT_EQ(tree.at(tree.root.items[3].items[2]), "2");
}

TEST(Span, CarriageReturnsAndUtf8CountAsBytes) {
    const Tree tree = parse("a: \"größe\"\r\nb: x\r\n");
    EXPECT_EQ(tree.root.items[0].span, (Span{0, 1, 4, 1, 13}));
    EXPECT_EQ(tree.at(tree.root.items[1]), "x");
    EXPECT_EQ(tree.root.items[1].span, (Span{0, 2, 4, 2, 5}));
}

TEST(Span, EveryScalarOfTheModelKnowsItsPlace) {
    const Loaded loaded =
        read("septum: 1\nname: demo\nboard: qemu-q35\npartitions:\n"
             "  alpha:\n    cpus: [1, 2]\n    memory: 64 MiB\n    base: 0x1000_0000\n"
             "    boot: {linux: {kernel: k, initrd: \"i\", cmdline: a b}}\n"
             "    on_fault: {action: restart, attempts: 7}\n    ports: [0x2f8-0x2ff]\n"
             "  beta: {cpus: 1, memory: 2 MiB, boot: {elf: b.elf}, on_fault: stop}\n"
             "channels:\n  c: {from: alpha, to: beta, size: 4 KiB, doorbell: true, base: 0x2000_0000}\n"
             "external:\n  disk: {through: [sata]}\n"
             "policy:\n  - only: {from: disk, to: beta, via: [alpha]}\n");
    ASSERT_TRUE(loaded.model) << said(loaded);
    const Model& model = *loaded.model;
    const Partition& alpha = model.partitions[0];
    const auto at = [&](const Span& span) { return covered(loaded, span); };
    EXPECT_EQ(at(model.name.span), "demo");
    EXPECT_EQ(at(alpha.name.span), "alpha");
    EXPECT_EQ(alpha.span, (Span{0, 5, 3, 11, 25}));
    EXPECT_EQ(at(alpha.cpus_span), "[1, 2]");
    EXPECT_EQ(at(alpha.cpu_pins[1].span), "2");
    EXPECT_EQ(at(alpha.memory.span), "64 MiB");
    EXPECT_EQ(at(alpha.base.value().span), "0x1000_0000");
    EXPECT_EQ(at(alpha.boot.span), "{linux: {kernel: k, initrd: \"i\", cmdline: a b}}");
    EXPECT_EQ(at(alpha.boot.image.span), "k");
    EXPECT_EQ(at(alpha.boot.initrd.value().span), "\"i\"");
    EXPECT_EQ(at(alpha.boot.cmdline.span), "a b");
    EXPECT_EQ(at(alpha.on_fault.span), "{action: restart, attempts: 7}");
    EXPECT_EQ(alpha.on_fault.attempts, 7U);
    EXPECT_EQ(at(alpha.ports_first[0].span), "0x2f8-0x2ff");
    EXPECT_EQ(alpha.ports_last[0].value, 0x2FFU);
    const Channel& channel = model.channels[0];
    EXPECT_EQ(at(channel.span), "c: {from: alpha, to: beta, size: 4 KiB, doorbell: true, base: 0x2000_0000}");
    EXPECT_EQ(at(channel.from.span), "alpha");
    EXPECT_EQ(at(channel.to.span), "beta");
    EXPECT_EQ(at(channel.size.span), "4 KiB");
    EXPECT_EQ(at(channel.doorbell_span), "true");
    EXPECT_EQ(at(channel.base.value().span), "0x2000_0000");
    EXPECT_EQ(at(model.externals[0].through[0].span), "sata");
    const FlowRule& rule = model.policy[0];
    EXPECT_EQ(at(rule.span), "only: {from: disk, to: beta, via: [alpha]}");
    EXPECT_TRUE(rule.from.external);
    EXPECT_FALSE(rule.to.external);
    EXPECT_EQ(rule.to.index, 1U);
    EXPECT_EQ(at(rule.via[0].span), "alpha");
    EXPECT_EQ(model.board.name.span.file, 1U);
    EXPECT_EQ(at(model.board.iommu.registers.span), "0xfed9_0000");
    EXPECT_EQ(at(model.board.pci[0].bdf_span), "00:00.0");
}

} // namespace
} // namespace septum::config
