// SPDX-License-Identifier: Apache-2.0
// exit.intercepts: mandatory intercepts are set.
#include "verifier/properties/registry.hpp"
#include "verifier/properties/shared/judge.hpp"
#include "verifier/properties/shared/mend.hpp"
#include "verifier/properties/shared/vmcb_templates.hpp"

#include <fmt/format.h>

namespace septum::verifier {

namespace {

void check_intercepts(const Context& context, Judge& judge) {
    for (const VmcbTemplate& of : vmcb_templates(*context.facts)) {
        if (!of.vmcb->readable) {
            say_of(judge, of, fmt::format("the {} CPU's VMCB template of `{}` can't be read", of.name, of.facts->name),
                   "unreadable");
        }
    }
    check_intercept_bits(context, judge, true, "exit.intercepts");
}

} // namespace

const Property kExitIntercepts{
    .id = "exit.intercepts",
    .title = "mandatory intercepts are set",
    .statement =
        "Both VMCB templates of every partition intercept NMI, INIT, SHUTDOWN, #DB, #AC, #MC, CPUID, port and MSR "
        "accesses, INVD, WBINVD, RSM, RDPMC, MONITOR, MWAIT and every instruction of SVM.",
    .level = Level::bytes,
    .rests_on = "the kernel, which only ever adds intercepts at run time; the processor's intercepts",
    .manual = "AMD APM volume 2 §15.7 to §15.14, appendix B",
    .mend = kNotFromThisModel,
    .bytes = check_intercepts,
};

} // namespace septum::verifier
