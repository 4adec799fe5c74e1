/* SPDX-License-Identifier: BSD-3-Clause */
#define PST_LOG_MODULE PST_LOGTYPE_CONFIG
#include "reload.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define CONFIRM_MOST 86400 /* seconds */
#define LOOK_MS 5000

const char *const pst_reload_commands[] = { "reload", "confirm", NULL };

static void
free_config(struct pst_config *config)
{
	if (config != NULL)
		pst_config_fini(config);
	free(config);
}

void
pst_reload_init(struct pst_reload *r, struct pst_appliance *a, struct pst_config *config,
	const char *const *editors)
{
	*r = (struct pst_reload){ .appliance = a,
		.running = config,
		.editors = editors,
		.now_ms = a->params.now_ms,
		.generation = a->now->nat.generation };
	snprintf(r->path, sizeof(r->path), "%s", config->path);
}

void
pst_reload_fini(struct pst_reload *r)
{
	pst_changes_fini(&r->changes);
	free_config(r->running);
	free_config(r->next);
	free_config(r->before);
	json_decref(r->answer);
}

/* Problems, as they are printed. */

static json_t *
lines_of(const struct pst_problems *problems)
{
	json_t *lines = json_array();
	char *text = NULL, *line, *rest;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return lines;
	pst_problems_print(problems, out);
	fclose(out);
	for (line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
		json_array_append_new(lines, json_string(line));
	free(text);
	return lines;
}

static void
log_lines(const json_t *lines, bool refused)
{
	const json_t *line;
	size_t i;

	json_array_foreach(lines, i, line)
	{
		if (refused)
			PST_LOG(ERR, "reload: %s", json_string_value(line));
		else
			PST_LOG(WARNING, "reload: %s", json_string_value(line));
	}
}

static void
record(const struct pst_reload *r, enum pst_record_type type, uint64_t changes)
{
	const struct pst_record event = { .time_ms = r->now_ms, .type = type, .number = changes };

	pst_eventlog_add(r->appliance->params.eventlog, &event);
}

/* Answers. */

static void
answer(struct pst_reload *r, int ret, json_t *json, const char *error)
{
	json_decref(r->answer);
	r->answer = json;
	r->ret = ret;
	r->answered = r->ticket;
	snprintf(r->error, sizeof(r->error), "%s", error);
}

/* Nothing was changed. */
static void
refuse(struct pst_reload *r, int ret, json_t *problems, const char *error)
{
	PST_LOG(ERR, "the configuration was not changed: %s", error);
	if (!r->dry_run)
		record(r, PST_RECORD_RELOAD_REFUSED, 0);
	answer(r, ret, problems, error);
	free_config(r->next);
	r->next = NULL;
	r->state = PST_RELOAD_IDLE;
}

static json_t *
changes_of(const struct pst_reload *r)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < r->changes.n; i++) {
		const struct pst_change *c = &r->changes.list[i];
		json_t *from = c->from != NULL ? json_loads(c->from, JSON_DECODE_ANY, NULL) : NULL;
		json_t *to = c->to != NULL ? json_loads(c->to, JSON_DECODE_ANY, NULL) : NULL;

		json_array_append_new(array, json_pack("{s:s,s:o,s:o,s:s}", "key", c->pointer,
						     "from", from != NULL ? from : json_null(),
						     "to", to != NULL ? to : json_null(), "effect",
						     pst_reload_class_names[c->class]));
	}
	return array;
}

static uint64_t
drained(const struct pst_config *c, const struct pst_swap_result *result)
{
	if (c->reload.forbidden_connections != PST_FORBIDDEN_DRAIN)
		return 0;
	return result->forbidden - result->cut;
}

static json_t *
plan(const struct pst_reload *r, const struct pst_config *c, bool dry_run)
{
	const struct pst_swap_result *result = pst_swap_result(r->appliance->swap);
	uint64_t n_drained = drained(c, result);
	uint64_t kept = result->kept + result->forbidden - result->cut - n_drained;

	return json_pack("{s:b,s:o,s:{s:I,s:I,s:I},s:I,s:I,s:s}", "dry_run", dry_run, "changes",
		changes_of(r), "connections", "kept", (json_int_t)kept, "drained",
		(json_int_t)n_drained, "cut", (json_int_t)result->cut, "drain_time",
		(json_int_t)c->reload.drain_time, "confirm_within", (json_int_t)r->confirm_s,
		"warning", result->warning);
}

