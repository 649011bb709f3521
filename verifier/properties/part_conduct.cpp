// SPDX-License-Identifier: Apache-2.0
// part.conduct: a partition is run as declared.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/words.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace septum::verifier {

namespace {

manifest::BootKind declared_boot(config::BootKind kind) {
    switch (kind) {
    case config::BootKind::linux:
        return manifest::BootKind::linux;
    case config::BootKind::pvh:
        return manifest::BootKind::pvh;
    case config::BootKind::multiboot:
        return manifest::BootKind::multiboot;
    case config::BootKind::elf64:
        break;
    }
    return manifest::BootKind::elf64;
}

manifest::OnFault declared_fault(config::FaultAction action) {
    switch (action) {
    case config::FaultAction::restart:
        return manifest::OnFault::restart;
    case config::FaultAction::halt_system:
        return manifest::OnFault::halt_system;
    case config::FaultAction::stop:
        break;
    }
    return manifest::OnFault::stop;
}

const char* fault_text(manifest::OnFault action) {
    switch (action) {
    case manifest::OnFault::stop:
        return "stop";
    case manifest::OnFault::restart:
        return "restart";
    case manifest::OnFault::halt_system:
        return "halt-system";
    }
    return "unknown";
}

const char* cause_text(std::size_t cause) {
    static constexpr std::array<const char*, manifest::kCauses> kTexts{"a triple fault",         "a forbidden act",
                                                                       "an exit without answer", "a missing heartbeat",
                                                                       "its own shutdown",       "its own reset"};
    return kTexts[cause];
}

// The timer that looks for heartbeats: there exactly when one is promised, the board's own, and often enough.
void check_watchdog(const Context& context, Judge& judge) {
    const manifest::Watchdog& found = context.facts->manifest.header.watchdog;
    std::uint64_t shortest = 0; // ms
    config::Span span;
    for (const config::Partition& partition : context.model.partitions) {
        if (partition.heartbeat_ms && (shortest == 0 || partition.heartbeat_ms->value < shortest)) {
            shortest = partition.heartbeat_ms->value;
            span = partition.heartbeat_ms->span;
        }
    }
    const auto say = [&](std::string message, const char* key) {
        judge.violated(
            {.message = std::move(message), .key = key, .primary = span.known() ? span : context.model.name.span});
    };
    if (found.kind == manifest::WatchdogKind::none || shortest == 0) {
        if ((found.kind == manifest::WatchdogKind::none) != (shortest == 0)) {
            say(shortest == 0 ? "the image has a watchdog, and no partition promises a heartbeat"
                              : "a heartbeat is promised, and the image has no watchdog",
                "watchdog");
        }
        return;
    }
    const std::optional<config::BoardWatchdog>& board = context.model.board.watchdog;
    if (!board || found.registers.value != board->hpet.value || found.comparator != board->comparator ||
        found.requester != board->requester.value_or(manifest::kNobody) ||
        (found.handle == ~0U) == board->requester.has_value()) {
        say("the image's watchdog is not the board's", "watchdog-board");
    }
    // Two looks at least in the shortest promise, but once a second is enough for any.
    if (found.period_us == 0 ||
        found.period_us > std::max<std::uint64_t>(1'000, std::min<std::uint64_t>(shortest * 500, 1'000'000))) {
        say(fmt::format("the watchdog looks every {} us, too seldom for a heartbeat every {} ms", found.period_us,
                        shortest),
            "watchdog-period");
    }
}

void watchdog_words(const Context& context, Words& words) {
    const manifest::Watchdog& found = context.facts->manifest.header.watchdog;
    std::uint64_t shortest = ~0ULL; // us
    for (const config::Partition& partition : context.model.partitions) {
        if (partition.heartbeat_ms) {
            shortest = std::min<std::uint64_t>(shortest, partition.heartbeat_ms->value * 1'000ULL);
        }
    }
    const bool promised = shortest != ~0ULL;
    words.is(found.kind != manifest::WatchdogKind::none ? 1 : 0, promised ? 1 : 0);
    if (!promised || found.kind == manifest::WatchdogKind::none) {
        return;
    }
    words.between(found.period_us, 1, std::clamp<std::uint64_t>(shortest / 2, 1'000, 1'000'000));
    const auto& board = context.model.board.watchdog;
    if (!board) {
        words.lacking();
        return;
    }
    words.is(found.registers.value, board->hpet.value);
    words.is(found.comparator, board->comparator);
    words.is(found.requester, board->requester.value_or(manifest::kNobody));
    words.is(found.handle != ~0U ? 1 : 0, board->requester ? 1 : 0);
}

// The same for the solver: words of the records.
smt::Answer conduct_by_solver(const Context& context, unsigned timeout) {
    Words words;
    watchdog_words(context, words);
    for (std::size_t i = 0; i < context.model.partitions.size(); ++i) {
        if (context.places->partitions[i].facts == nullptr) {
            continue;
        }
        const config::Partition& partition = context.model.partitions[i];
        const manifest::Partition& record = context.places->partitions[i].facts->record;
        const std::uint32_t limit = context.declared.partitions[i].restart_limit;
        words.is(record.restart_limit, limit);
        words.is(record.backoff_ms, limit == 0 ? 0 : partition.on_fault.backoff_ms);
        words.is(record.heartbeat_ms, partition.heartbeat_ms ? partition.heartbeat_ms->value : 0);
        words.is(record.event_log, partition.event_log ? 1 : 0);
        words.is(record.console, partition.console ? 1 : 0);
        words.is(static_cast<std::uint64_t>(record.boot),
                 static_cast<std::uint64_t>(declared_boot(partition.boot.kind)));
        for (std::size_t cause = 0; cause < manifest::kCauses; ++cause) {
            words.is(static_cast<std::uint64_t>(record.on[cause]),
                     static_cast<std::uint64_t>(declared_fault(partition.on_fault.by_cause[cause])));
        }
    }
    return words.allowed("part.conduct", timeout);
}

void check_conduct(const Context& context, Judge& judge) {
    check_watchdog(context, judge);
    for (std::uint32_t i = 0; i < context.model.partitions.size(); ++i) {
        const config::Partition& partition = context.model.partitions[i];
        const PartitionFacts* facts = context.places->partitions[i].facts;
        if (facts == nullptr) {
            continue;
        }
        judge.rests_on(partition.on_fault.span);
        const auto say = [&](std::string message, const char* key, const config::Span& span) {
            judge.violated({.message = std::move(message),
                            .partitions = {partition.name.value},
                            .key = key,
                            .primary = span.known() ? span : partition.name.span});
        };
        const std::string& name = partition.name.value;
        for (std::size_t cause = 0; cause < manifest::kCauses; ++cause) {
            const manifest::OnFault expected = declared_fault(partition.on_fault.by_cause[cause]);
            if (facts->record.on[cause] != expected) {
                say(fmt::format("`{}` meets {} with {} in the image, expected {}", name, cause_text(cause),
                                fault_text(facts->record.on[cause]), fault_text(expected)),
                    "on_fault", partition.on_fault.span);
            }
        }
        const std::uint32_t limit = context.declared.partitions[i].restart_limit;
        if (facts->record.restart_limit != limit) {
            say(fmt::format("`{}` restarts {} times in the image, expected {}", name, facts->record.restart_limit,
                            limit),
                "restart_limit", partition.on_fault.span);
        }
        const std::uint32_t pause = limit != 0 ? partition.on_fault.backoff_ms : 0;
        if (facts->record.backoff_ms != pause) {
            say(fmt::format("`{}` waits {} ms before its first restart in the image, expected {}", name,
                            facts->record.backoff_ms, pause),
                "backoff", partition.on_fault.span);
        }
        const std::uint32_t heartbeat = partition.heartbeat_ms ? partition.heartbeat_ms->value : 0;
        if (facts->record.heartbeat_ms != heartbeat) {
            say(fmt::format("`{}` promises a heartbeat every {} ms in the image, expected {}", name,
                            facts->record.heartbeat_ms, heartbeat),
                "heartbeat", partition.heartbeat_ms ? partition.heartbeat_ms->span : partition.name.span);
        }
        if ((facts->record.event_log != 0) != partition.event_log || facts->record.event_log > 1) {
            say(fmt::format("`{}` {} the event log in the image", name, partition.event_log ? "lacks" : "has"),
                "event-log", partition.event_log_span);
        }
        if ((facts->record.console != 0) != partition.console || facts->record.console > 1) {
            say(fmt::format("`{}` {} a console in the image", name, partition.console ? "lacks" : "has"), "console",
                partition.name.span);
        }
        const manifest::BootKind boot = declared_boot(partition.boot.kind);
        if (facts->record.boot != boot) {
            say(fmt::format("`{}` boots as kind {} in the image, expected {}", name,
                            static_cast<unsigned>(facts->record.boot), static_cast<unsigned>(boot)),
                "boot", partition.boot.span);
        }
    }
    judge.solver_agrees(judge.found() == 0, [&](unsigned timeout) { return conduct_by_solver(context, timeout); });
}

} // namespace

const Property kPartConduct{
    .id = "part.conduct",
    .title = "a partition is run as declared",
    .statement = "The answer to each cause, limit of restarts, pause before them, heartbeat, event log, console and "
                 "way of booting in the manifest are the declared ones. The watchdog is the board's, is there exactly "
                 "when a heartbeat is promised, and looks twice in the shortest promise at least, or once a second.",
    .level = Level::bytes,
    .rests_on = "the kernel's handler, which acts by this record; it is tested, not proved",
    .manual = "septum/manifest/manifest.hpp: Partition",
    .mend = "build the image anew; if it stays, the manifest was not made from this model",
    .bytes = check_conduct,
};

} // namespace septum::verifier
