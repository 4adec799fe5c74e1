/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys of the config file: where each is, what it may be, what it is
 * without a word. The table drives the scalars and the defaults; what has a shape
 * of its own (addresses, lists) has a row here too, and a function in load.c.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum pst_key_type {
	PST_KEY_U32,
	PST_KEY_U16,
	PST_KEY_BOOL,
	PST_KEY_TEXT, /* a char array of `max` bytes */
	PST_KEY_ENUM, /* one of `names`; an int */
	PST_KEY_SHAPE, /* load.c knows */
	PST_KEY_LATER, /* a key of a later version: refused by name */
};

struct pst_key {
	const char *section; /* JSON pointer of its object; "*" stands for any name or index */
	const char *name;
	enum pst_key_type type;
	size_t offset;          /* in struct pst_config, or in the list's element */
	uint64_t min, max;
	const char *fallback;   /* the default as JSON text; NULL: none, or made by load.c */
	const char *const *names; /* ENUM, by value */
};

extern const struct pst_key pst_keys[];
extern const uint32_t pst_n_keys;

extern const char *const pst_key_levels[]; /* of the log, NULL at the end */
