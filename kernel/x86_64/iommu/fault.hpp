// SPDX-License-Identifier: Apache-2.0
// A request that the IOMMU has blocked, in words that both kinds of unit can say; and how often a requester may be spoken of.
// Pure.
#pragma once

#include <septum/types.hpp>

namespace septum::kernel::iommu {

struct Fault {
    enum class Kind : u8 {
        dma,       // a memory request outside what the requester may reach
        interrupt, // a message that no entry lets through; `address` is the index asked for
        lost,      // the unit could not record one or more; the rest is meaningless
        unit,      // the unit itself complains: of its queue, its tables; the system cannot go on
    };
    Kind kind = Kind::dma;
    bool write = false;
    u16 requester = 0; // bus << 8 | device << 3 | function
    u8 reason = 0;     // VT-d §7.1.3 fault reason; AMD IOMMU §2.5 event code
    u64 address = 0;
};

// Counts each requester's faults, so that a storm of them ends: of one requester, then of all.
class FaultBook {
public:
    static constexpr u32 kSaid = 16;       // of one requester; with the last one its reports are suppressed
    static constexpr u32 kTolerated = 32;  // a requester that goes on in spite of that: the unit is told to be silent
    static constexpr u32 kRequesters = 32; // as many are told apart; one more, and the unit is told to be silent

    enum class Verdict : u8 {
        say,          // in a line
        say_last,     // the same, then suppress this requester's reports
        say_nothing,
        silence,      // stop all reports of the unit
    };

    constexpr Verdict note(u16 requester) {
        for (u32 i = 0; i < kRequesters; i++) {
            Page& page = pages_[i];
            if (page.count == 0) {
                page.requester = requester;
            }
            if (page.requester == requester) {
                page.count++;
                return page.count < kSaid        ? Verdict::say
                       : page.count == kSaid     ? Verdict::say_last
                       : page.count < kTolerated ? Verdict::say_nothing
                                                 : Verdict::silence;
            }
        }
        return Verdict::silence;
    }

    // The requester begins a new life. Its page stays taken: others are behind it.
    constexpr void forget(u16 requester) {
        for (u32 i = 0; i < kRequesters; i++) {
            if (pages_[i].requester == requester && pages_[i].count != 0) {
                pages_[i].count = 1;
            }
        }
    }

private:
    struct Page {
        u16 requester = 0;
        u16 count = 0; // 0: free, and so are all behind it
    };
    Page pages_[kRequesters] = {};
};

} // namespace septum::kernel::iommu
