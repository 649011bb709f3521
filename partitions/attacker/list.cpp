// SPDX-License-Identifier: Apache-2.0
#include "partitions/attacker/list.hpp"

#include <algorithm>

namespace septum::attacker {
namespace {

std::string id(std::string_view area, std::string_view name) {
    std::string text = std::string(area) + "." + std::string(name);
    std::replace(text.begin(), text.end(), '_', '-');
    return text;
}

constexpr std::string_view kHead =
    R"(<!-- Generated from partitions/attacker/attacks.def by septum-attacks. Do not edit: change the list, then run
     `septum-attacks > docs/attacks.md`. A test compares. -->
# The attacks

What `partitions/attacker/` tries, and what must come of it. Each life of the attacker is one launch of its partition and tries one thing; beside it two
witnesses (`partitions/witness/`) hash their memory, count each other's messages, bells and timer ticks, and compare their registers. A test passes only if every
life ended as this table says, every attack was seen, and both witnesses still report that nothing changed.

```
./dev attack              # every attack, alone and on two CPUs at once, then random instructions; a table of outcomes
./dev attack memory       # one part: see `./dev attack --list`
./dev attack random       # only those: 20 s or 100 launches
```

- **stopped**: the kernel ends the launch. Its line is `septum: NAME: fault: ` and begins as the table says. To come back at all is a breach.
- **harmless**: the attacker comes back and has gained nothing: what it looked for was not there, and what it wrote changed nothing but itself.
- **either**: one or the other; the processor decides.
- **restarted**: the partition starts anew, by its own wish. Nobody else does.

CPUs: *each*: every CPU of the partition tries it at the same moment. *one*: its boot CPU tries it, the others make exits without end meanwhile. *two*: the
attack is one CPU against what the kernel does for the other.
)";

} // namespace

const std::vector<Listed>& list() {
    static const std::vector<Listed> kAll = {
#define ATTACK(area, name, cpus, demo, lives, expect, words, what)                                                     \
    {id(#area, #name), #area, #cpus, #demo, lives, #expect, words, what},
#include "partitions/attacker/attacks.def"
#undef ATTACK
    };
    return kAll;
}

std::string document() {
    std::string text(kHead);
    unsigned lives = 0;
    std::string rows;
    std::string_view area;
    for (const Listed& each : list()) {
        if (each.area != area) {
            area = each.area;
            rows += "\n## " + std::string(area) +
                    "\n\n| attack | lives | CPUs | expected | the attacker tries to |\n|---|---|---|---|---|\n";
        }
        const std::string words = each.words.empty() ? "" : ": `" + std::string(each.words) + "`";
        rows += "| `" + each.id + "` | " + std::to_string(each.lives) + " | " + std::string(each.cpus) + " | " +
                std::string(each.expect) + words + " | " + std::string(each.what) + " |\n";
        lives += each.lives;
    }
    text += "\n" + std::to_string(list().size()) + " attacks, " + std::to_string(lives) + " lives.\n";
    return text + rows;
}

} // namespace septum::attacker
