/* SPDX-License-Identifier: BSD-3-Clause */
/* What another config changes, and what of it a running appliance can't do. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_common.h>

#include "config/keys.h"
#include "config/reload.h"
#include "expect.h"

#define IFACES                                                                                     \
	"{ \"interfaces\": {\n"                                                                    \
	"\"in\": { \"device\": \"a\", \"zone\": \"internal\", \"address\": \"10.0.0.1/24\" },\n"   \
	"\"out\": { \"device\": \"b\", \"zone\": \"external\", \"address\": \"192.0.2.1/24\" } }"
#define TURNED                                                                                     \
	"{ \"interfaces\": {\n"                                                                    \
	"\"out\": { \"device\": \"b\", \"zone\": \"external\", \"address\": \"192.0.2.1/24\" },\n" \
	"\"in\": { \"device\": \"a\", \"zone\": \"internal\", \"address\": \"10.0.0.1/24\" } }"
#define ALLOW ",\n\"rules\": [ { \"name\": \"all\", \"action\": \"allow\" } ]"

static struct pst_config running, next;

/* Every change as a line: POINTER CLASS FROM -> TO; and what is wrong, as it is printed. */
struct told {
	char *changes, *problems;
	int ret;
};

static void
load_running(const char *text)
{
	struct pst_problems problems;

	assert_int_equal(
		pst_config_parse(text, strlen(text), "t", test_editors, &running, &problems), 0);
	pst_problems_fini(&problems);
}

static void
print_changes(const struct pst_changes *changes, FILE *out)
{
	for (uint32_t i = 0; i < changes->n; i++) {
		const struct pst_change *c = &changes->list[i];

		fprintf(out, "%s %d %s -> %s\n", c->pointer, c->class,
			c->from != NULL ? c->from : "-", c->to != NULL ? c->to : "-");
	}
}

static struct told
compare(const char *before, const char *after)
{
	struct told told = { 0 };
	struct pst_changes changes;
	struct pst_problems problems;
	size_t len;
	FILE *out;

	load_running(before);
	told.ret = pst_config_parse_next(
		after, strlen(after), "t", test_editors, &running, &next, &changes, &problems);
	out = open_memstream(&told.changes, &len);
	print_changes(&changes, out);
	fclose(out);
	out = open_memstream(&told.problems, &len);
	pst_problems_print(&problems, out);
	fclose(out);
	pst_changes_fini(&changes);
	pst_problems_fini(&problems);
	pst_config_fini(&running);
	return told;
}

static void
forget(struct told *told)
{
	free(told->changes);
	free(told->problems);
	if (told->ret == 0)
		pst_config_fini(&next);
}

static void
every_key_has_a_class(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < pst_n_keys; i++) {
		const struct pst_key *key = &pst_keys[i];
		const struct pst_reload_key *class = pst_reload_key_find(key->section, key->name);

		if (key->type == PST_KEY_OBJECT) {
			assert_null(class);
			continue;
		}
		if (class == NULL)
			fail_msg("%s/%s has no class for reloads", key->section, key->name);
		assert_true(strlen(class->who) > 0);
	}
}

static void
changes_are_found(void **state)
{
	static const struct {
		const char *before, *after; /* behind the interfaces */
		const char *changes;
	} rows[] = {
		{ ALLOW, ALLOW, "" },
		/* a key that says what is so without it */
		{ ALLOW, ALLOW ", \"nat\": { \"hairpin\": true, \"timeouts\": { \"udp\": 300 } }",
			"" },
		{ ALLOW, ALLOW ", \"nat\": { \"timeouts\": { \"udp\": 120, \"icmp\": 61 } }",
			"/nat/timeouts/udp 0 300 -> 120\n/nat/timeouts/icmp 0 60 -> 61\n" },
		{ ALLOW ", \"nat\": { \"sessions_per_client\": 10 }", ALLOW,
			"/nat/sessions_per_client 1 10 -> 4096\n" },
		{ ALLOW ", \"log\": { \"level\": \"debug\" }", ALLOW,
			"/log/level 0 \"debug\" -> \"info\"\n" },
		/* entries of lists, by place; those that only moved are none */
		{ ALLOW,
			", \"rules\": [ { \"name\": \"a\", \"action\": \"deny\" }, "
			"{ \"name\": \"all\", \"action\": \"allow\" } ]",
			"/rules/0 2 - -> {\"action\":\"deny\",\"name\":\"a\"}\n" },
		{ ", \"rules\": [ { \"name\": \"a\", \"action\": \"deny\" }, "
		  "{ \"name\": \"all\", \"action\": \"allow\" } ]",
			ALLOW, "/rules/0 2 {\"action\":\"deny\",\"name\":\"a\"} -> -\n" },
		{ ", \"rules\": [ { \"name\": \"a\", \"action\": \"deny\" }, "
		  "{ \"name\": \"all\", \"action\": \"allow\" } ]",
			", \"rules\": [ { \"name\": \"all\", \"action\": \"allow\" }, "
			"{ \"name\": \"a\", \"action\": \"deny\" } ]",
			"/rules 2 \"as they were\" -> \"in another order\"\n" },
		{ ALLOW, ALLOW ", \"editors\": { \"ftp\": { \"enabled\": false } }",
			"/editors/ftp 1 - -> {\"enabled\":false}\n" },
		{ ALLOW ", \"editors\": { \"ftp\": { \"enabled\": false } }",
			ALLOW ", \"editors\": { \"ftp\": {} }",
			"/editors/ftp/enabled 1 false -> true\n" },
		{ ALLOW,
			ALLOW
			", \"packet_filters\": [ { \"action\": \"deny\", \"protocol\": \"gre\" } ]",
			"/packet_filters/0 2 - -> "
			"{\"action\":\"deny\",\"name\":\"filter 1\",\"protocol\":\"gre\"}\n" },
		{ ALLOW, ALLOW ", \"nat\": { \"pool\": [ \"192.0.2.9\" ] }",
			"/nat/pool 2 [\"192.0.2.1\"] -> [\"192.0.2.9\"]\n" },
		{ ALLOW, ALLOW ", \"reload\": { \"forbidden_connections\": \"cut\" }",
			"/reload/forbidden_connections 0 \"drain\" -> \"cut\"\n" },
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		char *before, *after;
		struct told told;

		assert_true(asprintf(&before, IFACES "%s}", rows[i].before) > 0);
		assert_true(asprintf(&after, IFACES "%s}", rows[i].after) > 0);
		told = compare(before, after);
		assert_string_equal(told.changes, rows[i].changes);
		assert_int_equal(told.ret, 0);
		forget(&told);
		free(before);
		free(after);
	}
}

