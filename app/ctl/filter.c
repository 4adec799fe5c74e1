/* SPDX-License-Identifier: BSD-3-Clause */
#include "filter.h"

#include <stdio.h>
#include <string.h>

#define NAMES_MOST 64

/* Which member of the filter an option is, and what stands before its value there. */
static const struct {
	const char *option, *key, *before;
} members[] = {
	{ "client", "client", "" },
	{ "src", "client", "" },
	{ "sport", "client", ":" },
	{ "remote", "remote", "" },
	{ "dst", "remote", "" },
	{ "dport", "remote", ":" },
	{ "protocol", "protocol", "" },
	{ "state", "state", "" },
	{ "port", "port", "" },
	{ "outside", "outside", "" },
	{ "editor", "editor", "" },
	{ "path", "path", "" },
	{ "worker", "worker", "" },
};

#define MEMBERS (sizeof(members) / sizeof(members[0]))

/* Words that need no "protocol" before them. */
static const char *const protocols[] = { "tcp", "udp", "icmp", "gre", "esp", "sctp", NULL };

static const struct pst_ctl_option *
find_option(const struct pst_ctl_option *options, const char *name)
{
	for (; options->name != NULL; options++) {
		if (strcmp(options->name, name) == 0)
			return options;
	}
	return NULL;
}

static enum pst_ctl_exit
complain_word(const char *word, const struct pst_ctl_option *options)
{
	const char *known[NAMES_MOST + 1];
	unsigned int n = 0;

	for (; options->name != NULL && n < NAMES_MOST; options++)
		known[n++] = options->name;
	known[n] = NULL;
	return pst_ctl_unknown("filter", word, known);
}

enum pst_ctl_exit
pst_filter_words(
	struct pst_ctl_args *args, unsigned int first, const struct pst_ctl_option *options)
{
	char *const *word = args->words + first;
	enum pst_ctl_exit code = PST_CTL_OK;

	for (; code == PST_CTL_OK && *word != NULL; word++) {
		const struct pst_ctl_option *option = find_option(options, *word);

		for (const char *const *p = protocols; option == NULL && *p != NULL; p++) {
			if (strcmp(*p, *word) == 0) {
				option = find_option(options, "protocol");
				word--; /* it is the value itself */
			}
		}
		if (option == NULL)
			return complain_word(*word, options);
		if (option->value != NULL && *++word == NULL) {
			fprintf(stderr, "posternctl: %s needs a value: %s\n", option->name,
				option->value);
			return PST_CTL_USAGE;
		}
		code = pst_ctl_give(args, option, option->value != NULL ? *word : "");
	}
	return code;
}

void
pst_filter_offer(const struct pst_ctl_option *options)
{
	for (; options->name != NULL; options++)
		pst_ctl_offer(options->name);
	for (const char *const *p = protocols; *p != NULL; p++)
		pst_ctl_offer(*p);
}

/* An address and a port, which may come apart, are one member. */
static enum pst_ctl_exit
add_member(json_t *filter, const char *key, const char *before, const char *value)
{
	const char *there = json_string_value(json_object_get(filter, key));
	json_t *text;

	if (there == NULL)
		text = json_sprintf("%s%s", before, value);
	else if (before[0] == ':' && strchr(there, ':') == NULL)
		text = json_sprintf("%s:%s", there, value);
	else if (before[0] == '\0' && there[0] == ':' && strchr(value, ':') == NULL)
		text = json_sprintf("%s%s", value, there);
	else {
		fprintf(stderr, "posternctl: %s is given twice\n", key);
		return PST_CTL_USAGE;
	}
	if (text == NULL || json_object_set_new(filter, key, text) < 0) {
		fprintf(stderr, "posternctl: %s: no text in UTF-8\n", key);
		return PST_CTL_USAGE;
	}
	return PST_CTL_OK;
}

enum pst_ctl_exit
pst_filter_make(const struct pst_ctl_args *args, json_t **filter)
{
	enum pst_ctl_exit code = PST_CTL_OK;

	*filter = json_object();
	for (unsigned int i = 0; i < args->n_given; i++) {
		for (size_t k = 0; code == PST_CTL_OK && k < MEMBERS; k++) {
			if (strcmp(args->given[i].option->name, members[k].option) == 0)
				code = add_member(*filter, members[k].key, members[k].before,
					args->given[i].value);
		}
	}
	if (code == PST_CTL_OK && json_object_size(*filter) > 0)
		return PST_CTL_OK;
	json_decref(*filter);
	*filter = NULL;
	return code;
}
