/* SPDX-License-Identifier: BSD-3-Clause */
#include "filter/packet.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <rte_common.h>
#include <rte_errno.h>

#define FIELD(name, ...)                                                                           \
	[PST_CLASS_##name] = { (const struct pst_rule_range[]){ __VA_ARGS__ },                     \
		sizeof((const struct pst_rule_range[]){ __VA_ARGS__ }) /                           \
			sizeof(struct pst_rule_range) }
#define BOTH (PST_PACKET_IN | PST_PACKET_OUT)

/* A host that may; its network, that may not; one port from outside; one protocol either way. */
static const struct pst_packet_filter filters[] = {
	{ .name = "the host", .allow = true, .directions = PST_PACKET_OUT,
		.protocol = PST_PACKET_ANY_PROTOCOL, .where.fields = { FIELD(SOURCE, { 15, 15 }) } },
	{ .name = "its network", .directions = BOTH, .protocol = PST_PACKET_ANY_PROTOCOL,
		.where.fields = { FIELD(SOURCE, { 10, 19 }, { 30, 39 }) } },
	{ .name = "telnet", .directions = PST_PACKET_IN, .protocol = 6,
		.where.fields = { FIELD(DESTINATION_PORT, { 23, 23 }) } },
	{ .name = "from low ports", .directions = PST_PACKET_OUT, .protocol = 17,
		.where.fields = { FIELD(SOURCE_PORT, { 0, 1023 }),
			FIELD(DESTINATION, { 100, 199 }) } },
	{ .name = "gre", .directions = BOTH, .protocol = 47 },
};

static const struct {
	struct pst_packet packet;
	int which;
} cases[] = {
	{ { PST_PACKET_OUT, 6, 15, 1, 5000, 23 }, 0 },
	{ { PST_PACKET_IN, 6, 15, 1, 5000, 80 }, 1 },
	{ { PST_PACKET_OUT, 6, 16, 1, 5000, 80 }, 1 },
	{ { PST_PACKET_OUT, 1, 39, 1, 0, 0 }, 1 },
	{ { PST_PACKET_OUT, 6, 20, 1, 5000, 23 }, PST_PACKET_FILTER_NONE },
	{ { PST_PACKET_IN, 6, 20, 1, 5000, 23 }, 2 },
	{ { PST_PACKET_IN, 17, 20, 1, 5000, 23 }, PST_PACKET_FILTER_NONE },
	{ { PST_PACKET_IN, 6, 20, 1, 23, 24 }, PST_PACKET_FILTER_NONE },
	{ { PST_PACKET_OUT, 17, 1, 100, 1023, 53 }, 3 },
	{ { PST_PACKET_OUT, 17, 1, 100, 1024, 53 }, PST_PACKET_FILTER_NONE },
	{ { PST_PACKET_OUT, 17, 1, 200, 53, 53 }, PST_PACKET_FILTER_NONE },
	{ { PST_PACKET_IN, 17, 1, 100, 53, 53 }, PST_PACKET_FILTER_NONE },
	{ { PST_PACKET_IN, 47, 1, 2, 0, 0 }, 4 },
	{ { PST_PACKET_OUT, 47, 1, 2, 0, 0 }, 4 },
	{ { PST_PACKET_OUT, 50, 1, 2, 0, 0 }, PST_PACKET_FILTER_NONE },
};

static void
the_first_filter_decides(void **state)
{
	struct pst_packet_filters *set = pst_packet_filters_create(filters, RTE_DIM(filters));

	(void)state;
	assert_non_null(set);
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		int which = -2;
		bool may = pst_packet_filters_pass(set, &cases[i].packet, &which);

		assert_int_equal(which, cases[i].which);
		assert_int_equal(may, which == PST_PACKET_FILTER_NONE || filters[which].allow);
	}
	assert_int_equal(pst_packet_filters_count(set), RTE_DIM(filters));
	assert_string_equal(pst_packet_filters_name(set, 2), "telnet");
	pst_packet_filters_destroy(set);
}

static void
no_filter_passes_all(void **state)
{
	struct pst_packet_filters *set = pst_packet_filters_create(NULL, 0);
	int which;

	(void)state;
	assert_true(pst_packet_filters_pass(set, &cases[0].packet, &which));
	assert_int_equal(which, PST_PACKET_FILTER_NONE);
	pst_packet_filters_destroy(set);
	pst_packet_filters_destroy(NULL);
}

static void
bad_filters_are_refused(void **state)
{
	const struct pst_packet_filter bad = { .name = "bad", .directions = BOTH, .protocol = 6,
		.where.fields = { FIELD(SOURCE, { 2, 1 }) } };

	(void)state;
	assert_null(pst_packet_filters_create(&bad, 1));
	assert_int_equal(rte_errno, EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_filter_decides),
		cmocka_unit_test(no_filter_passes_all),
		cmocka_unit_test(bad_filters_are_refused),
	};

	return cmocka_run_group_tests_name("filter-packet", tests, NULL, NULL);
}
