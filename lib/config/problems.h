/* SPDX-License-Identifier: BSD-3-Clause */
/* Collecting what is wrong: each problem is one line of plain text, whatever the file holds. */
#pragma once

#include "config/load.h"
#include "config/locate.h"

/* What a config is read and checked with. */
struct pst_loader {
	const char *const *editors;
	struct pst_config *config;
	struct pst_problems *problems;
	struct pst_places places; /* of the text; none: problems have no line */
	const struct pst_config *running; /* that this one is to follow; NULL: none */
	struct pst_changes *changes;	  /* of it */
};

void pst_problem(struct pst_loader *l, const char *pointer, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void pst_warning(struct pst_loader *l, const char *pointer, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* With a line that is known otherwise. */
void pst_problem_at(struct pst_loader *l, uint32_t line, const char *pointer, const char *text);

/* True when there is an error there, or above or below it: a check that reads it would mislead. */
bool pst_problem_is_at(const struct pst_loader *l, const char *pointer);

/* reload.c: what can't be changed of the running config. */
void pst_config_check_next(struct pst_loader *l);

/* check.c: rules across keys, on what is right by itself; and defaults from other keys. */
void pst_config_check(struct pst_loader *l);
