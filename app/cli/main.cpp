// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/command_line.h"

int main(int argc, char** argv) { return bitwright::cli::run_command_line({argv + 1, argv + argc}); }
