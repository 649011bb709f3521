// SPDX-License-Identifier: Apache-2.0
// How to mend what several properties find.
#pragma once

namespace septum::verifier {

inline constexpr const char* kNotFromThisModel =
    "build the image anew; if it stays, the tables were not made from this model";
inline constexpr const char* kImageAltered = "build the image anew; if it stays, the image was altered";
inline constexpr const char* kAlteredOnItsWay = "build the image anew; if it stays, something alters it on its way";

} // namespace septum::verifier
