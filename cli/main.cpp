// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.hpp"
#include "cli/interrupt.hpp"

int main(int argc, char** argv) {
    septum::cli::watch_for_interrupts();
    return septum::cli::run_command_line(argc, argv);
}
