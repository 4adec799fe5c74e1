/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What may stand in a word's place: asked by the shell's completion, answered from the tables of
 * commands and options, and by the appliance where these name something it has.
 */
#pragma once

#include "ctl.h"

/*
 * The words behind the program's name up to the one that is being typed, which is the last and
 * may be empty. Prints those that begin like it, a line each.
 */
void pst_complete(const struct pst_ctl_command *const *commands,
	const struct pst_ctl_option *globals, char *const *words);
