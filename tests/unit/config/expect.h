/* SPDX-License-Identifier: BSD-3-Clause */
/* Loads a text and compares what is said of it, line by line. */
#pragma once

#include "config/load.h"

/* What the tests take for the built-in editors: "ftp", "sip", "tftp". */
extern const char *const test_editors[];

/*
 * Load a text as the file "t". The lines are what is to be printed, warnings too, each with
 * its newline. Returns what the loader returned, which has to fit the lines.
 */
int test_load_says(const char *text, struct pst_config *config, const char *lines);

/*
 * A whole config: two interfaces, a rule, and `more` among the keys, which come in lines 5 and
 * on; "" or starting with a comma.
 */
void test_config_says(const char *more, const char *lines);
/* The same; the config is left in *config, and there must be no error. */
void test_config_loads(const char *more, struct pst_config *config, const char *lines);
