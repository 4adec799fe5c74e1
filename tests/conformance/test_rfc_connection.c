/* SPDX-License-Identifier: BSD-3-Clause */
/* RFC 5382, and what RFC 7857 says of TCP. */
#include "rfc.h"

/* A connection whose two ends count as they should. */
struct flow {
	struct box *b;
	uint16_t inside, outside; /* the client's port, as it and as the server have it */
	uint32_t next[PST_WAYS];  /* what each end sends next, by its way */
};

#define OUT PST_WAY_OUT
#define IN PST_WAY_IN

static struct flow
flow_of(struct box *b, uint16_t inside)
{
	return (struct flow){ .b = b, .inside = inside, .next = { [OUT] = 1000, [IN] = 500000 } };
}

/* One end's next segment; true when it arrives. */
static bool
segment(struct flow *f, enum pst_way way, uint8_t flags, uint32_t len)
{
	static const char data[1000];
	struct pkt p = way == OUT ? probe_packet(PST_TCP, CLIENT, f->inside, SERVER, 80, flags)
				  : probe_packet(PST_TCP, SERVER, 80, OUTSIDE, f->outside, flags);
	struct pkt out;

	p.seq = f->next[way];
	p.ack = flags & TCP_ACK ? f->next[way == OUT ? IN : OUT] : 0;
	p.data = data;
	p.len = len;
	if (!box_pass_through(f->b, way == OUT ? BOX_INSIDE : BOX_OUTSIDE, &p, &out))
		return false;
	if (way == OUT)
		f->outside = out.sport;
	f->next[way] += len + ((flags & TCP_SYN) != 0) + ((flags & TCP_FIN) != 0);
	return true;
}

static void
connect_flow(struct flow *f)
{
	assert_true(segment(f, OUT, TCP_SYN, 0));
	assert_true(segment(f, IN, TCP_SYN | TCP_ACK, 0));
	assert_true(segment(f, OUT, TCP_ACK, 0));
}

/* Each end says something, and hears it acknowledged. */
static void
is_alive(struct flow *f)
{
	assert_true(segment(f, OUT, TCP_ACK | TCP_PSH, 100));
	assert_true(segment(f, IN, TCP_ACK | TCP_PSH, 200));
	assert_true(segment(f, OUT, TCP_ACK, 0));
}

static void
close_flow(struct flow *f, enum pst_way first)
{
	enum pst_way second = first == OUT ? IN : OUT;

	assert_true(segment(f, first, TCP_FIN | TCP_ACK, 0));
	assert_true(segment(f, second, TCP_ACK, 0));
	assert_true(segment(f, second, TCP_ACK | TCP_PSH, 500)); /* half-closed */
	assert_true(segment(f, first, TCP_ACK, 0));
	assert_true(segment(f, second, TCP_FIN | TCP_ACK, 0));
	assert_true(segment(f, first, TCP_ACK, 0));
}

static void
rfc5382_req1_all_destinations_see_one_endpoint(void **state)
{
	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers *= 2) {
		struct box *b = start_plain(workers);
		uint16_t port = leaves(b, syn(CLIENT, 5000, SERVER, 80)).sport;

		for (uint16_t i = 0; i < 50; i++)
			assert_int_equal(
				leaves(b, syn(CLIENT, 5000, SERVER + i % 5, 1000 + i)).sport, port);
		box_fini(b);
	}
}

