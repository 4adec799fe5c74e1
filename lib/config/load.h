/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a JSON file to struct pst_config.
 *
 * All that is wrong is told, not the first thing alone, each with its line and
 * JSON pointer (RFC 6901). A syntax error is one problem: nothing can be read behind it.
 */
#pragma once

#include <stdio.h>

#include "config/config.h"

struct pst_problem {
	bool warning;
	uint32_t line; /* 0: of no line */
	char *pointer; /* may be empty */
	char *text;
};

struct pst_problems {
	char *file;
	struct pst_problem *list; /* in the file's order */
	uint32_t n, room;
	uint32_t errors;
};

/*
 * Load and check a file. editors: the built-in ones' names, NULL at the end.
 * 0, or -EINVAL when a problem is an error. problems is to be given back in any case, and config
 * after success.
 */
int pst_config_load(const char *path, const char *const *editors, struct pst_config *config,
	struct pst_problems *problems);

/* The same from memory; name is what messages call it. */
int pst_config_parse(const char *text, size_t len, const char *name, const char *const *editors,
	struct pst_config *config, struct pst_problems *problems);

/* What a loaded config owns. Safe again, and on one that is all zeroes. */
void pst_config_fini(struct pst_config *config);

/* One line each: FILE:LINE: POINTER: TEXT */
void pst_problems_print(const struct pst_problems *problems, FILE *out);
void pst_problems_fini(struct pst_problems *problems);
