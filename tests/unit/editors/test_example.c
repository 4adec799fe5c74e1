/* SPDX-License-Identifier: BSD-3-Clause */
/* The example of editors/README.md works, and is what stands there. */
#include "example.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_api.h"

static int
setup(void **state)
{
	(void)state;
	fake_init(&example_editor);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fake_fini();
	return 0;
}

static void
client(const char *text)
{
	fake_feed(PST_DIR_ORIG, text, strlen(text), false);
}

static void
assert_server_reads(const char *text)
{
	struct fake_stream *s = &fake.streams[PST_DIR_ORIG];

	assert_int_equal(s->out_len, strlen(text));
	assert_memory_equal(s->out, text, s->out_len);
}

static void
a_call_leaves_with_the_outside_address(void **state)
{
	(void)state;
	client("CALL 10.0.0.8:4000\nhello\n");
	assert_server_reads("CALL 198.51.100.1:30000\nhello\n");
	assert_int_equal(fake.announced[0].port, 4000);
	assert_int_equal(fake.counters[EXAMPLE_OPENED], 1);
}

static void
a_line_in_pieces_is_one_line(void **state)
{
	(void)state;
	client("CALL 10.0");
	client(".0.8:4000");
	assert_server_reads("");
	client("\n");
	assert_server_reads("CALL 198.51.100.1:30000\n");
}

static void
what_is_not_the_clients_own_passes_counted(void **state)
{
	(void)state;
	client("CALL 10.0.0.9:4000\nCALL 10.0.0.8:25\nCALL 10.0.0.8\n");
	assert_server_reads("CALL 10.0.0.9:4000\nCALL 10.0.0.8:25\nCALL 10.0.0.8\n");
	assert_int_equal(fake.n_binds, 0);
	assert_int_equal(fake.counters[EXAMPLE_REFUSED], 2);
}

static void
no_endpoint_is_nowhere(void **state)
{
	(void)state;
	fake.bind_ret = -ENOSPC;
	client("CALL 10.0.0.8:4000\n");
	assert_server_reads("CALL 0.0.0.0:0\n");
	assert_int_equal(fake.counters[EXAMPLE_FAILED], 1);
}

static void
a_second_call_ends_the_first_unless_it_is_used(void **state)
{
	(void)state;
	client("CALL 10.0.0.8:4000\nCALL 10.0.0.8:4001\n");
	assert_int_equal(fake.binds[0].killed, 1);
	fake_established(1);
	client("CALL 10.0.0.8:4002\n");
	assert_int_equal(fake.binds[1].killed, 0);
}

static void
the_control_connections_end_closes_what_waits(void **state)
{
	(void)state;
	client("CALL 10.0.0.8:4000\n");
	fake_terminating(&fake.control);
	assert_int_equal(fake.binds[0].killed, 1);
}

static void
another_protocol_is_never_edited(void **state)
{
	(void)state;
	client("POST / HTTP/1.1\r\n");
	client("CALL 10.0.0.8:4000\n");
	assert_server_reads("POST / HTTP/1.1\r\nCALL 10.0.0.8:4000\n");
	assert_int_equal(fake.counters[EXAMPLE_LATCHED], 1);
}

static char *
contents(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	assert_non_null(f);
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	return text;
}

static bool
is_in_one(const char *quote, const char *const *paths, unsigned int n)
{
	bool found = false;

	for (unsigned int i = 0; i < n && !found; i++) {
		char *text = contents(paths[i]);

		found = strstr(text, quote) != NULL;
		free(text);
	}
	return found;
}

/* Each block of C in the README is in the sources as it stands there. */
static void
the_readme_quotes_what_is_built(void **state)
{
	static const char *const paths[] = { SOURCES };
	char *readme = contents(README), *at = readme;
	unsigned int quotes = 0;

	(void)state;
	while ((at = strstr(at, "\n```c\n")) != NULL) {
		char *start = at + strlen("\n```c\n"), *end = strstr(start, "\n```\n");

		assert_non_null(end);
		end[1] = 0;
		if (!is_in_one(start, paths, sizeof(paths) / sizeof(paths[0])))
			fail_msg("the README has, and the sources have not:\n%s", start);
		quotes++;
		at = end + 2;
	}
	assert_true(quotes > 0);
	free(readme);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_call_leaves_with_the_outside_address),
		T(a_line_in_pieces_is_one_line),
		T(what_is_not_the_clients_own_passes_counted),
		T(no_endpoint_is_nowhere),
		T(a_second_call_ends_the_first_unless_it_is_used),
		T(the_control_connections_end_closes_what_waits),
		T(another_protocol_is_never_edited),
		cmocka_unit_test(the_readme_quotes_what_is_built),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
