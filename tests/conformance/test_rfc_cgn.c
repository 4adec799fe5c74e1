/* SPDX-License-Identifier: BSD-3-Clause */
/* RFC 6888: many clients share addresses; and the ports that RFC 7857 wants. */
#include "rfc.h"

#include <stdlib.h>

#include "base/log.h"
#include "config/keys.h"

/* A config with so few outside ports, for one worker. */
static struct pst_config
few_ports(uint16_t n)
{
	struct pst_config c;

	box_config(&c, 1, 1);
	c.nat.port_first = 2000;
	c.nat.port_last = 2000 + n - 1;
	return c;
}

static void
rfc6888_req2_a_client_has_one_address_without_a_setting(void **state)
{
	uint32_t addresses = 0;
	struct pst_config c;
	struct box *b;

	(void)state;
	box_config(&c, 1, 1);
	c.nat.pool[0].last += 15;
	b = start(&c);
	for (uint32_t client = 0; client < 64; client++) {
		uint32_t address = leaves(b, udp(CLIENT + client, 5000, SERVER + 100, 53)).src;

		addresses |= 1 << (address - c.nat.pool[0].first);
		for (uint16_t i = 0; i < 10; i++)
			assert_int_equal(
				leaves(b, syn(CLIENT + client, 6000 + i, SERVER + 100 + i, 80)).src,
				address);
	}
	assert_true(__builtin_popcount(addresses) > 1);
	box_fini(b);
}

static void
rfc6888_req3_ranges_of_any_size_are_used(void **state)
{
	static const struct pst_range ranges[] = {
		{ IP(198, 18, 0, 1), IP(198, 18, 0, 1) },
		{ IP(198, 18, 0, 51), IP(198, 18, 0, 53) },
		{ IP(203, 0, 113, 200), IP(203, 0, 113, 200) }, /* of another network */
	};
	uint32_t seen = 0;
	struct pst_config c;
	struct box *b;

	(void)state;
	c = few_ports(4);
	memcpy(c.nat.pool, ranges, sizeof(ranges));
	c.nat.n_pool = RTE_DIM(ranges);
	b = start(&c);
	for (uint32_t client = 0; client < 5; client++) { /* all the ports there are */
		struct pkt out = { 0 };

		for (uint16_t i = 0; i < 4; i++)
			out = leaves(b, udp(CLIENT + client, 5000 + i, SERVER, 53));
		for (uint32_t i = 0, n = 0; i < RTE_DIM(ranges);
			n += ranges[i].last - ranges[i].first + 1, i++) {
			if (out.src >= ranges[i].first && out.src <= ranges[i].last)
				seen |= 1 << (n + out.src - ranges[i].first);
		}
		assert_true(comes_in(b, answer_to(&out)));
	}
	assert_int_equal(seen, 0x1f);
	box_fini(b);
}

static void
rfc6888_req4_a_client_has_so_many_ports_and_no_more(void **state)
{
	struct pst_config c;
	struct box *b;

	(void)state;
	box_config(&c, 1, 1);
	for (c.nat.ports_per_client = 1; c.nat.ports_per_client <= 64;
		c.nat.ports_per_client *= 4) {
		b = start(&c);
		for (uint16_t i = 0; i < c.nat.ports_per_client; i++)
			leaves(b, udp(CLIENT, 5000 + i, SERVER, 53));
		is_refused(b, syn(CLIENT, 5000, SERVER, 80), PST_DROP_CLIENT_PORTS, 3, 13);
		is_refused(b, query(CLIENT, SERVER, 7), PST_DROP_CLIENT_PORTS, 3, 13);
		leaves(b, udp(CLIENT, 5000, SECOND, 53)); /* of a port that it has */
		leaves(b, udp(OTHER_CLIENT, 5000, SERVER, 53));
		box_fini(b);
	}
}

