/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rows.h"

static char seen[1024];

static void
note(void *ctx, const json_t *row)
{
	char *text = json_dumps(row, JSON_COMPACT);

	(void)ctx;
	snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s;", text);
	free(text);
}

/* Feed it in pieces of so many bytes. */
static void
feed(const char *line, size_t piece, bool wants_rows, const char *rows_wanted,
	const char *reply_wanted)
{
	struct pst_rows rows = { .row = wants_rows ? note : NULL };
	size_t len = strlen(line);
	char *reply;
	int ret = 0;

	seen[0] = '\0';
	for (size_t at = 0; at < len; at += piece) {
		assert_int_equal(ret, 0);
		ret = pst_rows_feed(&rows, line + at, len - at < piece ? len - at : piece);
	}
	assert_int_equal(ret, 1);
	assert_string_equal(seen, rows_wanted);
	reply = json_dumps(rows.reply, JSON_COMPACT);
	assert_string_equal(reply, reply_wanted);
	free(reply);
	pst_rows_fini(&rows);
}

static void
expect(const char *line, bool wants_rows, const char *rows_wanted, const char *reply_wanted)
{
	for (size_t piece = 1; piece <= strlen(line); piece++)
		feed(line, piece, wants_rows, rows_wanted, reply_wanted);
}

static void
rows_are_handed_on_one_by_one(void **state)
{
	(void)state;
	expect("{\"result\":[],\"ok\":true}\n", true, "", "{\"ok\":true}");
	expect("{\"result\":[{\"a\":1}],\"ok\":true}\n", true, "{\"a\":1};", "{\"ok\":true}");
	expect("{\"result\":[{\"a\":[\"b\",{}]},{}],\"ok\":true}\n", true, "{\"a\":[\"b\",{}]};{};",
		"{\"ok\":true}");
}

static void
braces_in_strings_do_not_count(void **state)
{
	(void)state;
	expect("{\"result\":[{\"a\":\"}]{\\\"}\\\\\"},{\"b\":\"[\"}],\"ok\":true}\n", true,
		"{\"a\":\"}]{\\\"}\\\\\"};{\"b\":\"[\"};", "{\"ok\":true}");
}

static void
an_error_may_come_behind_rows(void **state)
{
	(void)state;
	expect("{\"result\":[{\"a\":1}],\"ok\":false,\"error\":\"no, it's not\"}\n", true,
		"{\"a\":1};", "{\"ok\":false,\"error\":\"no, it's not\"}");
}

static void
other_replies_are_kept_whole(void **state)
{
	(void)state;
	expect("{\"ok\":true,\"result\":[{\"a\":1}]}\n", true, "",
		"{\"ok\":true,\"result\":[{\"a\":1}]}");
	expect("{\"ok\":false,\"error\":\"x\"}\n", true, "", "{\"ok\":false,\"error\":\"x\"}");
	expect("{\"result\":[{\"a\":1}],\"ok\":true}\n", false, "",
		"{\"result\":[{\"a\":1}],\"ok\":true}");
}

static void
nonsense_is_refused(void **state)
{
	static const char *const lines[] = {
		"\n",
		"{\n",
		"hello\n",
		"{\"result\":[1],\"ok\":true}\n",
		"{\"result\":[{a}],\"ok\":true}\n",
		"{\"result\":[{]],\"ok\":true}\n",
		"{\"result\":[],,\"ok\":true}\n",
		"{\"result\":[]\n",
		"{\"ok\":true}\n{",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct pst_rows rows = { .row = note };

		assert_int_equal(pst_rows_feed(&rows, lines[i], strlen(lines[i])), -EPROTO);
		pst_rows_fini(&rows);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_handed_on_one_by_one),
		cmocka_unit_test(braces_in_strings_do_not_count),
		cmocka_unit_test(an_error_may_come_behind_rows),
		cmocka_unit_test(other_replies_are_kept_whole),
		cmocka_unit_test(nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
