/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading JSON by the key table: objects, scalars, lists, and what is said of
 * those that are not as they should be. What a section means is load.c's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "config/keys.h"
#include "config/problems.h"

#define PST_POINTER_MAX 512

/* The pointer of an object's member or a list's element. */
void pst_pointer_child(char out[PST_POINTER_MAX], const char *pointer, const char *name);
void pst_pointer_element(char out[PST_POINTER_MAX], const char *pointer, size_t index);

/* True when it is of that type, called `what`; else that is said. */
bool pst_read_is(struct pst_loader *l, const char *pointer, const json_t *json, json_type type,
	const char *what);

/* Its text, or NULL, said. */
const char *pst_read_text(struct pst_loader *l, const char *pointer, const json_t *json);

/* The place of its text in names, which ends with NULL; or -1, said. */
int pst_read_choice(
	struct pst_loader *l, const char *pointer, const json_t *json, const char *const *names);

/* A name that goes into pointers, tables and labels, so letters, digits and "_.-" only. */
void pst_read_name(struct pst_loader *l, const char *pointer, const char *name, char *out);

/* A scalar, in the bounds of its key, to the key's offset from base. */
void pst_read_scalar(struct pst_loader *l, const struct pst_key *key, const char *pointer,
	const json_t *json, void *base);

/*
 * All keys of an object: scalars are set at base, unknown, later and missing ones
 * said. False when it is none.
 */
bool pst_read_object(struct pst_loader *l, const char *section, const char *pointer,
	const json_t *json, void *base);

/* The defaults of a section's scalars. */
void pst_read_defaults(const char *section, void *base);

/* How many entries a list has; 0 for NULL, or when that is more or less than its key allows, said. */
size_t pst_read_list(
	struct pst_loader *l, const struct pst_key *key, const char *pointer, const json_t *json);
