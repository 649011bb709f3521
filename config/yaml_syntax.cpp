// SPDX-License-Identifier: Apache-2.0
#include "config/yaml_syntax.hpp"

#include <array>
#include <yaml-cpp/exceptions.h>

namespace septum::config {

SyntaxWords explain_syntax(std::string_view yaml_cpp_message) {
    struct Entry {
        std::string_view theirs;
        SyntaxWords ours;
    };
    namespace Theirs = YAML::ErrorMsg;
    static const std::array<Entry, 13> kEntries{{
        {Theirs::END_OF_SEQ_FLOW, {"a list is not closed: expected `,` or `]`", "close it with `]`"}},
        {Theirs::END_OF_MAP_FLOW, {"a mapping is not closed: expected `,` or `}`", "close it with `}`"}},
        {Theirs::END_OF_MAP, {"expected a key at this indentation", "indent it like the keys above it"}},
        {Theirs::END_OF_SEQ, {"expected `- ` at this indentation", "indent it like the items above it"}},
        {Theirs::MAP_VALUE, {"no value may begin here", "put text that holds `: ` in quotes"}},
        {Theirs::FLOW_END, {"a bracket closes what it did not open", "a list is `[…]`, a mapping is `{…}`"}},
        {Theirs::BLOCK_ENTRY, {"no `- ` item may begin here", ""}},
        {Theirs::MAP_KEY, {"no key may begin here", ""}},
        {Theirs::UNKNOWN_TOKEN, {"text may not begin with this character", "put the text in quotes"}},
        {Theirs::CHAR_IN_SCALAR, {"text may not hold this character here", "put the text in quotes"}},
        {Theirs::TAB_IN_INDENTATION, {"a tab in the indentation", "indent with spaces"}},
        {Theirs::EOF_IN_SCALAR, {"a quoted text is not closed", "close it with the quote it was opened with"}},
        {Theirs::DOC_IN_SCALAR, {"a quoted text is not closed", "close it with the quote it was opened with"}},
    }};
    for (const Entry& entry : kEntries)
        if (entry.theirs == yaml_cpp_message)
            return entry.ours;
    // yaml-cpp adds the character itself, which may be anything.
    if (yaml_cpp_message.starts_with(Theirs::INVALID_ESCAPE))
        return {"a backslash in double quotes begins no escape that YAML has",
                "write `\\\\` for a backslash, or put the text in single quotes"};
    return {};
}

} // namespace septum::config
