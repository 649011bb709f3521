// SPDX-License-Identifier: Apache-2.0
// What lies at a byte of a bundle or a kernel: which structure, and where in it.
#pragma once

#include "tests/mutation/editor.hpp"

#include <map>
#include <string>

namespace septum::mutation {

struct Place {
    std::string structure; // "manifest: regions", "npt of alpha"
    std::size_t offset = 0;
};

class Places {
public:
    explicit Places(const World& world);

    [[nodiscard]] Place in_bundle(std::size_t at) const;
    [[nodiscard]] Place in_kernel(std::size_t at) const;

private:
    struct Table {
        const char* name;
        std::size_t offset;
        std::size_t record;
        std::size_t count;
    };
    void pages(std::uint64_t host, std::size_t count, const std::string& name);

    manifest::Header header_;
    std::vector<Table> tables_;
    std::map<std::size_t, std::string> pages_;                            // by offset in the bundle
    std::map<std::size_t, std::pair<std::size_t, std::string>> payloads_; // by offset: size, name
};

} // namespace septum::mutation
