// SPDX-License-Identifier: Apache-2.0
// What passes between the gateway and the vault. A request is any bytes, at most kMaxRequest of them; its answer names
// the request by its number in the request channel. An empty request is a farewell: the vault answers no more.
#pragma once

#include <septum/types.hpp>

namespace septum::vault {

inline constexpr const char* kRequestChannel = "request"; // gateway → vault
inline constexpr const char* kAnswerChannel = "answer";   // vault → gateway

inline constexpr u64 kMaxRequest = 1024; // bytes
inline constexpr u64 kMacSize = 32;      // bytes

struct Answer {
    u64 request;      // number of the message it answers
    u8 mac[kMacSize]; // HMAC-SHA-256 of it under the vault's key
};
static_assert(sizeof(Answer) == 40);

} // namespace septum::vault
