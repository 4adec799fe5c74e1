/* SPDX-License-Identifier: BSD-3-Clause */
/* RFC 4787: what NAT does to UDP. */
#include "rfc.h"

#include <stdlib.h>

#include "config/keys.h"

static void
rfc4787_req1_all_destinations_see_one_endpoint(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		struct box *b = start_plain(workers);
		uint16_t port = leaves(b, udp(CLIENT, 5000, SERVER, 53)).sport;

		for (uint16_t i = 0; i < 50; i++) {
			struct pkt out = leaves(b, udp(CLIENT, 5000, SERVER + i % 5, 1000 + i));

			assert_int_equal(out.src, OUTSIDE);
			assert_int_equal(out.sport, port);
		}
		box_fini(b);
	}
}

static void
rfc4787_req2_a_client_has_one_outside_address(void **state)
{
	struct pst_config c;
	struct box *b;

	(void)state;
	box_config(&c, 2, 1);
	c.nat.pool[0].last += 3;
	b = start(&c);
	for (uint32_t client = 0; client < 8; client++) {
		uint32_t address = leaves(b, udp(CLIENT + client, 5000, SERVER, 53)).src;

		for (uint16_t i = 0; i < 20; i++) {
			assert_int_equal(
				leaves(b, udp(CLIENT + client, 6000 + i, SECOND, 53)).src, address);
			assert_int_equal(
				leaves(b, syn(CLIENT + client, 6000 + i, SECOND, 80)).src, address);
			assert_int_equal(leaves(b, query(CLIENT + client, SECOND, i)).src, address);
		}
	}
	box_fini(b);
}

static void
rfc4787_req3_no_port_is_shared(void **state)
{
	struct pst_config c;
	uint16_t ports[16];
	struct box *b;

	(void)state;
	box_config(&c, 1, 1);
	c.nat.port_first = 2000;
	c.nat.port_last = 2015;
	b = start(&c);
	for (uint32_t i = 0; i < RTE_DIM(ports);
		i++) /* to other ends each, so it could be shared */
		ports[i] = leaves(b, udp(CLIENT + i % 4, 5000 + i, SERVER + i, 53)).sport;
	all_differ(ports, RTE_DIM(ports));
	is_refused(b, udp(CLIENT, 6000, SECOND + 50, 99), PST_DROP_NO_PORT, 3, 13);
	box_fini(b);
}

static void
rfc4787_req3a_low_ports_get_high_ones(void **state)
{
	struct box *b = start_plain(1);

	(void)state;
	for (uint16_t port = 1; port < 1024; port += 31)
		assert_true(leaves(b, udp(CLIENT, port, SERVER, 53)).sport >= 1024);
	box_fini(b);
}

static void
rfc4787_req4_parity_is_kept(void **state)
{
	struct box *b = start_plain(2);

	(void)state;
	for (uint16_t port = 5000; port < 5200; port++)
		assert_int_equal(leaves(b, udp(CLIENT, port, SERVER, 53)).sport % 2, port % 2);
	box_fini(b);
}

/* How long a mapping that nobody uses is there for its peer, to the second. */
static uint64_t
silent_life_ms(struct box *b)
{
	struct pkt out = leaves(b, udp(CLIENT, 5000, SERVER, 53));
	uint64_t began = b->now_ms;

	while (box_connections(b) > 0)
		box_pass(b, SECONDS(1));
	assert_false(comes_in(b, answer_to(&out)));
	return b->now_ms - began;
}

static void
rfc4787_req5_a_silent_mapping_lives_two_minutes(void **state)
{
	struct box *b = start_plain(1);
	struct pkt out = leaves(b, udp(CLIENT, 5000, SERVER, 53));

	(void)state;
	box_pass(b, MINUTES(2));
	assert_true(comes_in(b, answer_to(&out)));
	box_fini(b);
}

static void
rfc4787_req5c_five_minutes_unless_it_is_set(void **state)
{
	const struct pst_key *key = pst_key_find("/nat/timeouts", "udp");
	uint64_t normal = strtoul(key->fallback, NULL, 10);

	(void)state;
	assert_int_equal(normal, 300);
	for (uint32_t seconds = normal; seconds >= 30; seconds /= 2) {
		struct pst_config c;
		struct box *b;

		box_config(&c, 1, 1);
		c.nat.timeouts.udp = seconds;
		b = start(&c);
		assert_in_range(silent_life_ms(b), SECONDS(seconds), SECONDS(seconds + 2));
		box_fini(b);
	}
}

static void
rfc4787_req6_packets_from_inside_keep_it_alive(void **state)
{
	struct box *b = start_plain(1);
	struct pkt out = leaves(b, udp(CLIENT, 5000, SERVER, 53));

	(void)state;
	for (int i = 0; i < 5; i++) {
		box_pass(b, MINUTES(4));
		assert_int_equal(leaves(b, udp(CLIENT, 5000, SERVER, 53)).sport, out.sport);
	}
	box_pass(b, MINUTES(4));
	assert_true(comes_in(b, answer_to(&out)));
	box_fini(b);
}

