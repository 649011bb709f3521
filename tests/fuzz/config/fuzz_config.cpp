// SPDX-License-Identifier: Apache-2.0
// Any bytes as an appliance file: load_text() never fails but by a message, and every message can be printed.
// Seeds: tests/cases/config/*/input.yaml and config/examples.
#include "config/model.hpp"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace config = septum::config;
    // No folders are searched, so that no file of the machine matters; a board may be written in the input.
    const config::Loaded loaded =
        config::load_text({reinterpret_cast<const char*>(data), size}, "input.yaml", "/nonexistent", {});
    bool any_error = false;
    for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
        any_error = any_error || diagnostic.severity == config::Severity::error;
        const std::string text = config::render(diagnostic, loaded.sources, false);
        if (text.empty() || text.back() != '\n' || config::render_short(diagnostic, loaded.sources).empty())
            std::abort();
        // Nothing that the user wrote may act on the terminal.
        for (const char c : text)
            if (static_cast<unsigned char>(c) < 0x20 && c != '\n')
                std::abort();
    }
    if (loaded.model.has_value() == any_error)
        std::abort();
    return 0;
}