static void
rfc5382_req2_connections_begin_and_end_as_they_may(void **state)
{
	struct box *b = start_plain(2);
	struct flow f;

	(void)state;
	for (uint16_t i = 0; i < 2; i++) { /* closed from inside, from outside */
		f = flow_of(b, 5000 + i);
		connect_flow(&f);
		is_alive(&f);
		close_flow(&f, i == 0 ? OUT : IN);
	}
	f = flow_of(b, 5002); /* both close at once */
	connect_flow(&f);
	assert_true(segment(&f, OUT, TCP_FIN | TCP_ACK, 0));
	f.next[OUT]--; /* the other end has not seen it */
	assert_true(segment(&f, IN, TCP_FIN | TCP_ACK, 0));
	f.next[OUT]++;
	assert_true(segment(&f, OUT, TCP_ACK, 0));
	assert_true(segment(&f, IN, TCP_ACK, 0));
	f = flow_of(b, 5003); /* a SYN and its answer are lost once each */
	for (int i = 0; i < 2; i++) {
		f.next[OUT] = 1000;
		assert_true(segment(&f, OUT, TCP_SYN, 0));
	}
	for (int i = 0; i < 2; i++) {
		f.next[IN] = 500000;
		assert_true(segment(&f, IN, TCP_SYN | TCP_ACK, 0));
	}
	assert_true(segment(&f, OUT, TCP_ACK, 0));
	is_alive(&f);
	f = flow_of(b, 5004); /* refused, and tried again */
	assert_true(segment(&f, OUT, TCP_SYN, 0));
	f.next[IN] = 0;
	assert_true(segment(&f, IN, TCP_RST | TCP_ACK, 0));
	f = flow_of(b, 5004);
	connect_flow(&f);
	is_alive(&f);
	box_fini(b);
}

static void
rfc5382_req2_the_same_ends_may_begin_anew(void **state)
{
	struct box *b = start_plain(1);
	struct flow f = flow_of(b, 5000);

	(void)state;
	connect_flow(&f);
	close_flow(&f, OUT);
	box_pass(b, SECONDS(10));
	f.next[OUT] += 100000;
	f.next[IN] += 100000;
	connect_flow(&f);
	is_alive(&f);
	box_pass(b, MINUTES(10));
	is_alive(&f);
	box_fini(b);
}

static void
rfc5382_req2a_both_ends_may_open_at_once(void **state)
{
	struct box *b = start_plain(2);
	struct flow f = flow_of(b, 5000);

	(void)state;
	assert_true(segment(&f, OUT, TCP_SYN, 0));
	assert_true(segment(&f, IN, TCP_SYN, 0));
	f.next[OUT]--; /* the SYNs again, with what they have seen of one another */
	f.next[IN]--;
	f.next[IN]++;
	assert_true(segment(&f, OUT, TCP_SYN | TCP_ACK, 0));
	f.next[IN]--;
	assert_true(segment(&f, IN, TCP_SYN | TCP_ACK, 0));
	assert_true(segment(&f, OUT, TCP_ACK, 0));
	assert_true(segment(&f, IN, TCP_ACK, 0));
	is_alive(&f);
	box_pass(b, MINUTES(30)); /* longer than what opens */
	is_alive(&f);
	box_fini(b);
}

static void
rfc5382_req3_filtering_is_as_it_is_set(void **state)
{
	(void)state;
	for (int strict = 0; strict < 2; strict++) {
		struct pst_config c;
		uint16_t port;
		struct box *b;

		box_config(&c, 2, 1);
		c.nat.filtering = strict ? PST_ADDRESS_DEPENDENT : PST_ENDPOINT_INDEPENDENT;
		b = start(&c);
		port = leaves(b, syn(CLIENT, 5000, SERVER, 80)).sport;
		assert_true(comes_in(b, syn(SERVER, 81, OUTSIDE, port)));
		assert_int_equal(comes_in(b, syn(SECOND, 80, OUTSIDE, port)), !strict);
		box_fini(b);
	}
}

static void
rfc5382_req5_established_ones_may_be_silent_for_two_hours(void **state)
{
	struct box *b = start_plain(1);
	struct flow f = flow_of(b, 5000);

	(void)state;
	connect_flow(&f);
	for (int i = 0; i < 2; i++) {
		box_pass(b, MINUTES(124) - SECONDS(1));
		assert_true(segment(&f, i == 0 ? IN : OUT, TCP_ACK, 0));
	}
	box_fini(b);
}

static void
rfc5382_req5_half_closed_ones_too(void **state)
{
	struct box *b = start_plain(1);
	struct flow f = flow_of(b, 5000);

	(void)state;
	connect_flow(&f);
	assert_true(segment(&f, OUT, TCP_FIN | TCP_ACK, 0));
	assert_true(segment(&f, IN, TCP_ACK, 0));
	box_pass(b, MINUTES(124) - SECONDS(1));
	assert_true(segment(&f, IN, TCP_ACK | TCP_PSH, 100));
	box_fini(b);
}