static void
rfc4787_req7_the_outside_may_be_a_part_of_the_inside(void **state)
{
	uint32_t ours = IP(10, 1, 200, 1), server = IP(10, 1, 200, 9);
	uint32_t clients[] = { CLIENT, IP(10, 1, 200, 7), IP(10, 1, 200, 10) };
	struct pst_config c;
	struct box *b;

	(void)state;
	box_config(&c, 2, 1);
	c.ifaces[BOX_OUTSIDE].ip = ours;
	c.nat.pool[0] = (struct pst_range){ ours, ours };
	b = start(&c);
	for (uint32_t i = 0; i < RTE_DIM(clients); i++) {
		struct pkt out = leaves(b, udp(clients[i], 5000, server, 53)), back, got;

		assert_int_equal(out.src, ours);
		assert_int_equal(out.dst, server);
		back = answer_to(&out);
		assert_true(box_pass_through(b, BOX_OUTSIDE, &back, &got));
		assert_int_equal(got.dst, clients[i]);
		assert_int_equal(got.src, server);
	}
	box_fini(b);
}

static void
rfc4787_req8_filtering_is_as_it_is_set(void **state)
{
	(void)state;
	for (int strict = 0; strict < 2; strict++) {
		struct pst_config c;
		uint16_t port;
		struct box *b;

		box_config(&c, 2, 1);
		c.nat.filtering = strict ? PST_ADDRESS_DEPENDENT : PST_ENDPOINT_INDEPENDENT;
		b = start(&c);
		port = leaves(b, udp(CLIENT, 5000, SERVER, 53)).sport;
		assert_true(comes_in(b, udp(SERVER, 54, OUTSIDE, port)));
		assert_int_equal(comes_in(b, udp(SECOND, 53, OUTSIDE, port)), !strict);
		leaves(b, udp(CLIENT, 5000, SECOND, 99)); /* now it is somebody we talk to */
		assert_true(comes_in(b, udp(SECOND, 53, OUTSIDE, port)));
		box_fini(b);
	}
}

/* Is the built-in editor on? */
static bool
is_on(const struct box *b, const char *name)
{
	for (uint32_t e = 0; b->a->params.editors[e] != NULL; e++) {
		if (strcmp(b->a->params.editors[e]->name, name) == 0)
			return b->a->now->editors_enabled >> e & 1;
	}
	fail_msg("no editor %s", name);
	return false;
}

static void
rfc4787_req10_no_editor_of_udp_is_on_by_default(void **state)
{
	struct box *b = start_plain(1);
	uint32_t seen = 0;

	(void)state;
	for (uint32_t e = 0; b->a->params.editors[e] != NULL; e++) {
		const struct pst_editor *editor = b->a->params.editors[e];

		for (uint32_t i = 0; i < PST_EDITOR_PORTS; i++) {
			if (editor->ports[i].protocol != PST_UDP)
				continue;
			assert_false(b->a->now->editors_enabled >> e & 1);
			seen++;
		}
	}
	assert_true(seen > 0);
	box_fini(b);
}

static void
rfc4787_req10a_each_editor_has_its_switch(void **state)
{
	(void)state;
	for (int which = 0; which < 4; which++) {
		struct pst_config c;
		struct box *b;

		box_config(&c, 1, 1);
		c.n_editors = 2;
		c.editors[0] = (struct pst_config_editor){ "ftp", which & 1 };
		c.editors[1] = (struct pst_config_editor){ "tftp", which & 2 };
		b = start(&c);
		assert_int_equal(is_on(b, "ftp"), (which & 1) != 0);
		assert_int_equal(is_on(b, "tftp"), (which & 2) != 0);
		box_fini(b);
	}
}

static void
rfc4787_req11_a_full_pool_changes_nothing(void **state)
{
	struct pst_config c;
	struct pkt out;
	struct box *b;

	(void)state;
	box_config(&c, 1, 1);
	c.nat.port_first = 2000;
	c.nat.port_last = 2999;
	b = start(&c);
	out = leaves(b, udp(CLIENT, 5000, SERVER, 53));
	for (uint16_t i = 0; i < 999; i++)
		leaves(b, udp(CLIENT + 1 + i % 9, 6000 + i, SERVER, 53));
	is_refused(b, udp(CLIENT + 1, 9000, SERVER, 53), PST_DROP_NO_PORT, 3, 13);
	assert_int_equal(leaves(b, udp(CLIENT, 5000, SERVER + 5, 99)).sport, out.sport);
	assert_true(comes_in(b, answer_to(&out)));
	assert_false(comes_in(b, udp(SECOND, 53, OUTSIDE, out.sport)));
	box_fini(b);
}

RULE_TESTS(cmocka_unit_test(rfc4787_req1_all_destinations_see_one_endpoint),
	cmocka_unit_test(rfc4787_req2_a_client_has_one_outside_address),
	cmocka_unit_test(rfc4787_req3_no_port_is_shared),
	cmocka_unit_test(rfc4787_req3a_low_ports_get_high_ones),
	cmocka_unit_test(rfc4787_req4_parity_is_kept),
	cmocka_unit_test(rfc4787_req5_a_silent_mapping_lives_two_minutes),
	cmocka_unit_test(rfc4787_req5c_five_minutes_unless_it_is_set),
	cmocka_unit_test(rfc4787_req6_packets_from_inside_keep_it_alive),
	cmocka_unit_test(rfc4787_req7_the_outside_may_be_a_part_of_the_inside),
	cmocka_unit_test(rfc4787_req8_filtering_is_as_it_is_set),
	cmocka_unit_test(rfc4787_req10_no_editor_of_udp_is_on_by_default),
	cmocka_unit_test(rfc4787_req10a_each_editor_has_its_switch),
	cmocka_unit_test(rfc4787_req11_a_full_pool_changes_nothing))
