/* SPDX-License-Identifier: BSD-3-Clause */
#include "complete.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "call.h"

#define PATIENCE_S 2 /* of somebody who pressed a key */
#define ROWS_MOST 200
#define SEEN_MOST 512

/* What is being typed, and what was offered for it. */
static struct {
	const char *typed;
	size_t len;
	char *seen[SEEN_MOST];
	size_t n_seen;
} offers;

void
pst_ctl_offer(const char *word)
{
	if (word == NULL || strncmp(word, offers.typed, offers.len) != 0)
		return;
	for (size_t i = 0; i < offers.n_seen; i++) {
		if (strcmp(offers.seen[i], word) == 0)
			return;
	}
	if (offers.n_seen < SEEN_MOST)
		offers.seen[offers.n_seen++] = strdup(word);
	puts(word);
}

static void
offer_value(void *ctx, const json_t *row)
{
	const json_t *value = json_object_get(row, ctx);
	char number[32];

	if (json_is_string(value)) {
		pst_ctl_offer(json_string_value(value));
	} else if (json_is_integer(value)) {
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		pst_ctl_offer(number);
	}
}

/* "clients client": what the rows of a table have under a key. */
static void
offer_rows(const char *socket, const char *table_and_key)
{
	char table[64];
	const char *blank = strchr(table_and_key, ' ');
	json_t *request;

	snprintf(table, sizeof(table), "%.*s", (int)(blank - table_and_key), table_and_key);
	request = json_pack("{s:s,s:s}", "command", "show", "what", table);
	if (pst_ctl_has_limit(table))
		json_object_set_new(request, "limit", json_integer(ROWS_MOST));
	pst_call_rows(socket, request, offer_value, (void *)(uintptr_t)(blank + 1));
}

void
pst_ctl_offer_all(const char *socket, const char *values)
{
	char words[256], *at = NULL;

	if (values == NULL)
		return;
	if (values[0] == '@') {
		offer_rows(socket, values + 1);
		return;
	}
	snprintf(words, sizeof(words), "%s", values);
	for (char *w = strtok_r(words, " ", &at); w != NULL; w = strtok_r(NULL, " ", &at))
		pst_ctl_offer(w);
}

static void
offer_options(const struct pst_ctl_option *option)
{
	char name[64];

	for (; option != NULL && option->name != NULL; option++) {
		snprintf(name, sizeof(name), "--%s", option->name);
		pst_ctl_offer(name);
	}
}

/* The option that a word is, "--limit" or "-n"; or, behind a command, its bare name. */
static const struct pst_ctl_option *
option_of(const struct pst_ctl_option *option, const char *word, bool bare)
{
	for (; option != NULL && option->name != NULL; option++) {
		if (strncmp(word, "--", 2) == 0 && strcmp(word + 2, option->name) == 0)
			return option;
		if (option->letter != 0 && word[0] == '-' && word[1] == option->letter &&
			word[2] == '\0')
			return option;
		if (bare && strcmp(word, option->name) == 0)
			return option;
	}
	return NULL;
}

static const struct pst_ctl_command *
command_of(const struct pst_ctl_command *const *commands, const char *name)
{
	for (; *commands != NULL; commands++) {
		if (strcmp((*commands)->name, name) == 0)
			return *commands;
	}
	return NULL;
}

/* What is known of the line before the word that is typed. */
struct line {
	const char *socket;
	const struct pst_ctl_command *command;
	const struct pst_ctl_option *pending; /* whose value the word is */
	bool is_lost;			      /* there is no such command */
	unsigned int n_words;		      /* of the command, its name included */
	const char *what;		      /* the one behind the name */
};

static void
read_word(struct line *line, const struct pst_ctl_command *const *commands,
	const struct pst_ctl_option *globals, const char *word)
{
	const struct pst_ctl_option *option = line->pending;

	line->pending = NULL;
	if (option != NULL) {
		if (strcmp(option->name, "socket") == 0)
			line->socket = word;
		return;
	}
	option = option_of(globals, word, false);
	if (option == NULL && line->command != NULL)
		option = option_of(line->command->options, word, line->n_words > 1);
	if (option != NULL) {
		line->pending = option->value != NULL ? option : NULL;
	} else if (line->command == NULL && !line->is_lost) {
		line->command = command_of(commands, word);
		line->is_lost = line->command == NULL;
		line->n_words = 1;
	} else {
		if (line->n_words++ == 1)
			line->what = word;
	}
}

static void
offer_for(const struct line *line, const struct pst_ctl_command *const *commands,
	const struct pst_ctl_option *globals)
{
	if (line->is_lost)
		return;
	if (line->pending != NULL) {
		pst_ctl_offer_all(line->socket, line->pending->values);
	} else if (offers.typed[0] == '-') {
		offer_options(globals);
		if (line->command != NULL)
			offer_options(line->command->options);
	} else if (line->command == NULL) {
		for (; *commands != NULL; commands++)
			pst_ctl_offer((*commands)->name);
	} else if (line->command->complete != NULL) {
		line->command->complete(line->socket, line->n_words, line->what);
	}
}

void
pst_complete(const struct pst_ctl_command *const *commands, const struct pst_ctl_option *globals,
	char *const *words)
{
	struct line line = { .socket = PST_CTL_SOCKET };

	if (*words == NULL)
		return;
	alarm(PATIENCE_S);
	for (; words[1] != NULL; words++)
		read_word(&line, commands, globals, *words);
	offers.typed = *words;
	offers.len = strlen(*words);
	offer_for(&line, commands, globals);
}