static void
rfc5382_req5_transitory_ones_live_for_four_minutes(void **state)
{
	struct box *b = start_plain(1);
	struct flow opening = flow_of(b, 5000), half = flow_of(b, 5001), closing = flow_of(b, 5002);

	(void)state;
	assert_true(segment(&opening, OUT, TCP_SYN, 0));
	assert_true(segment(&half, OUT, TCP_SYN, 0));
	assert_true(segment(&half, IN, TCP_SYN | TCP_ACK, 0));
	connect_flow(&closing);
	close_flow(&closing, IN);
	box_pass(b, MINUTES(4) - SECONDS(1));
	assert_true(segment(&opening, IN, TCP_SYN | TCP_ACK, 0));
	assert_true(segment(&half, OUT, TCP_ACK, 0));
	assert_true(segment(&closing, OUT, TCP_ACK, 0)); /* the last one, once more */
	is_alive(&half);
	box_fini(b);
}

static void
rfc5382_req6_of_tcps_editors_ftps_is_on(void **state)
{
	struct box *b = start_plain(1);

	(void)state;
	for (uint32_t e = 0; b->a->params.editors[e] != NULL; e++) {
		const struct pst_editor *editor = b->a->params.editors[e];

		for (uint32_t i = 0; i < PST_EDITOR_PORTS; i++) {
			if (editor->ports[i].protocol == PST_TCP)
				assert_int_equal(b->a->now->editors_enabled >> e & 1,
					strcmp(editor->name, "ftp") == 0);
		}
	}
	box_fini(b);
}

static void
rfc5382_req7_no_port_is_shared(void **state)
{
	struct pst_config c;
	uint16_t ports[16];
	struct box *b;

	(void)state;
	box_config(&c, 1, 1);
	c.nat.port_first = 2000;
	c.nat.port_last = 2015;
	b = start(&c);
	for (uint32_t i = 0; i < RTE_DIM(ports); i++)
		ports[i] = leaves(b, syn(CLIENT + i % 4, 5000 + i, SERVER + i, 80)).sport;
	all_differ(ports, RTE_DIM(ports));
	is_refused(b, syn(CLIENT, 6000, SERVER + 60, 99), PST_DROP_NO_PORT, 3, 13);
	box_fini(b);
}

static void
rfc7857_s2_only_a_syn_opens(void **state)
{
	static const uint8_t others[] = { TCP_ACK, TCP_SYN | TCP_ACK, TCP_RST, TCP_FIN | TCP_ACK, 0,
		TCP_FIN, TCP_SYN | TCP_FIN, TCP_SYN | TCP_RST };
	struct box *b = start_plain(1);

	(void)state;
	for (uint32_t i = 0; i < RTE_DIM(others); i++) {
		struct flow f = flow_of(b, 5000 + i);

		assert_false(segment(&f, OUT, others[i], 0));
	}
	assert_int_equal(box_connections(b), 0);
	box_fini(b);
}

static void
rfc7857_s2_one_fin_leaves_the_long_timer(void **state)
{
	struct box *b = start_plain(1);
	struct flow f = flow_of(b, 5000);

	(void)state;
	connect_flow(&f);
	assert_true(segment(&f, IN, TCP_FIN | TCP_ACK, 0));
	box_pass(b, MINUTES(120));
	assert_true(segment(&f, OUT, TCP_ACK | TCP_PSH, 100));
	assert_true(segment(&f, OUT, TCP_FIN | TCP_ACK, 0));
	assert_true(segment(&f, IN, TCP_ACK, 0));
	box_pass(b, MINUTES(4) + SECONDS(2));
	assert_int_equal(box_connections(b), 0);
	box_fini(b);
}

static void
rfc7857_s2_1_opening_and_closing_have_their_own_timers(void **state)
{
	struct pst_config c;
	struct flow opening, closing;
	struct box *b;

	(void)state;
	box_config(&c, 1, 1);
	c.nat.timeouts.tcp_opening = 30;
	c.nat.timeouts.tcp_closing = 60;
	b = start(&c);
	opening = flow_of(b, 5000);
	closing = flow_of(b, 5001);
	assert_true(segment(&opening, OUT, TCP_SYN, 0));
	connect_flow(&closing);
	close_flow(&closing, OUT);
	box_pass(b, SECONDS(29));
	assert_int_equal(box_connections(b), 2);
	box_pass(b, SECONDS(3));
	assert_int_equal(box_connections(b), 1);
	box_pass(b, SECONDS(27));
	assert_int_equal(box_connections(b), 1);
	box_pass(b, SECONDS(3));
	assert_int_equal(box_connections(b), 0);
	box_fini(b);
}

