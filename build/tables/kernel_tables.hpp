// SPDX-License-Identifier: Apache-2.0
// The kernel's own page tables after launch: identity, W^X, guards left out, nothing that it does not need.
#pragma once

#include "build/plan/plan.hpp"
#include "build/tables/kernel_image.hpp"
#include "build/tables/page_tables.hpp"

#include <vector>

namespace septum::build {

// Sorted and disjoint. `written`: the part of the bundle that the kernel writes at run time, IOMMU tables.
[[nodiscard]] std::vector<Mapping> kernel_mappings(const Plan& plan, const KernelImage& kernel,
                                                   const config::Board& board, manifest::Range written);
[[nodiscard]] PageTableShape kernel_shape(const config::Board& board);

} // namespace septum::build
