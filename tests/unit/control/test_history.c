/* SPDX-License-Identifier: BSD-3-Clause */
/* What the event log says of a port, line by line; and what it does not say. */
#include "history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flat.h"
#include "when.h"

#define OUTSIDE 0xc633640a /* 198.51.100.10 */
#define PORT 40001
#define UDP 17
#define LINES 12

#define AT(time) "{\"time\":\"2026-11-25T" time "Z\","
#define NUMBER(seq) "\"seq\":" #seq ","
#define ALL                                                                                        \
	"\"kinds\":[\"binds\",\"blocks\",\"listeners\"],\"port_block\":0,\"deterministic\":false}"
#define START(time, seq) AT(time) NUMBER(seq) "\"event\":\"start\"," ALL
#define STOP(time, seq) AT(time) NUMBER(seq) "\"event\":\"stop\"}"
#define BIND(time, seq, what, client)                                                              \
	AT(time)                                                                                   \
	NUMBER(seq) "\"event\":\"bind-" what "\",\"protocol\":\"udp\",\"inside\":\"" client        \
		    "\",\"outside\":\"198.51.100.10:40001\"}"
#define OTHER(time, seq) AT(time) NUMBER(seq) "\"event\":\"link-up\",\"interface\":\"a\"}"
#define LOST(time, seq, source, since)                                                             \
	AT(time)                                                                                   \
	NUMBER(seq) "\"event\":\"lost\"," source ",\"count\":7,\"since\":\"2026-11-25T" since      \
		    "Z\"}"
#define LISTENER(time, seq, what, external, client)                                                \
	AT(time)                                                                                   \
	NUMBER(seq) "\"event\":\"listener-" what                                                   \
		    "\",\"protocol\":\"udp\",\"external\":\"" external "\",\"client\":\"" client   \
		    "\",\"editor\":null}"
#define BLOCK(time, seq, what, client)                                                             \
	AT(time)                                                                                   \
	NUMBER(seq) "\"event\":\"block-" what "\",\"client\":\"" client                            \
		    "\",\"address\":\"198.51.100.10\",\"range\":\"39936-40191\",\"worker\":0,"     \
		    "\"record\":1}"

