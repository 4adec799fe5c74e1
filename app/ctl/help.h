/* SPDX-License-Identifier: BSD-3-Clause */
/* What --help prints, made from the tables of commands and options. */
#pragma once

#include "ctl.h"

/* `commands` ends with NULL, `globals` with a NULL name. */
void pst_help_print(
	const struct pst_ctl_command *const *commands, const struct pst_ctl_option *globals);
/* Of one command. */
void pst_help_command(const struct pst_ctl_command *command, const struct pst_ctl_option *globals);
