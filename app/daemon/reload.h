/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reload as a transaction: SIGHUP, or a command of the control socket.
 *
 * The file is read, checked, and compared with the config that runs (config/reload.h). A file that
 * is wrong, or changes what needs a restart, changes nothing: each problem is a line of the log
 * and of the answer. Else the lcores go over to it (swap.h), and the answer tells what changed and
 * what became of the open connections.
 *
 *	{"command":"reload"}                    apply
 *	{"command":"reload","dry_run":true}     tell what it would do
 *	{"command":"reload","confirm":60}       apply, and go back unless confirmed in 60 s
 *	{"command":"confirm"}
 *
 * What the new config forbids is kept, drained or cut, as it says itself. To drain is to walk once
 * more when the time is over, and cut what the config of then forbids: so nothing has to be
 * remembered of a connection. Where reloads follow each other the first one's time counts for all.
 * Until a reload is confirmed none is cut, for that could not be taken back; and no other reload is
 * begun.
 *
 * Reading, checking and compiling a large file takes main a part of a second, in which it answers
 * nobody; the packet path does not wait for it.
 *
 * Owner: main.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "appliance.h"
#include "config/reload.h"

enum pst_reload_state {
	PST_RELOAD_IDLE,
	PST_RELOAD_COUNTING,
	PST_RELOAD_APPLYING,
	PST_RELOAD_CUTTING,
	PST_RELOAD_GOING_BACK,
	PST_RELOAD_LOOKING, /* whether anything is open on addresses that are retired */
	PST_RELOAD_FORGETTING,
};

struct pst_reload {
	struct pst_appliance *appliance;
	struct pst_config *running; /* its own, as all of them are */
	struct pst_config *next;    /* that is under way */
	struct pst_config *before;  /* to go back to, until it is confirmed; NULL: nothing waits */
	char path[PATH_MAX];
	const char *const *editors;
	/* the lcores have gone over: who shows what runs has to look elsewhere */
	void (*applied)(void *ctx, const struct pst_config *config);
	void *ctx;

	enum pst_reload_state state;
	/* asked for while something else was under way that nobody asked for */
	struct {
		bool waits, dry_run;
		uint32_t confirm_s;
	} queued;
	struct pst_changes changes; /* of the one under way */
	bool dry_run;
	uint32_t confirm_s;	    /* asked for; 0: not at all */
	uint32_t generation;	    /* of the snapshot that was told of */
	uint64_t now_ms;
	uint64_t go_back_ms; /* unless confirmed */
	uint64_t cut_ms;     /* what is drained; 0: nothing is */
	uint64_t look_ms;    /* the next time */
	/* the answers: of a request that waits, and of the last one */
	int ticket, answered;
	int ret;
	json_t *answer;
	char error[256];
};

/* config: of that path, loaded; it is the reload's own from now on. */
void pst_reload_init(struct pst_reload *r, struct pst_appliance *a, struct pst_config *config,
	const char *const *editors);
/* After all lcores stopped and the appliance was destroyed. */
void pst_reload_fini(struct pst_reload *r);

/* SIGHUP: what becomes of it is told in the log. */
void pst_reload_by_signal(struct pst_reload *r);

/* Commands of the control socket, NULL at the end, and what runs them (control/params.h). */
extern const char *const pst_reload_commands[];
int pst_reload_command(struct pst_reload *r, const char *name, json_t *request, json_t **result,
	char *error, size_t size);
int pst_reload_answer(struct pst_reload *r, int ticket, json_t **result, char *error, size_t size);

/* Go on; behind pst_appliance_poll(), before anybody looks at what runs. */
uint32_t pst_reload_poll(struct pst_reload *r, uint64_t now_ms);