static void
rfc6888_req5_a_client_has_so_many_connections_and_no_more(void **state)
{
	struct pst_config c;
	struct box *b;

	(void)state;
	box_config(&c, 1, 1);
	c.nat.sessions_per_client = 10;
	b = start(&c);
	for (uint16_t i = 0; i < 10; i++)
		leaves(b, udp(CLIENT, 5000, SERVER, 53 + i));
	is_refused(b, udp(CLIENT, 5000, SERVER, 99), PST_DROP_CLIENT_SESSIONS, 3, 13);
	leaves(b, udp(CLIENT, 5000, SERVER, 53));
	leaves(b, udp(OTHER_CLIENT, 5000, SERVER, 99));
	box_fini(b);
}

static void
rfc6888_req6_translation_is_off_for_some_destinations(void **state)
{
	struct pkt in[] = { udp(CLIENT, 5000, SECOND, 53), syn(CLIENT, 5000, SECOND, 80),
		query(CLIENT, SECOND, 7) };
	struct pst_config c;
	struct box *b;

	(void)state;
	box_config(&c, 2, 1);
	c.nat.bypass[0] = (struct pst_range){ SECOND, SECOND };
	c.nat.n_bypass = 1;
	b = start(&c);
	for (uint32_t i = 0; i < RTE_DIM(in); i++) {
		struct pkt out = leaves(b, in[i]), back = answer_to(&out);

		assert_int_equal(out.src, CLIENT);
		assert_int_equal(out.sport, in[i].sport);
		if (in[i].proto == IPPROTO_TCP) {
			back.tcp_flags = TCP_SYN | TCP_ACK;
			back.ack = in[i].seq + 1;
		}
		assert_true(comes_in(b, back));
		in[i].dst = SERVER;
		assert_int_equal(leaves(b, in[i]).src, OUTSIDE);
	}
	box_fini(b);
}

static void
rfc6888_req7_by_address_unless_it_is_set(void **state)
{
	const struct pst_key *key = pst_key_find("/nat", "filtering");
	bool can_be_independent = false;

	(void)state;
	assert_string_equal(key->fallback, "\"address-dependent\"");
	for (uint32_t i = 0; key->names[i] != NULL; i++)
		can_be_independent =
			can_be_independent || strcmp(key->names[i], "endpoint-independent") == 0;
	assert_true(can_be_independent);
}

/* A pool of 256 ports, one of which a client had until just now. */
static struct box *
start_with_a_used_port(uint32_t quarantine_s, uint16_t *port)
{
	struct pst_config c = few_ports(256);
	struct box *b;

	c.nat.quarantine_s = quarantine_s;
	c.nat.timeouts.udp = 10;
	b = start(&c);
	*port = leaves(b, udp(CLIENT, 5000, SERVER, 53)).sport;
	while (box_connections(b) > 0)
		box_pass(b, SECONDS(1));
	return b;
}

/* Does another client get it, that takes so many of the 128 ports of its parity every round? */
static bool
others_get(struct box *b, uint16_t port, uint32_t rounds, uint16_t n, uint64_t round_ms)
{
	bool got = false;

	for (uint32_t r = 0; r < rounds; r++) {
		for (uint16_t i = 0; i < n; i++)
			got = leaves(b, udp(OTHER_CLIENT, 5000 + 2 * i, SERVER, 53)).sport ==
				      port ||
			      got;
		box_pass(b, round_ms);
	}
	return got;
}

static void
rfc6888_req8_others_get_it_after_two_minutes(void **state)
{
	const struct pst_key *key = pst_key_find("/nat", "quarantine");
	uint16_t port;
	struct box *b = start_with_a_used_port(120, &port);

	(void)state;
	assert_int_equal(strtoul(key->fallback, NULL, 10), 120);
	assert_false(others_get(b, port, 7, 16, SECONDS(16)));
	box_pass(b, SECONDS(120)); /* for what these have used to rest too */
	assert_true(others_get(b, port, 20, 60, SECONDS(140)));
	box_fini(b);
}

static void
rfc6888_req8_a_pool_is_never_full_of_rest(void **state)
{
	uint16_t port;
	struct box *b = start_with_a_used_port(120, &port);

	(void)state;
	for (uint16_t i = 0; i < 256; i++)
		leaves(b, udp(OTHER_CLIENT, 5000 + i, SERVER, 53));
	box_fini(b);
}

