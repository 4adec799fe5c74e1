/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance.h"
#include "control/explain.h"
#include "eal.h"

#define END "\"destination\":\"203.0.113.9:80\"}"

static void
slips_are_told(void **state)
{
	static const struct {
		const char *line, *error;
	} cases[] = {
		{ "{}", "\"explain\" needs a \"protocol\", such as \"tcp\"" },
		{ "{\"protocol\":\"tpc\"}",
			"no protocol \"tpc\": tcp, udp, icmp, gre, esp, sctp or a number to 255" },
		{ "{\"protocol\":\"tcp\"}", "\"explain\" needs a \"source\"" },
		{ "{\"protocol\":\"tcp\",\"source\":5}", "\"explain\" needs a \"source\"" },
		{ "{\"protocol\":\"tcp\",\"source\":\"10.0.0.9\"," END,
			"source: \"10.0.0.9\" has no port: ADDRESS:PORT" },
		{ "{\"protocol\":\"tcp\",\"source\":\"10.0.0.9:66000\"," END,
			"source: not an address and a port: \"10.0.0.9:66000\"" },
		{ "{\"protocol\":\"gre\",\"source\":\"10.0.0\"," END,
			"source: not an IPv4 address: \"10.0.0\"" },
		{ "{\"protocol\":\"gre\",\"source\":\"10.0.0.9\"," END,
			"destination: this protocol has no ports: \"203.0.113.9:80\"" },
		{ "{\"protocol\":\"udp\",\"source\":\"10.0.0.9:5\",\"from\":\"otside\"," END,
			"no interface \"otside\": did you mean \"outside\"?" },
		{ "{\"protocol\":\"udp\",\"source\":\"10.0.0.9:5\",\"from\":7," END,
			"no interface \"\"" },
	};
	struct appliance *a = *state;
	struct pst_explain question;
	char error[256];

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		json_t *json = json_loads(cases[i].line, 0, NULL);

		assert_non_null(json);
		assert_int_equal(
			pst_explain_parse(json, &a->config, &question, error, sizeof(error)),
			-EINVAL);
		assert_string_equal(error, cases[i].error);
		json_decref(json);
	}
}

static void
a_question_is_understood(void **state)
{
	struct appliance *a = *state;
	struct pst_explain question;
	char error[256];
	json_t *json = json_loads(
		"{\"protocol\":\"udp\",\"source\":\"10.0.0.9:5\",\"from\":\"outside\"," END, 0,
		NULL);

	assert_int_equal(pst_explain_parse(json, &a->config, &question, error, sizeof(error)), 0);
	assert_int_equal(question.protocol, PST_UDP);
	assert_int_equal(question.source.ip, 0x0a000009);
	assert_int_equal(question.source.port, 5);
	assert_int_equal(question.destination.port, 80);
	assert_int_equal(question.iface, 1);
	json_decref(json);
}

#define ASK "{\"command\":\"explain\",\"protocol\":\"tcp\",\"source\":\"10.0.0.9:5\"," END

/* Worker 0 knows whose it is, and worker 1 answers. */
static void
the_owner_answers(void **state)
{
	struct appliance *a = *state;
	json_t *whole, *reply, *pass;

	a->explained = (struct pst_explain){ .verdict = PST_EXPLAIN_DROP,
		.why = PST_DROP_RULE,
		.is_out = true,
		.is_steered = true,
		.slot = 9,
		.asked_rules = true,
		.rule = 0,
		.filter = -1,
		.protocol_index = 0,
		.editor = 0,
		.has_listener = true };
	whole = appliance_ask(a, ASK);
	assert_int_equal(a->explains, 2);
	assert_true(json_is_true(json_object_get(whole, "ok")));
	reply = json_object_get(whole, "result");
	assert_string_equal(json_string_value(json_object_get(reply, "verdict")), "dropped");
	assert_string_equal(json_string_value(json_object_get(reply, "reason")), "rule");
	pass = json_array_get(json_object_get(reply, "passes"), 0);
	assert_string_equal(json_string_value(json_object_get(pass, "interface")), "inside");
	assert_string_equal(json_string_value(json_object_get(pass, "editor")), "ftp");
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(pass, "steering"), "worker")),
		1);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(pass, "rule"), "name")),
		"no irc");
	assert_true(json_is_array(json_object_get(json_object_get(pass, "listener"), "filter")));
	assert_int_equal(a->set.references, 0);
	json_decref(whole);
}

/* It comes in again as what it left, and that is asked anew. */
static void
hairpin_is_two_passes(void **state)
{
	struct appliance *a = *state;
	json_t *reply, *passes;

	a->explained = (struct pst_explain){ .verdict = PST_EXPLAIN_AGAIN,
		.inside = { 0x0a000009, 5 },
		.out_source = { 0xc6336401, 0 },
		.out_destination = { 0xc6336401, 80 },
		.filter = -1,
		.rule = -1,
		.protocol_index = -1,
		.editor = -1 };
	reply = appliance_ask(a, ASK);
	passes = json_object_get(json_object_get(reply, "result"), "passes");
	assert_int_equal(json_array_size(passes), 2);
	assert_int_equal(a->explains, 3); /* the second of whom had the first */
	assert_string_equal(json_string_value(json_object_get(json_array_get(passes, 1), "source")),
		"198.51.100.1:*");
	json_decref(reply);
}

static void
a_stuck_worker_is_told_of(void **state)
{
	struct appliance *a = *state;
	int fd = appliance_connect(a);
	char *line;

	a->stuck = true;
	appliance_send(a, fd, ASK "\n");
	for (int i = 0; i < 3; i++)
		appliance_step(a);
	a->now += 5001;
	line = appliance_receive(a, fd);
	assert_string_equal(line, "{\"ok\":false,\"error\":\"worker 0: no answer\"}");
	free(line);
	close(fd);
}

/* Its record comes back all the same: the teardown counts them, and filters' references. */
static void
who_hangs_up_leaves_nothing(void **state)
{
	struct appliance *a = *state;
	int fd = appliance_connect(a);

	a->explained = (struct pst_explain){ .verdict = PST_EXPLAIN_FORWARD, .has_listener = true };
	a->stuck = true;
	appliance_send(a, fd, ASK "\n");
	for (int i = 0; i < 3; i++)
		appliance_step(a);
	close(fd);
	for (int i = 0; i < 3; i++)
		appliance_step(a);
	a->stuck = false;
	for (int i = 0; i < 3; i++)
		appliance_step(a);
	assert_int_equal(a->explains, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, appliance_setup, appliance_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(slips_are_told),
		TEST(a_question_is_understood),
		TEST(the_owner_answers),
		TEST(hairpin_is_two_passes),
		TEST(a_stuck_worker_is_told_of),
		TEST(who_hangs_up_leaves_nothing),
	};

	test_eal_init(128);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