/* The steps. */

static bool
cuts_at_once(const struct pst_reload *r, const struct pst_config *c)
{
	return c->reload.forbidden_connections == PST_FORBIDDEN_CUT && r->confirm_s == 0;
}

static bool
start_swap(
	struct pst_reload *r, enum pst_swap_kind kind, const struct pst_config *config, bool cuts)
{
	bool applies = kind == PST_SWAP_APPLY;
	struct pst_swap_params params = { .kind = kind,
		.config = config,
		.cuts = cuts,
		.arms = applies && pst_changes_touch(&r->changes, "/nat/timeouts"),
		.routes = applies && pst_changes_touch(&r->changes, "/routes") };

	return pst_swap_start(r->appliance->swap, &params) == 0;
}

/* Load the file; false: it was refused. */
static bool
load(struct pst_reload *r)
{
	struct pst_problems problems;
	json_t *lines;
	bool good;

	r->next = calloc(1, sizeof(*r->next));
	if (r->next == NULL) {
		refuse(r, -ENOMEM, NULL, "no memory");
		return false;
	}
	pst_changes_fini(&r->changes);
	good = pst_config_load_next(
		       r->path, r->editors, r->running, r->next, &r->changes, &problems) == 0;
	lines = lines_of(&problems);
	log_lines(lines, !good);
	pst_problems_fini(&problems);
	if (!good) {
		free(r->next); /* there is nothing in it */
		r->next = NULL;
		refuse(r, -EINVAL, lines, "the file has errors, or changes what needs a restart");
		return false;
	}
	json_decref(lines);
	return true;
}

static void
start(struct pst_reload *r, bool dry_run, uint32_t confirm_s)
{
	enum pst_swap_kind kind = dry_run ? PST_SWAP_COUNT : PST_SWAP_APPLY;

	r->dry_run = dry_run;
	r->confirm_s = confirm_s;
	if (!load(r))
		return;
	if (!start_swap(r, kind, r->next, cuts_at_once(r, r->next))) {
		refuse(r, -EINVAL, NULL, pst_swap_result(r->appliance->swap)->error);
		return;
	}
	r->state = dry_run ? PST_RELOAD_COUNTING : PST_RELOAD_APPLYING;
}

static void
drain(struct pst_reload *r)
{
	uint64_t end_ms = r->now_ms + (uint64_t)r->running->reload.drain_time * PST_MS_PER_S;

	if (r->cut_ms == 0 || end_ms < r->cut_ms)
		r->cut_ms = end_ms;
}

/* Counted or applied: what the operator is told. */
static void
tell(struct pst_reload *r, const struct pst_config *c, bool dry_run)
{
	const struct pst_swap_result *result = pst_swap_result(r->appliance->swap);
	json_t *json = plan(r, c, dry_run);
	const json_t *n = json_object_get(json, "connections");

	if (result->warning[0] != 0)
		PST_LOG(WARNING, "reload: %s", result->warning);
	if (!dry_run)
		PST_LOG(NOTICE,
			"reload: %u changes; connections: %lld kept, %lld drained, %lld cut%s",
			r->changes.n, (long long)json_integer_value(json_object_get(n, "kept")),
			(long long)json_integer_value(json_object_get(n, "drained")),
			(long long)json_integer_value(json_object_get(n, "cut")),
			r->confirm_s > 0 ? "; it is to be confirmed" : "");
	answer(r, 0, json, "");
}

static void
counted(struct pst_reload *r)
{
	tell(r, r->next, true);
	free_config(r->next);
	r->next = NULL;
	r->state = PST_RELOAD_IDLE;
}

static void
applied(struct pst_reload *r)
{
	const struct pst_swap_result *result = pst_swap_result(r->appliance->swap);

	if (result->ret < 0) {
		refuse(r, result->ret, NULL, result->error);
		return;
	}
	r->state = PST_RELOAD_IDLE;
	tell(r, r->running, false);
	record(r, PST_RECORD_RELOAD_APPLIED, r->changes.n);
	if (r->confirm_s > 0)
		r->go_back_ms = r->now_ms + (uint64_t)r->confirm_s * PST_MS_PER_S;
	else if (drained(r->running, result) > 0)
		drain(r);
}

