# SPDX-License-Identifier: Apache-2.0
# find_package(septum): the runtime for native guests, as Septum::guest.
include("${CMAKE_CURRENT_LIST_DIR}/../septum-guest/septum-guest-config.cmake")
