/* SPDX-License-Identifier: BSD-3-Clause */
/* "packet_filters" */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_common.h>

#include "config/address.h"
#include "expect.h"

#define FILTERS ",\"packet_filters\": [\n"

static void
a_filter_says_what_it_is_for(void **state)
{
	static struct pst_config c;
	const struct pst_config_filter *f;

	(void)state;
	test_config_loads(FILTERS
		"{ \"action\": \"deny\", \"direction\": \"in\", \"source\": [\"192.0.2.0/24\"] },"
		"{ \"name\": \"mail\", \"action\": \"allow\", \"direction\": \"out\","
		" \"protocol\": \"tcp\", \"source\": [ \"10.0.0.1\", \"10.0.0.4-10.0.0.6\" ],"
		" \"destination\": [ \"192.0.2.1\" ], \"source_ports\": [\"1024-65535\"],"
		" \"destination_ports\": [ 25, \"465\", \"587-588\" ] },"
		"{ \"action\": \"deny\", \"protocol\": 132 } ]",
		&c, "");
	assert_int_equal(c.n_filters, 3);
	f = &c.filters[0];
	assert_string_equal(f->name, "filter 1");
	assert_true(f->in && !f->out && !f->allow && f->any_protocol);
	assert_int_equal(f->n_sources, 1);
	assert_int_equal(f->sources[0].last, 0xc00002ff);
	f = &c.filters[1];
	assert_string_equal(f->name, "mail");
	assert_true(!f->in && f->out && f->allow && !f->any_protocol);
	assert_int_equal(f->protocol, 6);
	assert_int_equal(f->n_sources, 2);
	assert_int_equal(f->sources[1].first, 0x0a000004);
	assert_int_equal(f->n_destinations, 1);
	assert_int_equal(f->source_ports[0].last, 65535);
	assert_int_equal(f->n_destination_ports, 3);
	assert_int_equal(f->destination_ports[0].last, 25);
	assert_int_equal(f->destination_ports[1].first, 465);
	assert_int_equal(f->destination_ports[2].last, 588);
	f = &c.filters[2];
	assert_true(f->in && f->out && !f->any_protocol);
	assert_int_equal(f->protocol, 132);
	assert_string_equal(f->name, "filter 3");
	pst_config_fini(&c);
	pst_config_fini(&c);
}

static void
what_is_wrong_with_one_is_told(void **state)
{
	static const struct {
		const char *filter, *lines;
	} cases[] = {
		{ "{ }", "t:6: /packet_filters/0/action: is missing\n" },
		{ "1", "t:6: /packet_filters/0: must be an object, not a number\n" },
		{ "{ \"action\": \"drop\" }", "t:6: /packet_filters/0/action: must be one of "
							"\"deny\", \"allow\", not \"drop\"\n" },
		{ "{ \"action\": \"deny\", \"direction\": \"both\" }",
			"t:6: /packet_filters/0/direction: must be one of \"in\", \"out\", not "
			"\"both\"\n" },
		{ "{ \"action\": \"deny\", \"sources\": [] }",
			"t:6: /packet_filters/0/sources: unknown key \"sources\", did you mean "
			"\"source\"?\n" },
		{ "{ \"action\": \"deny\", \"source\": [] }",
			"t:6: /packet_filters/0/source: must not be empty\n" },
		{ "{ \"action\": \"deny\", \"source\": [\"10.0.0.1/8\"] }",
			"t:6: /packet_filters/0/source/0: has bits behind the prefix: "
			"\"10.0.0.1/8\"\n" },
		{ "{ \"action\": \"deny\", \"protocol\": \"ip\" }",
			"t:6: /packet_filters/0/protocol: neither \"tcp\", \"udp\", \"icmp\", "
			"\"gre\", \"esp\", \"sctp\" nor a number: \"ip\"\n" },
		{ "{ \"action\": \"deny\", \"protocol\": 256 }",
			"t:6: /packet_filters/0/protocol: must be from 0 to 255, not 256\n" },
		{ "{ \"action\": \"deny\", \"protocol\": [] }",
			"t:6: /packet_filters/0/protocol: must be a text, not a list\n" },
		{ "{ \"action\": \"deny\", \"protocol\": \"udp\", \"source_ports\": [ 0 ] }",
			"t:6: /packet_filters/0/source_ports/0: must be from 1 to 65535, not 0\n" },
		{ "{ \"action\": \"deny\", \"protocol\": \"udp\", \"source_ports\": "
		  "[ \"9-8\" ] }",
			"t:6: /packet_filters/0/source_ports/0: neither a port nor "
			"\"FIRST-LAST\": \"9-8\"\n" },
		{ "{ \"action\": \"deny\", \"destination_ports\": [ 80 ] }",
			"t:6: /packet_filters/0/destination_ports: needs a \"protocol\", \"tcp\" or "
			"\"udp\"\n" },
		{ "{ \"action\": \"deny\", \"protocol\": \"icmp\", \"source_ports\": [ 80 ] }",
			"t:6: /packet_filters/0/source_ports: only tcp and udp have ports\n" },
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		char more[512];

		snprintf(more, sizeof(more), FILTERS "%s ]", cases[i].filter);
		test_config_says(more, cases[i].lines);
	}
	test_config_says(",\"packet_filters\": {}",
		"t:5: /packet_filters: must be a list, not an object\n");
}

/* As many as there may be load, and one more is one too many. */
static void
there_may_be_many(void **state)
{
	static const char one[] = "{\"action\":\"deny\",\"source\":[\"10.0.0.1\"]},";
	static struct pst_config c;

	(void)state;
	for (int more = 0; more < 2; more++) {
		uint32_t n = PST_FILTERS_MAX + more;
		char *text = malloc(sizeof(FILTERS) + (size_t)n * sizeof(one));
		size_t at = sizeof(FILTERS) - 1;

		assert_non_null(text);
		memcpy(text, FILTERS, at);
		for (uint32_t i = 0; i < n; i++, at += sizeof(one) - 1)
			memcpy(text + at, one, sizeof(one));
		text[at - 1] = ']';
		if (more == 0) {
			test_config_loads(text, &c, "");
			assert_int_equal(c.n_filters, n);
			assert_string_equal(c.filters[n - 1].name, "filter 16384");
			pst_config_fini(&c);
		} else {
			test_config_says(text, "t:5: /packet_filters: has 16385 entries, and may "
					       "have 16384\n");
		}
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_filter_says_what_it_is_for),
		cmocka_unit_test(what_is_wrong_with_one_is_told),
		cmocka_unit_test(there_may_be_many),
	};

	return cmocka_run_group_tests_name("config-filters", tests, NULL, NULL);
}