/* The lcores read the next config. Who waits for a confirmation may want the old one back. */
static void
take_over(struct pst_reload *r)
{
	struct pst_config *old = r->running;

	r->generation = r->appliance->now->nat.generation;
	if (r->state == PST_RELOAD_FORGETTING) { /* the same config */
		r->applied(r->ctx, r->running);
		return;
	}
	r->running = r->next;
	r->next = NULL;
	pst_log_set_level(pst_log_level_of(r->running->log_level));
	r->applied(r->ctx, r->running);
	if (r->state == PST_RELOAD_APPLYING && r->confirm_s > 0)
		r->before = old;
	else
		free_config(old);
}

static void
go_back(struct pst_reload *r)
{
	PST_LOG(WARNING, "reload: not confirmed within %u s: the configuration before is back",
		r->confirm_s);
	r->next = r->before;
	r->before = NULL;
	r->confirm_s = 0;
	if (start_swap(r, PST_SWAP_APPLY, r->next, false)) {
		r->state = PST_RELOAD_GOING_BACK;
		return;
	}
	PST_LOG(ERR, "reload: it can't come back: %s", pst_swap_result(r->appliance->swap)->error);
	free_config(r->next);
	r->next = NULL;
}

static void
went_back(struct pst_reload *r)
{
	const struct pst_swap_result *result = pst_swap_result(r->appliance->swap);

	r->state = PST_RELOAD_IDLE;
	if (result->ret == 0) {
		record(r, PST_RECORD_RELOAD_ROLLED_BACK, 0);
		return;
	}
	PST_LOG(ERR, "reload: it can't come back: %s", result->error);
	free_config(r->next);
	r->next = NULL;
}

static void
start_cut(struct pst_reload *r)
{
	r->cut_ms = 0;
	if (r->running->reload.forbidden_connections != PST_FORBIDDEN_KEEP &&
		start_swap(r, PST_SWAP_CUT, NULL, true))
		r->state = PST_RELOAD_CUTTING;
}

static void
cut(struct pst_reload *r)
{
	r->state = PST_RELOAD_IDLE;
	PST_LOG(NOTICE, "reload: %" PRIu64 " connections were cut that the configuration forbids",
		pst_swap_result(r->appliance->swap)->cut);
}

/* Outside addresses that the config has no more are ours until nothing is open on them. */
static void
look(struct pst_reload *r)
{
	r->look_ms = r->now_ms + LOOK_MS;
	if (start_swap(r, PST_SWAP_LOOK, NULL, false))
		r->state = PST_RELOAD_LOOKING;
}

static void
looked(struct pst_reload *r)
{
	uint32_t n = r->appliance->now->nat.n_retired;

	r->state = PST_RELOAD_IDLE;
	if (pst_swap_result(r->appliance->swap)->retired > 0)
		return;
	if (start_swap(r, PST_SWAP_FORGET, NULL, false)) {
		PST_LOG(NOTICE, "%u outside addresses are given up: nothing is open there", n);
		r->state = PST_RELOAD_FORGETTING;
	}
}

static void
swapped(struct pst_reload *r)
{
	switch (r->state) {
	case PST_RELOAD_COUNTING:
		counted(r);
		break;
	case PST_RELOAD_APPLYING:
		applied(r);
		break;
	case PST_RELOAD_GOING_BACK:
		went_back(r);
		break;
	case PST_RELOAD_CUTTING:
		cut(r);
		break;
	case PST_RELOAD_LOOKING:
		looked(r);
		break;
	case PST_RELOAD_FORGETTING:
		r->state = PST_RELOAD_IDLE;
		break;
	case PST_RELOAD_IDLE:
		break;
	}
}