static void
rfc6888_req8d_the_time_is_a_setting(void **state)
{
	uint16_t port;
	struct box *b = start_with_a_used_port(600, &port);

	(void)state;
	assert_false(others_get(b, port, 7, 16, SECONDS(80)));
	box_fini(b);
	b = start_with_a_used_port(20, &port);
	box_pass(b, SECONDS(20));
	assert_true(others_get(b, port, 20, 60, SECONDS(40)));
	box_fini(b);
}

static void
rfc6888_req11a_what_has_no_port_is_dropped(void **state)
{
	struct pst_config c = few_ports(4);
	struct box *b = start(&c);

	(void)state;
	for (uint16_t i = 0; i < 4; i++)
		leaves(b, udp(CLIENT, 5000 + i, SERVER, 53));
	is_refused(b, udp(OTHER_CLIENT, 5000, SERVER, 53), PST_DROP_NO_PORT, 3, 13);
	assert_int_equal(box_connections(b), 4);
	box_fini(b);
}

static void
rfc6888_req5b_a_client_begins_so_many_connections_a_second(void **state)
{
	struct pst_config c;
	struct box *b;

	(void)state;
	box_config(&c, 1, 1);
	c.nat.new_sessions_per_client = 10;
	b = start(&c);
	for (uint32_t second = 0; second < 3; second++) {
		for (uint16_t i = 0; i < 10; i++)
			leaves(b, udp(CLIENT, 5000 + 100 * second + i, SERVER, 53));
		is_refused(b, udp(CLIENT, 6000 + second, SERVER, 53), PST_DROP_CLIENT_RATE, 3, 13);
		leaves(b, udp(CLIENT, 5000, SERVER, 53)); /* what is there goes on */
		leaves(b, udp(OTHER_CLIENT, 5000 + second, SERVER, 53));
		box_pass(b, 1000);
	}
	box_fini(b);
}

/* What the appliance logs, from begin_log() to end_log(); the caller frees it. */
static struct {
	FILE *before, *stream;
	char *text;
	size_t size;
} the_log;

static void
begin_log(void)
{
	pst_log_init(RTE_LOG_INFO);
	the_log.before = rte_log_get_stream();
	the_log.stream = open_memstream(&the_log.text, &the_log.size);
	assert_non_null(the_log.stream);
	rte_openlog_stream(the_log.stream);
}

static char *
end_log(void)
{
	rte_openlog_stream(the_log.before);
	fclose(the_log.stream);
	pst_log_init(RTE_LOG_WARNING);
	return the_log.text;
}

static char *
logged(struct box *b, struct pkt in, enum pst_drop why)
{
	begin_log();
	is_refused(b, in, why, 3, 13);
	return end_log();
}

static uint32_t
count_in(const char *text, const char *what)
{
	uint32_t n = 0;

	while ((text = strstr(text, what)) != NULL) {
		text++;
		n++;
	}
	return n;
}

static void
rfc6888_req14_a_block_of_ports_is_one_record(void **state)
{
	struct pst_config c;
	struct box *b;
	char *text;

	(void)state;
	box_config(&c, 2, 1);
	c.nat.port_block = 128;
	b = start(&c);
	begin_log();
	for (uint16_t i = 0; i < 300; i++) { /* three blocks */
		leaves(b, udp(CLIENT, 5000 + i, SERVER, 53));
		leaves(b, syn(CLIENT, 5000 + i, SERVER, 80));
	}
	leaves(b, query(CLIENT, SERVER, 7));
	text = end_log();
	assert_int_equal(count_in(text, "now of 10.1.1.7"), 3);
	assert_int_equal(count_in(text, "\n"), 3);
	free(text);
	begin_log();
	box_pass(b, SECONDS(c.nat.timeouts.tcp_opening + c.nat.timeouts.udp +
			c.nat.quarantine_s + 10));
	text = end_log();
	assert_int_equal(count_in(text, "no more of 10.1.1.7"), 3);
	assert_int_equal(count_in(text, "\n"), 3);
	free(text);
	box_fini(b);
}