static void
what_needs_a_restart_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *before, *after, *problems;
	} rows[] = {
		{ IFACES ALLOW "}",
			IFACES ALLOW ",\n\"nat\": {\n\"sessions\": 8192,\n\"mapping\": "
				     "\"address-dependent\" } }",
			"t:6: /nat/sessions: needs a restart, as tables are as large as they get "
			"from "
			"the start: it is 1048576, and would be 8192\n"
			"t:7: /nat/mapping: needs a restart, as mappings are found by it: it is "
			"\"endpoint-independent\", and would be \"address-dependent\"\n" },
		/* what is gone from the file is told at what is left of it */
		{ IFACES ALLOW ",\n\"lcores\": { \"workers\": [ 1, 3 ] } }", IFACES ALLOW "}",
			"t:1: /lcores/workers: needs a restart, as lcores are the EAL's, which "
			"starts "
			"them once, and the slots of clients and ports are the workers': it is "
			"[1,3], "
			"and would be [1]\n" },
		{ IFACES ALLOW ", \"nat\": { \"port_block\": 64 } }",
			IFACES ALLOW
			",\n\"nat\": { \"port_block\": 64, \"pool\": [ \"192.0.2.9\" ] } }",
			"t:5: /nat/pool: needs a restart, as with nat.port_block the blocks of all "
			"addresses are one table: it is [\"192.0.2.1\"], and would be "
			"[\"192.0.2.9\"]\n" },
		{ IFACES ALLOW "}",
			IFACES ALLOW ",\n\"publish\": [ { \"protocol\": \"any\", \"external\": "
				     "\"192.0.2.9\", \"internal\": \"10.0.0.9\" } ] }",
			"t:5: /publish/0: needs a restart, as packets to a whole address are "
			"steered "
			"by its host: it is nothing, and would be "
			"{\"external\":\"192.0.2.9\",\"internal\":\"10.0.0.9\",\"name\":\"publish "
			"1\"..."
			"\n" },
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct told told = compare(rows[i].before, rows[i].after);

		assert_string_equal(told.problems, rows[i].problems);
		assert_int_equal(told.ret, -EINVAL);
		forget(&told);
	}
}

/* A file that is wrong by itself is not compared. */
static void
a_bad_file_says_what_is_wrong(void **state)
{
	struct told told = compare(IFACES ALLOW "}",
		IFACES ALLOW ",\n\"nat\": { \"hairpn\": true, \"sessions\": 8192 } }");

	(void)state;
	assert_string_equal(told.problems,
		"t:5: /nat/hairpn: unknown key \"hairpn\", did you mean \"hairpin\"?\n");
	assert_string_equal(told.changes, "");
	assert_int_equal(told.ret, -EINVAL);
	forget(&told);
}

static void
interfaces_keep_their_numbers(void **state)
{
	struct told told = compare(IFACES ALLOW "}", TURNED ALLOW "}");

	(void)state;
	assert_string_equal(told.changes, "");
	assert_int_equal(told.ret, 0);
	assert_string_equal(next.ifaces[0].name, "in");
	assert_string_equal(next.ifaces[1].name, "out");
	forget(&told);
}

static void
what_is_touched_is_known(void **state)
{
	struct pst_changes changes;

	(void)state;
	load_running(IFACES ALLOW "}");
	next = running;
	next.nat.timeouts.udp++;
	assert_int_equal(pst_changes_find(&changes, &running, &next), 0);
	assert_true(pst_changes_touch(&changes, "/nat"));
	assert_true(pst_changes_touch(&changes, "/nat/timeouts/udp"));
	assert_false(pst_changes_touch(&changes, "/nat/timeouts/ud"));
	assert_false(pst_changes_touch(&changes, "/rules"));
	pst_changes_fini(&changes);
	pst_config_fini(&running);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_has_a_class),
		cmocka_unit_test(changes_are_found),
		cmocka_unit_test(what_needs_a_restart_is_refused_with_its_line),
		cmocka_unit_test(a_bad_file_says_what_is_wrong),
		cmocka_unit_test(interfaces_keep_their_numbers),
		cmocka_unit_test(what_is_touched_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