static const struct {
	const char *name, *at, *answer;
	const char *lines[LINES];
} table[] = {
	{ "who got it has it", "08:00:05", "10.0.0.7:5 since 08:00:02 until 08:00:09",
		{ START("08:00:00", 0), BIND("08:00:02", 1, "open", "10.0.0.7:5"),
			BIND("08:00:09", 2, "close", "10.0.0.7:5") } },
	{ "at the very moment", "08:00:02", "10.0.0.7:5 since 08:00:02",
		{ START("08:00:00", 0), BIND("08:00:02", 1, "open", "10.0.0.7:5") } },
	{ "no more once it is given back", "08:00:09", "nobody",
		{ START("08:00:00", 0), BIND("08:00:02", 1, "open", "10.0.0.7:5"),
			BIND("08:00:09", 2, "close", "10.0.0.7:5") } },
	{ "nobody has any at the start", "08:00:01", "nobody",
		{ START("08:00:00", 0), BIND("08:00:02", 1, "open", "10.0.0.7:5") } },
	{ "nothing is known of before", "07:59:59", "the log begins at 2026-11-25T08:00:00.000Z",
		{ START("08:00:00", 0) } },
	{ "a log that begins in the midst", "08:00:05",
		"the log begins at 2026-11-25T08:00:10.000Z", { OTHER("08:00:10", 70) } },
	{ "who gives back had it", "08:00:05", "10.0.0.7:5 until 08:00:09",
		{ OTHER("08:00:01", 70), BIND("08:00:09", 71, "close", "10.0.0.7:5") } },
	{ "nobody had it before somebody gets it", "08:00:05", "nobody",
		{ OTHER("08:00:01", 70), BIND("08:00:09", 71, "open", "10.0.0.7:5") } },
	{ "missing lines", "08:00:08",
		"2 lines of the log are missing between 2026-11-25T08:00:02.000Z and "
		"2026-11-25T08:00:06.000Z",
		{ START("08:00:00", 0), BIND("08:00:02", 1, "open", "10.0.0.7:5"),
			OTHER("08:00:06", 4) } },
	{ "before lines are missing it is known", "08:00:01", "nobody",
		{ START("08:00:00", 0), BIND("08:00:02", 1, "open", "10.0.0.7:5"),
			OTHER("08:00:06", 4) } },
	{ "behind the hole somebody says so", "08:00:08", "10.0.0.8:6 until 08:00:09",
		{ START("08:00:00", 0), BIND("08:00:02", 1, "open", "10.0.0.7:5"),
			OTHER("08:00:06", 4), BIND("08:00:09", 5, "close", "10.0.0.8:6") } },
	{ "in the hole nothing is known", "08:00:05",
		"2 lines of the log are missing between 2026-11-25T08:00:02.000Z and "
		"2026-11-25T08:00:06.000Z",
		{ START("08:00:00", 0), BIND("08:00:02", 1, "open", "10.0.0.7:5"),
			OTHER("08:00:06", 4), BIND("08:00:09", 5, "close", "10.0.0.8:6") } },
	{ "a line that can't be read", "08:00:05",
		"1 lines of the log can't be read, between 2026-11-25T08:00:02.000Z and "
		"2026-11-25T08:00:06.000Z",
		{ START("08:00:00", 0), BIND("08:00:02", 1, "open", "10.0.0.7:5"),
			"{\"time\":", OTHER("08:00:06", 3) } },
	{ "lost records of binds", "08:00:05",
		"7 records were lost between 2026-11-25T08:00:04.000Z and 2026-11-25T08:00:06.000Z",
		{ START("08:00:00", 0), BIND("08:00:02", 1, "open", "10.0.0.7:5"),
			LOST("08:00:06", 2, "\"source\":\"worker\",\"worker\":0,\"kind\":\"binds\"",
				"08:00:04") } },
	{ "before they were lost it is known", "08:00:03", "10.0.0.7:5 since 08:00:02",
		{ START("08:00:00", 0), BIND("08:00:02", 1, "open", "10.0.0.7:5"),
			LOST("08:00:06", 2, "\"source\":\"worker\",\"worker\":0,\"kind\":\"binds\"",
				"08:00:04") } },
	{ "lost connections are no hole", "08:00:05", "10.0.0.7:5 since 08:00:02",
		{ START("08:00:00", 0), BIND("08:00:02", 1, "open", "10.0.0.7:5"),
			LOST("08:00:06", 2,
				"\"source\":\"worker\",\"worker\":0,\"kind\":\"connections\"",
				"08:00:04") } },
	{ "what another way out lost is none", "08:00:05", "10.0.0.7:5 since 08:00:02",
		{ START("08:00:00", 0), BIND("08:00:02", 1, "open", "10.0.0.7:5"),
			LOST("08:00:06", 2, "\"source\":\"ipfix\"", "08:00:04") } },
	{ "what the file lost is one", "08:00:05",
		"7 records were lost between 2026-11-25T08:00:04.000Z and 2026-11-25T08:00:06.000Z",
		{ START("08:00:00", 0), BIND("08:00:02", 1, "open", "10.0.0.7:5"),
			LOST("08:00:06", 2, "\"source\":\"file\"", "08:00:04") } },
	{ "a stop ends all", "08:00:07", "nobody",
		{ START("08:00:00", 0), BIND("08:00:02", 1, "open", "10.0.0.7:5"),
			STOP("08:00:06", 2) } },
	{ "until the stop it has it", "08:00:05", "10.0.0.7:5 since 08:00:02 until 08:00:06",
		{ START("08:00:00", 0), BIND("08:00:02", 1, "open", "10.0.0.7:5"),
			STOP("08:00:06", 2), START("08:00:10", 0) } },
	{ "an end that was not said", "08:00:05",
		"the appliance ended between 2026-11-25T08:00:04.000Z and 2026-11-25T08:00:10.000Z "
		"without saying so",
		{ START("08:00:00", 0), BIND("08:00:02", 1, "open", "10.0.0.7:5"),
			OTHER("08:00:04", 2), START("08:00:10", 0) } },
	{ "after a new start nobody has it", "08:00:11", "nobody",
		{ START("08:00:00", 0), BIND("08:00:02", 1, "open", "10.0.0.7:5"),
			START("08:00:10", 0) } },
	{ "a listener's client is the session's", "08:00:03", "10.0.0.9 since 08:00:02",
		{ START("08:00:00", 0),
			LISTENER("08:00:02", 1, "open", "198.51.100.10:40001", "10.0.0.9") } },
	{ "until its port is known", "08:00:05", "10.0.0.9:20 since 08:00:02 until 08:00:09",
		{ START("08:00:00", 0),
			LISTENER("08:00:02", 1, "open", "198.51.100.10:40001", "10.0.0.9"),
			LISTENER("08:00:04", 2, "client", "198.51.100.10:40001", "10.0.0.9:20"),
			LISTENER("08:00:09", 3, "close", "198.51.100.10:40001", "10.0.0.9:20") } },
	{ "a host's whole address", "08:00:05", "10.0.0.80 since 08:00:00",
		{ START("08:00:00", 0),
			AT("08:00:00") "\"seq\":1,\"event\":\"listener-open\",\"protocol\":\"any\","
				       "\"external\":\"198.51.100.10:0\",\"client\":\"10.0.0.80\","
				       "\"editor\":null,\"published\":true}",
			BIND("08:00:02", 2, "open", "10.0.0.80:40001"),
			BIND("08:00:03", 3, "close", "10.0.0.80:40001") } },
	{ "binds that were not logged", "08:00:05", "\"binds\" were not logged then",
		{ AT("08:00:00") "\"seq\":0,\"event\":\"start\",\"kinds\":[\"links\"],\"port_"
				 "block\":0,"
				 "\"deterministic\":false}" } },
	{ "ports by plan", "08:00:05",
		"each client had ports of its own by plan then: ask postern --whose ADDRESS:PORT",
		{ AT("08:00:00") "\"seq\":0,\"event\":\"start\",\"kinds\":[\"listeners\","
				 "\"blocks\"],"
				 "\"port_block\":256,\"deterministic\":true}" } },
	{ "a block's client", "08:00:05", "10.0.0.7 since 08:00:02 until 08:00:09",
		{ AT("08:00:00") "\"seq\":0,\"event\":\"start\",\"kinds\":[\"listeners\","
				 "\"blocks\"],"
				 "\"port_block\":256,\"deterministic\":false}",
			BLOCK("08:00:02", 1, "open", "10.0.0.7"),
			BLOCK("08:00:09", 2, "close", "10.0.0.7") } },
	{ "a new file says what is in it", "08:00:05", "10.0.0.7 until 08:00:09",
		{ AT("08:00:00") "\"seq\":40,\"event\":\"reopen\",\"kinds\":[\"blocks\"],"
				 "\"port_block\":256,\"deterministic\":false}",
			BLOCK("08:00:09", 41, "close", "10.0.0.7") } },
	{ "where both are logged a bind says more", "08:00:05", "10.0.0.7:5 since 08:00:03",
		{ START("08:00:00", 0), BLOCK("08:00:02", 1, "open", "10.0.0.7"),
			BIND("08:00:03", 2, "open", "10.0.0.7:5") } },
	{ "other ports and protocols say nothing", "08:00:05", "nobody",
		{ START("08:00:00", 0),
			AT("08:00:01") "\"seq\":1,\"event\":\"bind-open\",\"protocol\":\"tcp\","
				       "\"inside\":\"10.0.0.7:5\",\"outside\":\"198.51.100.10:"
				       "40001\"}",
			AT("08:00:01") "\"seq\":2,\"event\":\"bind-open\",\"protocol\":\"udp\","
				       "\"inside\":\"10.0.0.7:5\",\"outside\":\"198.51.100.10:"
				       "40002\"}",
			AT("08:00:01") "\"seq\":3,\"event\":\"bind-open\",\"protocol\":\"udp\","
				       "\"inside\":\"10.0.0.7:5\",\"outside\":\"198.51.100.1:"
				       "40001\"}" } },
	{ "an empty log", "08:00:05", "the log is empty", { NULL } },
};

