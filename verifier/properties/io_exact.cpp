// SPDX-License-Identifier: Apache-2.0
// io.exact: granted ports equal the declared ones.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/port_grants.hpp"
#include "verifier/properties/shared/wording.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

// One key for all partitions: the partition's number above the 17 bits of the permission map.
constexpr unsigned kPortBits = 17;

void exact_bytes(const Context& context, Judge& judge) {
    Pieces actual;
    Pieces expected;
    const auto add = [&](const PartitionFacts& facts, std::uint64_t index) {
        for (const decode::PortInterval& ports : facts.iopm.granted) {
            const std::uint64_t base = index << kPortBits;
            actual.push_back({base + ports.first, base + ports.last + 1, 1});
        }
        for (std::uint64_t bit = 0; bit < 3; ++bit) {
            if (facts.iopm.straddle_granted[bit]) { // an access that begins at 0xFFFF or just below
                const std::uint64_t port = (index << kPortBits) + kPorts + bit;
                actual.push_back({port, port + 1, 1});
            }
        }
        if (!facts.iopm.readable) {
            judge.violated({.message = fmt::format("the I/O permission map of `{}` can't be read", facts.name),
                            .partitions = {facts.name},
                            .key = "unreadable",
                            .witness = "host-physical " + address(facts.record.iopm.value)});
        }
        for (const Defect& defect : facts.iopm.defects.kept()) {
            judge.violated(
                {.message = fmt::format("{}: {}, expected {}, found {}", defect.what, decode::name(defect.kind),
                                        address(defect.expected), address(defect.found)),
                 .partitions = {facts.name},
                 .key = decode::name(defect.kind),
                 .witness = "host-physical " + address(defect.address)});
        }
    };
    std::vector<std::string> names;
    for (std::size_t i = 0; i < context.model.partitions.size(); ++i) {
        const config::Partition& partition = context.model.partitions[i];
        names.push_back(partition.name.value);
        if (context.places->partitions[i].facts == nullptr) {
            continue;
        }
        add(*context.places->partitions[i].facts, i);
        for (const GrantedPorts& ports : granted_ports(partition)) {
            judge.rests_on(ports.span);
            const std::uint64_t base = static_cast<std::uint64_t>(i) << kPortBits;
            expected.push_back({base + ports.first, base + ports.last + 1, 1});
        }
    }
    for (const PartitionFacts* facts : context.places->undeclared) {
        add(*facts, names.size());
        names.push_back(facts->name);
    }
    expected = united(std::move(expected), 1);
    const std::vector<Difference> found = differences(joined(actual), expected);
    for (const Difference& difference : found) {
        const std::uint64_t index = difference.first >> kPortBits;
        const auto first = static_cast<std::uint32_t>(difference.first & (2 * kPorts - 1));
        const auto last = static_cast<std::uint32_t>((difference.end - 1) & (2 * kPorts - 1));
        const bool extra = difference.right == kAbsent;
        judge.violated({.message = fmt::format("`{}` {} port{} {}{}", names[index], extra ? "reaches" : "is granted",
                                               first == last ? "" : "s", ports_text(first, last),
                                               extra ? " without an exit, which nothing grants"
                                                     : ", which still exit in the image"),
                        .partitions = {names[index]},
                        .key = extra ? "extra" : "lacking",
                        .witness = fmt::format("port {:#x}", first),
                        .primary = index < context.model.partitions.size() ? context.model.partitions[index].name.span
                                                                           : config::Span{}});
    }
    judge.solver_agrees(found.empty(), [&](unsigned timeout) {
        return smt::equal_functions("io.exact", sorted(actual), expected, false, timeout);
    });
}

} // namespace

const Property kIoExact{
    .id = "io.exact",
    .title = "granted ports equal the declared ones",
    .statement = "For every partition and each of the 65,536 ports: an access does not exit exactly when the port is "
                 "declared. Accesses of two and four bytes test the bit of every byte they touch, those past 0xffff "
                 "included.",
    .level = Level::bytes,
    .rests_on = "the I/O permission maps in the image, as decoded; the IOIO_PROT intercept, shown by exit.intercepts",
    .manual = "AMD APM volume 2 §15.10.1",
    .mend = kNotFromThisModel,
    .bytes = exact_bytes,
};

} // namespace septum::verifier
