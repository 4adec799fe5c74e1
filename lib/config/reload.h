/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reload: what another config would change of the one that runs.
 *
 * Every key has a class:
 *
 *	LIVE     counts at once, for what is open too
 *	NEW      counts for what begins from now on; what is open lives on by what it began with
 *	HELD     as NEW, and connections that are open are held against it: those that it forbids
 *	         are kept, drained or cut, as `reload.forbidden_connections` says
 *	RESTART  is built into what was made at start, so a reload that changes it is refused, whole
 *
 * Both configs are compared as the JSON that they are dumped to, with every default filled in:
 * so a key that is left out differs from none that says the same, and each change has the JSON
 * pointer that the file's key has. Lists whose entries are objects are compared entry by entry.
 */
#pragma once

#include "config/load.h"

enum pst_reload_class {
	PST_RELOAD_LIVE,
	PST_RELOAD_NEW,
	PST_RELOAD_HELD,
	PST_RELOAD_RESTART,
	PST_RELOAD_CLASSES,
};

extern const char *const pst_reload_class_names[PST_RELOAD_CLASSES];

/* Who makes a change count, or why nobody can. */
struct pst_reload_key {
	const char *section, *name; /* as in pst_keys */
	enum pst_reload_class class;
	const char *who; /* RESTART: why */
};

/* NULL for an object that has no value of its own, and for an unknown key. */
const struct pst_reload_key *pst_reload_key_find(const char *section, const char *name);

struct pst_change {
	char *pointer;	 /* in the new file; of what is gone: in the old one */
	char *from, *to; /* compact JSON; NULL: it is not there */
	enum pst_reload_class class;
	const char *why; /* RESTART */
};

struct pst_changes {
	struct pst_change *list; /* by key, as the table has them */
	uint32_t n, room;
	bool failed; /* there was no memory for all */
};

/* What changes; -ENOMEM. changes is to be given back in any case. */
int pst_changes_find(struct pst_changes *changes, const struct pst_config *running,
	const struct pst_config *next);
void pst_changes_fini(struct pst_changes *changes);

/* Is anything at this key, or below it, changed? */
bool pst_changes_touch(const struct pst_changes *changes, const char *pointer);

/*
 * Load a file that is to follow the running config. As pst_config_load(); and each change that
 * needs a restart is a problem. Interfaces are in the order of the running ones.
 */
int pst_config_load_next(const char *path, const char *const *editors,
	const struct pst_config *running, struct pst_config *next, struct pst_changes *changes,
	struct pst_problems *problems);
/* The same from memory. */
int pst_config_parse_next(const char *text, size_t len, const char *name,
	const char *const *editors, const struct pst_config *running, struct pst_config *next,
	struct pst_changes *changes, struct pst_problems *problems);
