/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys of the config file: where each is, what it may be, what it is
 * without a word. The table drives scalars, defaults, bounds and the way back to
 * JSON; what has a shape of its own (addresses, rules) has a row here too, and a
 * function in load.c. config/schema.json says the same to others; a test compares.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pst_key_type {
	PST_KEY_U32,
	PST_KEY_U16,
	PST_KEY_BOOL,
	PST_KEY_LIMIT,	/* true, false, or a number; a uint16_t, 1 and 0 for true and false */
	PST_KEY_TEXT,	/* a char array; min and max are its length's */
	PST_KEY_ENUM,	/* one of `names`; an int */
	PST_KEY_SHAPE,	/* a text that load.c reads */
	PST_KEY_LIST,	/* from `least` to `most` entries; min and max are a number's */
	PST_KEY_OBJECT, /* a section */
	PST_KEY_MAP,	/* up to `most` objects, by name */
};

struct pst_key {
	const char *section; /* JSON pointer of its object; "*" stands for any name or index */
	const char *name;
	enum pst_key_type type;
	bool required;
	size_t offset; /* in struct pst_config, or in the element's struct */
	uint64_t min, max;
	uint32_t least, most;
	const char *fallback;	  /* the default as JSON text; NULL: none, or made of other keys */
	const char *const *names; /* ends with NULL; ENUM: by value */
};

extern const struct pst_key pst_keys[];
extern const uint32_t pst_n_keys;

/* NULL when there is none. */
const struct pst_key *pst_key_find(const char *section, const char *name);
