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

/* An option of a command, written --name; a table of them ends with a NULL name. */
struct pst_ctl_option {
	const char *name;
	const char *value; /* what it takes, "ROWS"; NULL: nothing */
	const char *help;
	char letter; /* a short form of it, or 0 */
	/* what it may be: words; or "@clients client", what that table's rows have under that key;
	 * or NULL */
	const char *values;
};

#define PST_CTL_GIVEN_MAX 32

struct pst_ctl_args {
	const char *socket;
	bool has_socket; /* said so, not the default */
	bool json;
	char *const *words; /* the command and what follows it, NULL at the end */
	/* the command's own options, each at most once */
	struct pst_ctl_given {
		const struct pst_ctl_option *option;
		const char *value; /* "" where it takes none */
	} given[PST_CTL_GIVEN_MAX];
	unsigned int n_given;
};

struct pst_ctl_command {
	const char *name;
	const char *usage;		      /* the words behind it, or NULL */
	const char *help;		      /* a line */
	const struct pst_ctl_option *options; /* or NULL */
	/* the rest of its --help; may be NULL */
	void (*print_more)(void);
	/*
	 * Offer what may follow the n words there are, its name included, of which the second is that
	 * (NULL: the name is alone); may be NULL.
	 */
	void (*complete)(const char *socket, unsigned int n, const char *what);
	enum pst_ctl_exit (*run)(const struct pst_ctl_args *args);
};

/* The commands, each of a file of its own; the table in main.c names them. */
extern const struct pst_ctl_command pst_ctl_status;
extern const struct pst_ctl_command pst_ctl_show;
extern const struct pst_ctl_command pst_ctl_kill;
extern const struct pst_ctl_command pst_ctl_top;
extern const struct pst_ctl_command pst_ctl_doctor;
extern const struct pst_ctl_command pst_ctl_explain;
extern const struct pst_ctl_command pst_ctl_metrics;
extern const struct pst_ctl_command pst_ctl_capture;
extern const struct pst_ctl_command pst_ctl_reload;
extern const struct pst_ctl_command pst_ctl_confirm;
extern const struct pst_ctl_command pst_ctl_watch;
extern const struct pst_ctl_command pst_ctl_who_had;

/* The value of an option, "" for one that takes none; NULL: it was not given. */
const char *pst_ctl_option(const struct pst_ctl_args *args, const char *name);
/* The same as a number, 1 or more: 0 if it was not given. false: it is none, and that was said. */
bool pst_ctl_number(
	const struct pst_ctl_args *args, const char *name, const char *what, long long *n);
/* Note an option. PST_CTL_OK, or PST_CTL_USAGE when it is there already, and said so. */
enum pst_ctl_exit pst_ctl_give(
	struct pst_ctl_args *args, const struct pst_ctl_option *option, const char *value);

/*
 * Complain about a word that nobody knows; `known` ends with NULL. Returns
 * PST_CTL_USAGE.
 */
enum pst_ctl_exit pst_ctl_unknown(const char *what, const char *word, const char *const *known);

/* Completion: a word that may stand there; and all of a table's or an option's values. */
void pst_ctl_offer(const char *word);
void pst_ctl_offer_all(const char *socket, const char *values);
/* Does `show` take a limit for that? */
bool pst_ctl_has_limit(const char *what);

/* One JSON document on stdout. */
void pst_ctl_print_json(const json_t *json);
