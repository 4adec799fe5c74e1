/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * posternctl: the operator's command line. It asks the appliance's control socket and
 * shows the answer, as tables or (--json) as it came.
 */
#pragma once

#include <stdbool.h>

#include <jansson.h>

#define PST_CTL_SOCKET "/run/postern/control.sock"

/* What posternctl exits with. */
enum pst_ctl_exit {
	PST_CTL_OK,
	PST_CTL_REFUSED, /* with a reason on stderr */
	PST_CTL_USAGE,
	PST_CTL_ABSENT, /* no appliance on that socket */
};

struct pst_ctl_args {
	const char *socket;
	bool json;
	long long limit;    /* most rows, 0: all */
	char *const *words; /* of the command, NULL at the end */
};

/* The subcommands. */
enum pst_ctl_exit pst_ctl_status(const struct pst_ctl_args *args);
enum pst_ctl_exit pst_ctl_show(const struct pst_ctl_args *args);

/* What `show` can show, NULL at the end. */
const char *const *pst_ctl_shown(void);

/*
 * Complain about a word that nobody knows; `known` ends with NULL. Returns
 * PST_CTL_USAGE.
 */
enum pst_ctl_exit pst_ctl_unknown(const char *what, const char *word, const char *const *known);

/* One JSON document on stdout. */
void pst_ctl_print_json(const json_t *json);
