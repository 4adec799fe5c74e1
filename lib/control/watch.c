/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/watch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"

#define ROOM (1 << 20)	     /* bytes that may wait for a reader */
#define ROOM_AGAIN (1 << 19) /* so few, and it may have more: not hole after hole */
#define NAME_SHOWN 40

static int
parse_kind(const json_t *json, uint32_t *kinds, char *error, size_t size)
{
	const char *name = json_string_value(json), *near;

	for (int k = 0; name != NULL && k < PST_RECORD_N_KINDS; k++) {
		if (strcmp(name, pst_record_kinds[k]) == 0) {
			*kinds |= UINT32_C(1) << k;
			return 0;
		}
	}
	near = name != NULL ? pst_nearest(name, pst_record_kinds) : NULL;
	if (name == NULL)
		snprintf(error, size, "\"kinds\" is a list of names, such as \"binds\"");
	else if (near == NULL)
		snprintf(error, size, "unknown kind \"%.*s\"", NAME_SHOWN, name);
	else
		snprintf(error, size, "unknown kind \"%.*s\": did you mean \"%s\"?", NAME_SHOWN,
			name, near);
	return -EINVAL;
}

int
pst_watch_parse(const json_t *request, uint32_t *kinds, char *error, size_t size)
{
	const json_t *list = json_object_get(request, "kinds"), *one;
	size_t i;
	int ret = 0;

	*kinds = list == NULL ? PST_RECORD_ALL : PST_RECORD_MASK(LOST);
	if (list != NULL && json_array_size(list) == 0)
		return parse_kind(NULL, kinds, error, size);
	json_array_foreach(list, i, one)
	{
		if (ret == 0)
			ret = parse_kind(one, kinds, error, size);
	}
	return ret;
}

json_t *
pst_watch_answer(uint32_t kinds)
{
	json_t *list = json_array();

	for (int k = 0; k < PST_RECORD_N_KINDS; k++) {
		if ((kinds >> k & 1) != 0)
			json_array_append_new(list, json_string(pst_record_kinds[k]));
	}
	return json_pack("{s:o}", "watching", list);
}

static void
add_line(struct pst_buf *out, const char *line, size_t len)
{
	pst_buf_add(out, line, len);
	pst_buf_add(out, "\n", 1);
}

bool
pst_watch_tell_loss(struct pst_watch *watch, struct pst_buf *out, const struct pst_eventlog *log,
	uint64_t now_ms)
{
	const struct pst_record r = { .time_ms = now_ms,
		.type = PST_RECORD_LOST,
		.source = PST_RECORD_OF_WATCH,
		.number = watch->lost,
		.since_ms = watch->since_ms };
	char line[PST_RECORD_LINE];

	if (watch->lost == 0 || pst_buf_len(out) > ROOM_AGAIN)
		return false;
	add_line(out, line, pst_eventlog_line(log, &r, line));
	watch->lost = 0;
	return true;
}

void
pst_watch_hear(struct pst_watch *watch, struct pst_buf *out, const struct pst_eventlog *log,
	const struct pst_record *record, const char *line, size_t len)
{
	if ((watch->kinds >> pst_record_kind_of[record->type] & 1) == 0)
		return;
	if (watch->lost > 0)
		pst_watch_tell_loss(watch, out, log, record->time_ms);
	if (watch->lost == 0 && pst_buf_len(out) < ROOM) {
		add_line(out, line, len);
		return;
	}
	if (watch->lost++ == 0)
		watch->since_ms = record->time_ms;
}