static void
rfc6888_req11c_the_operator_is_told(void **state)
{
	struct pst_config c;
	struct box *b;
	char *text;

	(void)state;
	c = few_ports(4);
	c.nat.ports_per_client = 3;
	b = start(&c);
	for (uint16_t i = 0; i < 3; i++)
		leaves(b, udp(CLIENT, 5000 + i, SERVER, 53));
	text = logged(b, udp(CLIENT, 5003, SERVER, 53), PST_DROP_CLIENT_PORTS);
	assert_non_null(
		strstr(text, "client_ports: refused udp 10.1.1.7:5003 -> 198.18.0.9:53"));
	free(text);
	leaves(b, udp(OTHER_CLIENT, 5000, SERVER, 53));
	text = logged(b, udp(OTHER_CLIENT, 5001, SERVER, 53), PST_DROP_NO_PORT);
	assert_non_null(strstr(text, "no_port: refused udp"));
	free(text);
	box_fini(b);
}

static void
rfc6888_req11b_its_sender_is_told_code_13(void **state)
{
	struct pst_config c = few_ports(2);
	struct box *b = start(&c);

	(void)state;
	for (uint16_t i = 0; i < 2; i++)
		leaves(b, syn(CLIENT, 5000 + i, SERVER, 80));
	is_refused(b, syn(OTHER_CLIENT, 5000, SERVER, 80), PST_DROP_NO_PORT, 3, 13);
	box_fini(b);
}

static void
rfc6888_req11d_what_is_there_stays(void **state)
{
	struct pst_config c = few_ports(4);
	struct box *b = start(&c);
	struct pkt out[4];

	(void)state;
	for (uint16_t i = 0; i < 4; i++)
		out[i] = leaves(b, udp(CLIENT, 5000 + i, SERVER, 53));
	for (uint16_t i = 0; i < 100; i++)
		is_refused(b, udp(OTHER_CLIENT, 5000 + i, SERVER, 53), PST_DROP_NO_PORT, 3, 13);
	for (uint16_t i = 0; i < 4; i++) {
		assert_true(comes_in(b, answer_to(&out[i])));
		assert_int_equal(leaves(b, udp(CLIENT, 5000 + i, SERVER, 53)).sport, out[i].sport);
	}
	box_fini(b);
}

static void
rfc6888_req13_every_port_is_used(void **state)
{
	static uint16_t ports[4096];
	struct pst_config c = few_ports(RTE_DIM(ports));
	struct box *b;

	(void)state;
	b = start(&c);
	for (uint32_t i = 0; i < RTE_DIM(ports); i++)
		ports[i] = leaves(b, udp(CLIENT + i % 8, 5000 + i, SERVER, 53)).sport;
	all_differ(ports, RTE_DIM(ports));
	is_refused(b, udp(CLIENT, 4999, SERVER, 53), PST_DROP_NO_PORT, 3, 13);
	box_fini(b);
}

/* Of ports in the order they were given out: neither close to one another nor in one place. */
static void
are_random(const uint16_t *ports, uint32_t n)
{
	uint32_t close = 0, up = 0, quarters[4] = { 0 };

	for (uint32_t i = 0; i < n; i++) {
		quarters[ports[i] >> 14]++;
		if (i > 0) {
			close += abs(ports[i] - ports[i - 1]) <= 64;
			up += ports[i] > ports[i - 1];
		}
	}
	assert_in_range(close, 0, n / 50); /* by chance: one in 500 */
	assert_in_range(up, n * 2 / 5, n * 3 / 5);
	for (int q = 0; q < 4; q++)
		assert_in_range(quarters[q], n / 6, n / 3);
}

static void
take_ports(uint16_t *ports, uint32_t n)
{
	struct box *b = start_plain(1);

	for (uint32_t i = 0; i < n; i++)
		ports[i] = leaves(b, udp(CLIENT, 5000 + i, SERVER, 53)).sport;
	box_fini(b);
}

static void
rfc6888_req15_a_port_tells_nothing_of_the_next(void **state)
{
	static uint16_t ports[2000];

	(void)state;
	take_ports(ports, RTE_DIM(ports));
	are_random(ports, RTE_DIM(ports));
}