static uint64_t
time_of(const char *clock)
{
	struct pst_when when;
	char text[64];

	snprintf(text, sizeof(text), "2026-11-25T%sZ", clock);
	assert_true(pst_when_parse(text, strlen(text), false, &when));
	return when.ms;
}

static void
add_clock(char *text, size_t size, const char *word, uint64_t ms)
{
	char when[PST_WHEN_TEXT];
	size_t len = strlen(text);

	if (ms != PST_HISTORY_NO_TIME)
		snprintf(text + len, size - len, " %s %.8s", word, pst_when_format(ms, when) + 11);
}

static void
describe(const struct pst_history_answer *a, char *text, size_t size)
{
	uint32_t ip = a->client_ip;

	if (a->verdict != PST_HISTORY_CLIENT) {
		snprintf(text, size, "%s", a->verdict == PST_HISTORY_NOBODY ? "nobody" : a->reason);
		return;
	}
	snprintf(text, size, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
	if (a->client_port != 0)
		snprintf(text + strlen(text), size - strlen(text), ":%u", a->client_port);
	add_clock(text, size, "since", a->since_ms);
	add_clock(text, size, "until", a->until_ms);
}

static void
answers_are_what_is_certain(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		/* what is kept of one port says the same as what is kept of all */
		for (int all = 0; all < 2; all++) {
			struct pst_history *h = pst_history_create(OUTSIDE, all ? 0 : PORT);
			struct pst_history_answer a;
			char text[256] = "";

			for (int k = 0; k < LINES && table[i].lines[k] != NULL; k++)
				assert_true(pst_history_line(
					h, table[i].lines[k], strlen(table[i].lines[k])));
			pst_history_finish(h);
			pst_history_ask(h, OUTSIDE, PORT, UDP, time_of(table[i].at), &a);
			describe(&a, text, sizeof(text));
			if (strcmp(text, table[i].answer) != 0)
				fail_msg("%s: \"%s\", not \"%s\"", table[i].name, text,
					table[i].answer);
			pst_history_destroy(h);
		}
	}
}

