// SPDX-License-Identifier: Apache-2.0
// septum diff of images: each thing that an image can grant, changed by itself, is seen, and who gains is told.
#include "cli/compared.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

namespace septum::cli {
namespace {

using verifier::Grants;

// One of everything.
Grants everything() {
    Grants out;
    out.unit = "vt-d";
    verifier::PartitionGrants left;
    left.name = "left";
    left.asid = 1;
    left.apic_ids = {0, 1};
    left.memory = {{0x0, 0x100'0000, 0x20'0000, "rwx", "write-back"},
                   {0xD000'0000, 0x200'0000, 0x2000, "rw-", "write-back"}};
    left.ports = {{0x2F8, 0x2FF}};
    left.msr_reads = {{0x10, 0x10}};
    left.msr_writes = {{0x174, 0x176}};
    left.devices = {{0x0100, "disk", "FLR", {{0x04, "hardware", 0x6, 0x6}}}};
    left.port_answers = {{{0x3F8, 0x3FF}, "virtual serial port", false}, {{0x92, 0x92}, "a fault", true}};
    left.msr_answers = {{{0x1B, 0x1B}, "read virtual APIC base, write virtual APIC base", false}};
    left.cpuid = {{1, 0, true, {0, 0, 0x8, 0}, {0, 0, 0, 0}}};
    left.without_exit = {"hlt"};
    left.conduct = {{"forbidden", "stop"}};
    left.restart_limit = 3;
    left.heartbeat_ms = 500;
    verifier::PartitionGrants right;
    right.name = "right";
    right.asid = 2;
    right.apic_ids = {2};
    right.memory = {{0x0, 0x180'0000, 0x20'0000, "rwx", "write-back"},
                    {0xD000'0000, 0x200'0000, 0x2000, "r--", "write-back"}};
    out.partitions = {left, right};
    out.channels = {{"word", "left", "right", 0x200'0000, 0x2000, true, false}};
    out.requesters = {
        {{0x0000, 0x00FF}, "blocked", 0}, {{0x0100, 0x0100}, "translated", 1}, {{0x0101, 0xFFFF}, "blocked", 0}};
    out.domains = {{1, {{0x0, 0x100'0000, 0x20'0000, "rw-", ""}}, false}};
    out.interrupts = {{.table = 0x30'0000,
                       .entries = {0, 3},
                       .requester = 0x0100,
                       .exact = true,
                       .owner = "left",
                       .apic_ids = {0, 1},
                       .vectors = {32, 255},
                       .delivery = "fixed",
                       .present = false}};
    out.bridges = {{0x0010, true, 0x10'0000, 0}};
    out.places = {{"RAM of `left`", 0x100'0000, 0x20'0000},
                  {"RAM of `right`", 0x180'0000, 0x20'0000},
                  {"channel `word`", 0x200'0000, 0x2000}};
    out.contract = {"CPUID 0x80000001.0 ECX & 0x4 = 0x4"};
    return out;
}

verifier::FlowView flows() {
    verifier::FlowView view;
    view.nodes = {{"left", false}, {"right", false}};
    view.edges = {{0, 1, "channel `word`", {}}, {0, 1, "the doorbell of `word`", {}}};
    return view;
}

std::vector<std::string> gains(const Grants& before, const Grants& after) {
    const Changes changes = compare(side_of(before, flows()), side_of(after, flows()));
    std::vector<std::string> out;
    for (const Change& change : changes.all)
        if (change.gain)
            out.push_back(change.id);
    return out;
}

struct Gain {
    const char* id;
    std::function<void(Grants&)> widen;
};

// What an image may grant more than another, all else being the same.
const std::vector<Gain>& all_gains() {
    static const std::vector<Gain> kAll = {
        {"widened:grant:left:cpus:count=3", [](Grants& g) { g.partitions[0].apic_ids.push_back(3); }},
        {"added:grant:left:cpu-of-right-2", [](Grants& g) { g.partitions[0].apic_ids[1] = 2; }},
        {"added:grant:left:asid-of-right", [](Grants& g) { g.partitions[0].asid = 2; }},
        {"added:grant:left:console", [](Grants& g) { g.partitions[0].console = true; }},
        {"widened:grant:right:channel-word:access=RW", [](Grants& g) { g.partitions[1].memory[1].access = "rw-"; }},
        // One right less and another instead is a gain all the same.
        {"widened:grant:left:channel-word:access=RX", [](Grants& g) { g.partitions[0].memory[1].access = "r-x"; }},
        {"widened:grant:left:memory-0x0:type=uncacheable",
         [](Grants& g) { g.partitions[0].memory[0].type = "uncacheable"; }},
        {"widened:grant:left:memory-0x0:of=RAM-of-right",
         [](Grants& g) { g.partitions[0].memory[0].hpa = 0x180'0000; }},
        {"added:grant:left:memory-0xd0002000:access=RW:of=host-0x2002000:size=4KiB:type=write-back",
         [](Grants& g) { g.partitions[0].memory[1].size += 0x1000; }},
        // The same channel once more.
        {"added:grant:right:channel-word#2:access=R:size=8KiB:type=write-back",
         [](Grants& g) { g.partitions[1].memory.push_back({0xE000'0000, 0x200'0000, 0x2000, "r--", "write-back"}); }},
        {"added:grant:left:port-0x300", [](Grants& g) { g.partitions[0].ports[0].last = 0x300; }},
        {"widened:grant:left:msr-reads:0x11=yes", [](Grants& g) { g.partitions[0].msr_reads[0].last = 0x11; }},
        {"widened:grant:left:msr-writes:0x177=yes", [](Grants& g) { g.partitions[0].msr_writes[0].last = 0x177; }},
        {"added:grant:left:device-01:00.1:0x04-answer=hardware:0x04-reads=0x6:0x04-writes=0x6:reset=FLR",
         [](Grants& g) { g.partitions[0].devices[0].requester = 0x0101; }},
        {"widened:grant:left:device-01:00.0:reset=none", [](Grants& g) { g.partitions[0].devices[0].reset.clear(); }},
        {"widened:grant:left:device-01:00.0:0x04-writes=0xe",
         [](Grants& g) { g.partitions[0].devices[0].registers[0].writes |= 0x8; }},
        {"widened:grant:left:device-01:00.0:0x04-reads=0x1",
         [](Grants& g) { g.partitions[0].devices[0].registers[0].reads = 0x1; }},
        {"widened:grant:left:device-01:00.0:0x04-answer=virtual-BAR",
         [](Grants& g) { g.partitions[0].devices[0].registers[0].answer = "virtual BAR"; }},
        {"widened:grant:left:answers:port-0x5e04=doorbells",
         [](Grants& g) { g.partitions[0].port_answers.push_back({{0x5E04, 0x5E04}, "doorbells", false}); }},
        {"removed:promise:left:port-0x92", [](Grants& g) { g.partitions[0].port_answers.pop_back(); }},
        {"widened:grant:left:answers:MSR-0x1b=read-constant-0x0,-write-dropped",
         [](Grants& g) { g.partitions[0].msr_answers[0].answer = "read constant 0x0, write dropped"; }},
        {"widened:grant:left:cpuid:0x1-hardware's-ECX=0x20",
         [](Grants& g) { g.partitions[0].cpuid[0].mask[2] = 0x20; }},
        {"widened:grant:left:cpuid:0x1-constant-EDX=0x1", [](Grants& g) { g.partitions[0].cpuid[0].set[3] = 1; }},
        {"widened:grant:left:no-exits:rdtsc=yes", [](Grants& g) { g.partitions[0].without_exit.push_back("rdtsc"); }},
        {"widened:grant:left:after-forbidden:answer=restart",
         [](Grants& g) { g.partitions[0].conduct[0].answer = "restart"; }},
        {"widened:grant:left:restarts:attempts=4", [](Grants& g) { g.partitions[0].restart_limit = 4; }},
        {"removed:promise:left:heartbeat-500ms", [](Grants& g) { g.partitions[0].heartbeat_ms = 600; }},
        {"widened:flow:left:right:the-doorbell-of-word:interrupts=yes",
         [](Grants& g) { g.channels[0].interrupts = true; }},
        {"widened:flow:left:right:channel-word:size=16KiB", [](Grants& g) { g.channels[0].size = 0x4000; }},
        {"added:grant:01:00.1:dma:state=passthrough:translated-by-itself=no",
         [](Grants& g) { g.requesters.push_back({{0x0101, 0x0101}, "passthrough", 0}); }},
        {"widened:grant:01:00.0:DMA-0x0:of=RAM-of-right", [](Grants& g) { g.domains[0].memory[0].hpa = 0x180'0000; }},
        // Another domain's number is nothing; what it leads to is.
        {"widened:grant:01:00.0:DMA-0x0:of=RAM-of-right",
         [](Grants& g) {
             g.domains.push_back({2, {{0x0, 0x180'0000, 0x20'0000, "rw-", ""}}, false});
             g.requesters[1].domain = 2;
         }},
        {"widened:grant:01:00.0:dma:translated-by-itself=yes", [](Grants& g) { g.domains[0].device_tlb = true; }},
        {"widened:grant:left:interrupts-01:00.0:entries=5", [](Grants& g) { g.interrupts[0].entries.last = 4; }},
        {"added:grant:right:interrupts-01:00.0:before-launch=no:entries=4:shared-with-other-sources=no:vectors=0x20.."
         "0xff",
         [](Grants& g) { g.interrupts[0].owner = "right"; }},
        {"widened:grant:left:interrupts-01:00.0:vectors=nmi", [](Grants& g) { g.interrupts[0].delivery = "nmi"; }},
        {"widened:grant:left:interrupts-01:00.0:vectors=0x10..0xff",
         [](Grants& g) { g.interrupts[0].vectors.first = 16; }},
        {"widened:grant:left:interrupts-01:00.0:shared-with-other-sources=yes",
         [](Grants& g) { g.interrupts[0].exact = false; }},
        {"widened:grant:left:interrupts-01:00.0:before-launch=yes", [](Grants& g) { g.interrupts[0].present = true; }},
        {"added:grant:00:1f.0:interrupt-7-vector-0x30",
         [](Grants& g) { g.strays.push_back({0xF8, 7, "vector 0x30"}); }},
        {"added:grant:00:1f.0:interrupts-pass-unmapped",
         [](Grants& g) { g.routes.push_back({{0xF8, 0xF8}, "unmapped"}); }},
        {"removed:promise:bridge-00:02.0:acs", [](Grants& g) { g.bridges[0].kept_apart = false; }},
        {"widened:grant:bridge-00:02.0:windows:plain=2MiB", [](Grants& g) { g.bridges[0].window = 0x20'0000; }},
        {"removed:promise:board:CPUID-0x80000001.0-ECX-&-0x4-=-0x4", [](Grants& g) { g.contract.clear(); }},
        {"removed:promise:board:vt-d", [](Grants& g) { g.unit = "none"; }},
    };
    return kAll;
}

TEST(Compared, TheSameImageGainsNothing) {
    EXPECT_EQ(gains(everything(), everything()), std::vector<std::string>{});
}

TEST(Compared, EachThingThatAnImageGrantsMoreIsAGain) {
    for (const Gain& gain : all_gains()) {
        Grants after = everything();
        gain.widen(after);
        const auto found = gains(everything(), after);
        EXPECT_NE(std::find(found.begin(), found.end(), gain.id), found.end())
            << gain.id << " is not among " << testing::PrintToString(found);
    }
}

// Taken the other way the same thing is lost: seen, and by itself no gain.
TEST(Compared, WhatIsLostIsSeenAndIsNoGain) {
    for (const Gain& gain : all_gains()) {
        Grants before = everything();
        gain.widen(before);
        const Changes changes = compare(side_of(before, flows()), side_of(everything(), flows()));
        EXPECT_FALSE(changes.all.empty()) << gain.id;
        const std::string id = gain.id;
        for (const Change& change : changes.all)
            EXPECT_FALSE(change.gain && change.id == id) << id;
    }
}

// Placement, and numbers that mean nothing to anybody.
TEST(Compared, WhereThingsAreIsNoGain) {
    Grants after = everything();
    after.partitions[0].asid = 9;
    after.partitions[0].apic_ids = {4, 5};
    for (auto* memory : {&after.partitions[0].memory[0], &after.domains[0].memory[0]})
        memory->hpa = 0x900'0000;
    after.places[0].base = 0x900'0000;
    after.domains[0].id = after.requesters[1].domain = 7;
    after.interrupts[0].table = 0x50'0000;
    after.interrupts[0].entries = {8, 11};
    EXPECT_EQ(gains(everything(), after), std::vector<std::string>{});
}

// Whoever approves a thing of many parts approves these parts and no others.
TEST(Compared, OfVeryManyAmountsTheIdHasASum) {
    const auto added = [](std::uint32_t last) {
        Grants after = everything();
        after.partitions.push_back({});
        after.partitions.back().name = "new";
        after.partitions.back().asid = 3;
        after.partitions.back().msr_reads = {{0x10, last}};
        std::string out;
        for (const std::string& id : gains(everything(), after))
            out += id.starts_with("added:grant:new:msr-reads") ? id : "";
        return out;
    };
    EXPECT_TRUE(added(0x30).starts_with("added:grant:new:msr-reads:sum=")) << added(0x30);
    EXPECT_NE(added(0x30), added(0x31));
}

TEST(Compared, AnotherKernelIsTold) {
    Grants after = everything();
    after.kernel_digest[0] = 1;
    EXPECT_NE(side_of(everything(), flows()).kernel, side_of(after, flows()).kernel);
}

} // namespace
} // namespace septum::cli