static void
rfc7857_s2_2_a_reset_is_translated(void **state)
{
	struct box *b = start_plain(2);

	(void)state;
	for (int way = 0; way < PST_WAYS; way++) {
		struct flow f = flow_of(b, 5000 + way);

		connect_flow(&f);
		is_alive(&f);
		assert_true(segment(&f, way, TCP_RST | TCP_ACK, 0));
	}
	box_fini(b);
}

static void
rfc7857_s2_2_wait_four_minutes_after_a_reset(void **state)
{
	struct box *b = start_plain(1);

	(void)state;
	for (int way = 0; way < PST_WAYS; way++) {
		struct flow f = flow_of(b, 5000 + way);

		connect_flow(&f);
		assert_true(segment(&f, way, TCP_RST, 0));
		box_pass(b, MINUTES(4) - SECONDS(1));
		assert_int_equal(box_connections(b), 1);
		box_pass(b, SECONDS(3));
		assert_int_equal(box_connections(b), 0);
	}
	box_fini(b);
}

static void
rfc7857_s2_2_wait_and_who_goes_on_sent_none(void **state)
{
	struct box *b = start_plain(1);

	(void)state;
	for (int way = 0; way < PST_WAYS; way++) {
		struct flow f = flow_of(b, 5000 + way);

		connect_flow(&f);
		assert_true(segment(&f, way, TCP_RST, 0)); /* forged */
		box_pass(b, MINUTES(3));
		assert_true(segment(&f, way, TCP_ACK | TCP_PSH, 100));
		box_pass(b, MINUTES(60));
		is_alive(&f);
	}
	box_fini(b);
}

static void
rfc7857_s7_1_resets_keep_nothing_alive(void **state)
{
	struct box *b = start_plain(1);

	(void)state;
	for (int way = 0; way < PST_WAYS; way++) {
		struct flow f = flow_of(b, 5000 + way);
		uint64_t end;

		connect_flow(&f);
		for (end = b->now_ms + MINUTES(4) - SECONDS(2); b->now_ms < end;) {
			assert_true(segment(&f, way, TCP_RST, 0));
			box_pass(b, SECONDS(14));
		}
		box_pass(b, SECONDS(16));
		assert_int_equal(box_connections(b), 0);
		assert_false(segment(&f, way, TCP_RST, 0));
	}
	box_fini(b);
}

RULE_TESTS(cmocka_unit_test(rfc5382_req1_all_destinations_see_one_endpoint),
	cmocka_unit_test(rfc5382_req2_connections_begin_and_end_as_they_may),
	cmocka_unit_test(rfc5382_req2_the_same_ends_may_begin_anew),
	cmocka_unit_test(rfc5382_req2a_both_ends_may_open_at_once),
	cmocka_unit_test(rfc5382_req3_filtering_is_as_it_is_set),
	cmocka_unit_test(rfc5382_req5_established_ones_may_be_silent_for_two_hours),
	cmocka_unit_test(rfc5382_req5_half_closed_ones_too),
	cmocka_unit_test(rfc5382_req5_transitory_ones_live_for_four_minutes),
	cmocka_unit_test(rfc5382_req6_of_tcps_editors_ftps_is_on),
	cmocka_unit_test(rfc5382_req7_no_port_is_shared),
	cmocka_unit_test(rfc7857_s2_only_a_syn_opens),
	cmocka_unit_test(rfc7857_s2_one_fin_leaves_the_long_timer),
	cmocka_unit_test(rfc7857_s2_1_opening_and_closing_have_their_own_timers),
	cmocka_unit_test(rfc7857_s2_2_a_reset_is_translated),
	cmocka_unit_test(rfc7857_s2_2_wait_four_minutes_after_a_reset),
	cmocka_unit_test(rfc7857_s2_2_wait_and_who_goes_on_sent_none),
	cmocka_unit_test(rfc7857_s7_1_resets_keep_nothing_alive))