/* Is a client's mapping there after five timeouts in which only its peer has sent? */
static bool
peer_keeps(struct box *b, struct pkt first, uint64_t timeout_ms)
{
	struct pkt out = leaves(b, first), back = answer_to(&out);
	bool came = true;

	if (first.proto == IPPROTO_TCP) { /* it is open */
		back.tcp_flags = TCP_SYN | TCP_ACK;
		back.seq = 5000;
		back.ack = first.seq + 1;
		back.len = 0;
		assert_true(comes_in(b, back));
		first.tcp_flags = TCP_ACK;
		first.seq++;
		first.ack = 5001;
		leaves(b, first);
		back.tcp_flags = TCP_ACK;
		back.seq++;
	}
	for (uint32_t i = 0; i < 10 && came; i++) {
		came = comes_in(b, back);
		box_pass(b, timeout_ms / 2 + SECONDS(1));
	}
	return came;
}

static void
rfc7857_s7_packets_from_outside_keep_it_or_not(void **state)
{
	struct pst_config c;
	struct box *b;

	(void)state;
	assert_string_equal(pst_key_find("/nat", "refresh_inbound")->fallback, "true");
	for (int keeps = 0; keeps < 2; keeps++) {
		box_config(&c, 1, 1);
		c.nat.refresh_inbound = keeps;
		c.nat.timeouts.tcp_established = 400;
		b = start(&c);
		assert_int_equal(
			peer_keeps(b, udp(CLIENT, 5000, SERVER, 53), SECONDS(300)), keeps);
		assert_int_equal(
			peer_keeps(b, syn(CLIENT, 5000, SERVER, 80), SECONDS(400)), keeps);
		box_fini(b);
	}
}

static void
rfc7857_s9_ports_are_random(void **state)
{
	static uint16_t ports[2000], tcp[2000];
	struct box *b = start_plain(1);

	(void)state;
	for (uint32_t i = 0; i < RTE_DIM(tcp); i++)
		tcp[i] = leaves(b, syn(CLIENT, 5000 + i, SERVER, 80)).sport;
	box_fini(b);
	are_random(tcp, RTE_DIM(tcp));
	take_ports(ports, RTE_DIM(ports));
	are_random(ports, RTE_DIM(ports));
}

RULE_TESTS(cmocka_unit_test(rfc6888_req2_a_client_has_one_address_without_a_setting),
	cmocka_unit_test(rfc6888_req3_ranges_of_any_size_are_used),
	cmocka_unit_test(rfc6888_req4_a_client_has_so_many_ports_and_no_more),
	cmocka_unit_test(rfc6888_req5_a_client_has_so_many_connections_and_no_more),
	cmocka_unit_test(rfc6888_req6_translation_is_off_for_some_destinations),
	cmocka_unit_test(rfc6888_req7_by_address_unless_it_is_set),
	cmocka_unit_test(rfc6888_req8_others_get_it_after_two_minutes),
	cmocka_unit_test(rfc6888_req8_a_pool_is_never_full_of_rest),
	cmocka_unit_test(rfc6888_req8d_the_time_is_a_setting),
	cmocka_unit_test(rfc6888_req11a_what_has_no_port_is_dropped),
	cmocka_unit_test(rfc6888_req5b_a_client_begins_so_many_connections_a_second),
	cmocka_unit_test(rfc6888_req11c_the_operator_is_told),
	cmocka_unit_test(rfc6888_req14_a_block_of_ports_is_one_record),
	cmocka_unit_test(rfc6888_req11b_its_sender_is_told_code_13),
	cmocka_unit_test(rfc6888_req11d_what_is_there_stays),
	cmocka_unit_test(rfc6888_req13_every_port_is_used),
	cmocka_unit_test(rfc6888_req15_a_port_tells_nothing_of_the_next),
	cmocka_unit_test(rfc7857_s7_packets_from_outside_keep_it_or_not),
	cmocka_unit_test(rfc7857_s9_ports_are_random))
