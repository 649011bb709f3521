// SPDX-License-Identifier: Apache-2.0
// What the sides of appliances and of images are made of.
#pragma once

#include "cli/compared.hpp"

namespace septum::cli {

[[nodiscard]] std::string ticked(const std::string& name);  // `name`
[[nodiscard]] std::string without_ticks(std::string text);  // for keys: no tick, no blank
[[nodiscard]] std::string requester_text(std::uint32_t id); // 00:1f.2

[[nodiscard]] Amount size_of(std::uint64_t bytes);
[[nodiscard]] Amount count_of(std::uint64_t n);
[[nodiscard]] Amount yes_no(bool yes);
[[nodiscard]] Amount access_of(const std::string& access);  // of "rw-"
[[nodiscard]] Amount bits_of(std::uint64_t bits);           // each a right of its own
[[nodiscard]] Amount which(std::string text);               // no more and no less than another: any change is a gain
[[nodiscard]] Amount conduct_of(const std::string& answer); // stop, restart, halt-system

[[nodiscard]] Granted grant(const std::string& subject, std::string what, const config::Span& span = {});
// What holds until it is gone, and whose loss is a gain.
[[nodiscard]] Granted promise(const std::string& subject, std::string what, const config::Span& span = {});
void add_flows(Side& side);

} // namespace septum::cli