static void
times_are_read(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
		uint32_t span_ms;
	} good[] = {
		{ "1970-01-01T00:00:00Z", 0, 1000 },
		{ "2026-11-25T08:30:00.125Z", 1795595400125, 1 },
		{ "2026-11-25t08:30:00.1z", 1795595400100, 100 },
		{ "2026-11-25 09:30:00+01:00", 1795595400000, 1000 },
		{ "2026-11-25T03:00:00.123456789-05:30", 1795595400123, 1 },
		{ "2024-02-29T00:00:00Z", 1709164800000, 1000 },
		{ "2000-03-01T00:00:00Z", 951868800000, 1000 },
		{ "2026-11-25T08:30:00", 1795595400000, 1000 }, /* TZ is UTC here */
	};
	static const char *const bad[] = { "", "now", "2026-11-25", "2026-11-25T08:30Z",
		"2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
		"2026-11-31T00:00:00Z", "2026-11-25T24:00:00Z", "2026-11-25T08:30:00.Z",
		"2026-11-25T08:30:00Zx", "2026-11-25T08:30:00+0100", "2026-11-25T08:30:00+01:00x",
		"1969-12-31T23:59:59Z", "1970-01-01T00:00:00+01:00" };
	struct pst_when when;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(pst_when_parse(good[i].text, strlen(good[i].text), true, &when));
		assert_int_equal(when.ms, good[i].ms);
		assert_int_equal(when.span_ms, good[i].span_ms);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(pst_when_parse(bad[i], strlen(bad[i]), true, &when));
	assert_false(pst_when_parse("2026-11-25T08:30:00", 19, false, &when));
}

struct seen {
	char text[256];
};

static void
see(void *ctx, const struct pst_flat *m)
{
	struct seen *s = ctx;
	size_t len = strlen(s->text);

	snprintf(s->text + len, sizeof(s->text) - len, "%.*s%c%.*s;", (int)m->name_len, m->name,
		m->is_text ? '=' : ':', (int)m->value_len, m->value);
}

static void
flat_lines_are_read(void **state)
{
	static const char *const good[][2] = {
		{ "{\"a\":1}", "a:1;" },
		{ " { \"a\" : \"b\" , \"c\":[ ], \"d\":[\"e\",\"f\"] } ",
			"a=b;c: ;d:\"e\",\"f\";" },
		{ "{\"a\":null,\"b\":true,\"c\":-1.5e3,\"d\":\"\\\"}\"}",
			"a:null;b:true;c:-1.5e3;d=\\\"};" },
	};
	static const char *const bad[] = { "", "{", "{}", "[1]", "{\"a\"}", "{\"a\":}", "{\"a\":1",
		"{\"a\":1,}", "{\"a\":1}x", "{\"a\":{\"b\":1}}", "{\"a\":[1]}", "{\"a\":[\"b\"",
		"{\"a\":[\"b\",]}", "{\"a\":\"b}", "{\"a\":\"b\\", "{a:1}", "{\"a\":\"\n\"}" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct seen s = { "" };

		assert_true(pst_flat_read(good[i][0], strlen(good[i][0]), see, &s));
		assert_string_equal(s.text, good[i][1]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct seen s = { "" };

		assert_false(pst_flat_read(bad[i], strlen(bad[i]), see, &s));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_what_is_certain),
		cmocka_unit_test(times_are_read),
		cmocka_unit_test(flat_lines_are_read),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