uint32_t
pst_reload_poll(struct pst_reload *r, uint64_t now_ms)
{
	r->now_ms = now_ms;
	if (r->appliance->now->nat.generation != r->generation)
		take_over(r);
	if (r->state != PST_RELOAD_IDLE) {
		if (pst_swap_result(r->appliance->swap)->busy)
			return 0;
		swapped(r);
		return 1;
	}
	if (r->queued.waits) {
		r->queued.waits = false;
		start(r, r->queued.dry_run, r->queued.confirm_s);
	} else if (r->before != NULL && now_ms >= r->go_back_ms) {
		go_back(r);
	} else if (r->before == NULL && r->cut_ms != 0 && now_ms >= r->cut_ms) {
		start_cut(r);
	} else if (r->appliance->now->nat.n_retired > 0 && now_ms >= r->look_ms) {
		look(r);
	} else {
		return 0;
	}
	return 1;
}

/* Requests. */

static bool
is_busy(const struct pst_reload *r, char *error, size_t size)
{
	if (r->queued.waits || r->state == PST_RELOAD_COUNTING || r->state == PST_RELOAD_APPLYING)
		snprintf(error, size, "another reload is under way");
	else if (r->before != NULL)
		snprintf(error, size,
			"the last reload is to be confirmed first; in %" PRIu64 " s it goes back",
			(r->go_back_ms - RTE_MIN(r->go_back_ms, r->now_ms)) / PST_MS_PER_S);
	else
		return false;
	return true;
}

/* Returns its ticket. */
static int
begin(struct pst_reload *r, bool dry_run, uint32_t confirm_s)
{
	r->ticket = r->ticket % INT_MAX + 1;
	if (r->state == PST_RELOAD_IDLE) {
		start(r, dry_run, confirm_s);
	} else {
		r->queued.waits = true;
		r->queued.dry_run = dry_run;
		r->queued.confirm_s = confirm_s;
	}
	return r->ticket;
}

static int
confirm(struct pst_reload *r, json_t **result, char *error, size_t size)
{
	if (r->before == NULL || r->state == PST_RELOAD_APPLYING) {
		snprintf(error, size, "there is no reload to be confirmed");
		return -ENOENT;
	}
	free_config(r->before);
	r->before = NULL;
	PST_LOG(NOTICE, "reload: confirmed");
	*result = json_pack("{s:b}", "confirmed", 1);
	if (r->running->reload.forbidden_connections == PST_FORBIDDEN_CUT)
		r->cut_ms = r->now_ms;
	else
		drain(r);
	return 0;
}

static bool
read_request(const json_t *request, bool *dry_run, uint32_t *confirm_s, char *error, size_t size)
{
	const json_t *dry = json_object_get(request, "dry_run");
	const json_t *seconds = json_object_get(request, "confirm");

	*dry_run = json_is_true(dry);
	*confirm_s = 0;
	if (dry != NULL && !json_is_boolean(dry))
		snprintf(error, size, "\"dry_run\" is true or false");
	else if (seconds != NULL && (!json_is_integer(seconds) || json_integer_value(seconds) < 1 ||
					    json_integer_value(seconds) > CONFIRM_MOST))
		snprintf(error, size, "\"confirm\" is a number of seconds from 1 to %d",
			CONFIRM_MOST);
	else if (seconds != NULL && *dry_run)
		snprintf(error, size, "\"dry_run\" changes nothing to be confirmed");
	else {
		*confirm_s = json_integer_value(seconds);
		return true;
	}
	return false;
}

int
pst_reload_command(struct pst_reload *r, const char *name, json_t *request, json_t **result,
	char *error, size_t size)
{
	uint32_t confirm_s;
	bool dry_run;

	if (strcmp(name, "confirm") == 0)
		return confirm(r, result, error, size);
	if (!read_request(request, &dry_run, &confirm_s, error, size))
		return -EINVAL;
	if (is_busy(r, error, size))
		return -EBUSY;
	return begin(r, dry_run, confirm_s);
}

int
pst_reload_answer(struct pst_reload *r, int ticket, json_t **result, char *error, size_t size)
{
	if (ticket == r->ticket && r->answered != ticket)
		return -EINPROGRESS;
	*result = json_incref(r->answer);
	snprintf(error, size, "%s", r->error);
	return r->ret;
}

void
pst_reload_by_signal(struct pst_reload *r)
{
	char error[128];

	if (is_busy(r, error, sizeof(error))) {
		PST_LOG(ERR, "SIGHUP: %s", error);
		return;
	}
	PST_LOG(NOTICE, "SIGHUP: reload of %s", r->path);
	begin(r, false, 0);
}
