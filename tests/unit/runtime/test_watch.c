/* SPDX-License-Identifier: BSD-3-Clause */
/* Watched connections: through the real stream engine and back, whole, edited or refused. */
#include "rig.h"

#include <rte_common.h>

#define CLIENT IP(10, 1, 1, 6) /* of worker 0 */

static const struct rig_end *
server_of(const struct rig_conn *c)
{
	return &c->ends[PST_DIR_REPLY];
}

static void
assert_got(const struct rig_end *e, const char *text)
{
	assert_int_equal(e->n_got, strlen(text));
	assert_memory_equal(e->got, text, strlen(text));
}

/* Toy editing: lines; every "ab" line becomes "edited", "bye" ends the watching. */
static void
by_line(struct rig *rig, enum pst_dir dir, const uint8_t *bytes, uint32_t len, bool end,
	struct pst_edit *edit)
{
	const uint8_t *newline = len > 0 ? memchr(bytes, '\n', len) : NULL;

	(void)rig;
	if (dir == PST_DIR_REPLY || end)
		return;
	if (newline == NULL) {
		edit->op = PST_EDIT_MORE;
		return;
	}
	edit->take = newline - bytes + 1;
	if (edit->take == 3 && memcmp(bytes, "ab\n", 3) == 0) {
		edit->op = PST_EDIT_REPLACE;
		edit->data = (const uint8_t *)"edited\n";
		edit->data_len = 7;
	} else if (edit->take == 4 && memcmp(bytes, "bye\n", 4) == 0) {
		edit->op = PST_EDIT_UNWATCH;
	} else if (edit->take == 4 && memcmp(bytes, "rst\n", 4) == 0) {
		edit->op = PST_EDIT_RESET;
	}
}

static void
close_both(struct rig *rig, struct rig_conn *c)
{
	for (int dir = 0; dir < PST_DIRS; dir++) {
		struct rig_end *e = &c->ends[dir], *other = &c->ends[!dir];

		rig_send(rig, c, dir, F | A, e->seq++, NULL, 0);
		rig_settle(rig);
		rig_send(rig, c, !dir, A, other->seq, NULL, 0);
		rig_settle(rig);
		assert_true(other->flags & F);
		assert_int_equal(e->acked, e->seq);
	}
}

static void
a_connection_from_syn_to_fin_passes_whole(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct pst_endpoint got;
	struct rig_conn c;

	(void)state;
	rig_connect(rig, &c, CLIENT, true);
	assert_int_equal(rig_events_of(rig, PST_EVENT_CONNECT_TCP), 1);
	assert_int_equal(rig->events[0].remote.ip, RIG_SERVER);
	assert_int_equal(rig->events[0].remote.port, 21);
	pst_connection_client_name(rig->control, &got);
	assert_true(pst_endpoint_is_equal(&got, &c.inside));
	pst_connection_external_name(rig->control, &got);
	assert_true(pst_endpoint_is_equal(&got, &c.ends[PST_DIR_REPLY].peer));
	assert_int_equal(pst_runtime_stats(rig->rt)->connections, 1);
	rig_say(rig, &c, PST_DIR_REPLY, "220 hello\r\n");
	rig_say(rig, &c, PST_DIR_ORIG, "USER x\r\n");
	assert_got(server_of(&c), "USER x\r\n");
	assert_got(&c.ends[PST_DIR_ORIG], "220 hello\r\n");
	close_both(rig, &c);
	rig_end_conn(rig, &c);
	assert_int_equal(rig_events_of(rig, PST_EVENT_TERMINATING), 1);
	assert_int_equal(rig->filters_detached, 1);
	assert_int_equal(rig->detached[0], 1);
	assert_int_equal(rig->workers[0].served[PST_REQ_UNWATCH], 0);
	rig_destroy(rig);
}

static void
held_and_replaced_bytes_keep_both_ends_in_step(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct pst_account a;
	struct rig_conn c;

	(void)state;
	rig->edit = by_line;
	rig_connect(rig, &c, CLIENT, true);
	rig_say(rig, &c, PST_DIR_ORIG, "a");
	assert_int_equal(server_of(&c)->n_got, 0);
	assert_int_equal(c.ends[PST_DIR_ORIG].ack, c.ends[PST_DIR_REPLY].seq);
	rig_say(rig, &c, PST_DIR_ORIG, "b\nnext\n");
	assert_got(server_of(&c), "edited\nnext\n");
	assert_int_equal(pst_runtime_stats(rig->rt)->edits, 1);
	a = pst_runtime_stats(rig->rt)->account;
	assert_true(a.consumed[PST_CONSUMED_EDITOR] > 0);
	assert_true(a.originated[PST_ORIGINATED_EDITOR] > 0);
	close_both(rig, &c);
	rig_destroy(rig);
}

static void
what_is_owned_is_resent_by_the_clock(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct rig_conn c;
	uint32_t packets;

	(void)state;
	rig->edit = by_line;
	rig_connect(rig, &c, CLIENT, true);
	rig_say(rig, &c, PST_DIR_ORIG, "a"); /* held, so acknowledged here */
	assert_true(rig_send(rig, &c, PST_DIR_ORIG, A | P, c.ends[0].seq, "b\n", 2));
	c.ends[0].seq += 2;
	rig_settle(rig);
	assert_got(server_of(&c), "edited\n");
	packets = server_of(&c)->n_packets; /* and the server does not acknowledge it */
	rig_pass(rig, 299);
	assert_int_equal(server_of(&c)->n_packets, packets);
	rig_pass(rig, 20);
	assert_int_equal(server_of(&c)->n_packets, packets + 1);
	assert_int_equal(pst_runtime_stats(rig->rt)->retransmits, 1);
	rig_send(rig, &c, PST_DIR_REPLY, A, c.ends[1].seq, NULL, 0);
	rig_pass(rig, 5000);
	assert_int_equal(server_of(&c)->n_packets, packets + 1);
	rig_destroy(rig);
}

static void
a_timer_does_not_outlive_its_connection(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct rig_conn c;
	uint32_t packets;

	(void)state;
	rig->edit = by_line;
	rig_connect(rig, &c, CLIENT, true);
	rig_say(rig, &c, PST_DIR_ORIG, "a");
	assert_true(rig_send(rig, &c, PST_DIR_ORIG, A | P, c.ends[0].seq, "b\n", 2));
	rig_settle(rig);
	packets = server_of(&c)->n_packets;
	rig_end_conn(rig, &c);
	rig_pass(rig, 1000);
	assert_int_equal(server_of(&c)->n_packets, packets);
	rig_destroy(rig);
}

static void
an_editor_that_is_done_gives_the_connection_back(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	const struct pst_req *req = &rig->workers[0].last[PST_REQ_UNWATCH];
	struct rig_conn c;

	(void)state;
	rig->edit = by_line;
	rig_connect(rig, &c, CLIENT, true);
	rig_say(rig, &c, PST_DIR_ORIG, "ab\n");
	assert_int_equal(rig->workers[0].served[PST_REQ_UNWATCH], 0);
	rig_say(rig, &c, PST_DIR_ORIG, "bye\n");
	assert_got(server_of(&c), "edited\nbye\n");
	assert_int_equal(rig->workers[0].served[PST_REQ_UNWATCH], 1);
	assert_int_equal(req->conn.ref.index, c.ref.index);
	assert_int_equal(req->conn.offset[PST_DIR_ORIG], 4);
	assert_int_equal(req->conn.offset[PST_DIR_REPLY], 0);
	/* the handle lives on until the connection ends */
	assert_int_equal(rig->filters_detached, 0);
	rig_end_conn(rig, &c);
	assert_int_equal(rig_events_of(rig, PST_EVENT_TERMINATING), 1);
	assert_int_equal(rig->filters_detached, 1);
	rig_destroy(rig);
}

/* What was lent before the worker heard of it is still edited, then nothing comes. */
static void
what_was_lent_before_an_unwatch_is_not_lost(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct rig_conn c;

	(void)state;
	rig->edit = by_line;
	rig_connect(rig, &c, CLIENT, true);
	rig->workers[0].stalled = true;
	rig_say(rig, &c, PST_DIR_ORIG, "ab\nbye\n");
	assert_int_equal(rig->workers[0].served[PST_REQ_UNWATCH], 0);
	for (int i = 0; i < 200; i++) { /* more than a round takes */
		assert_true(rig_send(rig, &c, PST_DIR_ORIG, A | P, c.ends[0].seq, "x", 1));
		c.ends[0].seq++;
	}
	rig->workers[0].stalled = false;
	rig_serve(rig, 0); /* the answer stands behind them */
	pst_runtime_poll(rig->rt, rig->now_ms);
	rig_take(rig, &c);
	assert_int_equal(server_of(&c)->n_got, 11 + 200);
	assert_int_equal(server_of(&c)->ack - c.ends[0].seq, 4);
	rig_destroy(rig);
}

static void
a_reset_ends_both_ends(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct rig_conn c;

	(void)state;
	rig->edit = by_line;
	rig_connect(rig, &c, CLIENT, true);
	rig_say(rig, &c, PST_DIR_ORIG, "rst\n");
	assert_true(server_of(&c)->flags & R);
	assert_true(c.ends[PST_DIR_ORIG].flags & R);
	rig_destroy(rig);
}

static void
a_connection_that_nobody_reads_goes_to_the_fast_path(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	const struct pst_req *req = &rig->workers[0].last[PST_REQ_UNWATCH];
	struct rig_conn c;

	(void)state;
	rig->no_filter = true;
	rig_connect(rig, &c, CLIENT, true);
	assert_int_equal(rig->workers[0].served[PST_REQ_UNWATCH], 1);
	assert_int_equal(req->conn.offset[PST_DIR_ORIG], 0);
	rig_say(rig, &c, PST_DIR_ORIG, "ab\n"); /* what was lent meanwhile */
	assert_got(server_of(&c), "ab\n");
	rig_destroy(rig);
}

static void
not_read(void *context, enum pst_dir dir, const uint8_t *bytes, uint32_t len, bool end,
	struct pst_edit *edit)
{
	(void)context;
	(void)dir;
	(void)bytes;
	(void)len;
	(void)end;
	(void)edit;
	fail();
}

static int
attach(struct pst_connection *conn, const struct pst_data_filter *filter, void *context)
{
	return pst_connection_attach_data_filter(conn, filter, PST_PRIORITY_NAT, context);
}

static void
a_filter_is_attached_in_its_connect_event_only(void **state)
{
	static const struct pst_data_filter nothing, some = { .data = not_read };
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct rig_conn c;

	(void)state;
	rig_connect(rig, &c, CLIENT, true);
	assert_int_equal(attach(rig->control, &some, rig), -EPERM);
	assert_int_equal(attach(NULL, &some, rig), -EINVAL);
	assert_int_equal(attach(rig->control, &nothing, rig), -EINVAL);
	assert_int_equal(attach(rig->control, NULL, rig), -EINVAL);
	rig_destroy(rig);
}

static void
no_memory_in_an_editor_refuses_the_connection(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct rig_conn c[2];

	(void)state;
	rig->attach_fails = true; /* R74 */
	rig_connect(rig, &c[0], CLIENT, false);
	assert_int_equal(rig->workers[0].served[PST_REQ_KILL_CONN], 1);
	assert_int_equal(rig_drops(rig, PST_DROP_EDITOR_DENIED), 1);
	rig->attach_fails = false;
	rig->event_result = -ENOMEM;
	rig_connect(rig, &c[1], CLIENT, false);
	assert_int_equal(rig->workers[0].served[PST_REQ_KILL_CONN], 2);
	assert_int_equal(rig_drops(rig, PST_DROP_EDITOR_DENIED), 2);
	assert_int_equal(server_of(&c[0])->n_packets + server_of(&c[1])->n_packets, 0);
	assert_int_equal(rig->filters_detached, 1);
	assert_int_equal(rig_events_of(rig, PST_EVENT_TERMINATING), 1); /* it had the handle */
	rig_destroy(rig);
}

static void
no_handle_refuses_the_connection(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ .handles = 1 });
	struct rig_conn c[2];

	(void)state;
	rig_connect(rig, &c[0], CLIENT, true);
	rig_connect(rig, &c[1], CLIENT, false);
	assert_int_equal(rig_drops(rig, PST_DROP_EDITOR_DENIED), 1);
	assert_int_equal(server_of(&c[1])->n_packets, 0);
	rig_end_conn(rig, &c[0]);
	/* its SYN again: there is a handle now */
	rig_send(rig, &c[1], PST_DIR_ORIG, S, c[1].ends[0].seq - 1, NULL, 0);
	rig_settle(rig);
	assert_int_equal(server_of(&c[1])->n_packets, 1);
	rig_destroy(rig);
}

static void
packets_of_no_handle_pass_as_they_are(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ .records = 8 });
	struct rig_conn c;

	(void)state;
	rig_connect(rig, &c, CLIENT, true);
	rig_end_conn(rig, &c);
	rig->workers[0].stalled = true;
	for (int i = 0; i < 20; i++)
		rig_say(rig, &c, PST_DIR_ORIG, "x");
	assert_int_equal(server_of(&c)->n_got, 20);
	assert_int_equal(pst_runtime_figures(rig->rt)->unknown, 40);
	assert_int_equal(rig->workers[0].chan->n_free, 4); /* half are for calls */
	rig->workers[0].stalled = false;
	rig_settle(rig);
	assert_int_equal(rig->workers[0].served[PST_REQ_UNWATCH], 4);
	assert_int_equal(rig->workers[0].last[PST_REQ_UNWATCH].conn.offset[PST_DIR_ORIG], 0);
	rig_destroy(rig);
}

static void
what_is_sent_after_a_kill_is_denied(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct rig_conn c;

	(void)state;
	rig_connect(rig, &c, CLIENT, true);
	rig->workers[0].stalled = true;
	pst_connection_kill(rig->control);
	rig_say(rig, &c, PST_DIR_ORIG, "more");
	assert_int_equal(server_of(&c)->n_got, 0);
	assert_int_equal(rig_drops(rig, PST_DROP_EDITOR_DENIED), 2);
	rig_destroy(rig);
}

/* Sent, but with a bit turned over on its way. */
static void
send_spoilt(struct rig *rig, struct rig_conn *c, uint64_t ol_flags)
{
	struct rte_ring *ring = rig->workers[c->worker].chan->to_asker;
	struct rte_mbuf *m = NULL;

	assert_true(rig_send(rig, c, PST_DIR_ORIG, A | P, c->ends[0].seq, "spoilt", 6));
	rte_ring_dequeue(ring, (void **)&m);
	assert_non_null(m);
	*rte_pktmbuf_mtod_offset(m, uint8_t *, rte_pktmbuf_data_len(m) - 1) ^= 1;
	m->ol_flags |= ol_flags;
	assert_int_equal(rte_ring_enqueue(ring, m), 0);
	rig_settle(rig);
}

static void
a_wrong_checksum_gets_no_right_one(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct rig_conn c;

	(void)state;
	rig_connect(rig, &c, CLIENT, true);
	send_spoilt(rig, &c, 0);
	assert_int_equal(rig_drops(rig, PST_DROP_L4_CHECKSUM), 1);
	assert_int_equal(server_of(&c)->n_got, 0);
	/* where the device has looked, nobody looks again */
	send_spoilt(rig, &c, RTE_MBUF_F_RX_L4_CKSUM_GOOD);
	assert_int_equal(rig_drops(rig, PST_DROP_L4_CHECKSUM), 1);
	assert_int_equal(server_of(&c)->n_got, 6);
	rig_destroy(rig);
}

static void
a_full_ring_drops_packets_and_counts_them(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ .packets = 4 });
	struct rig_conn c;

	(void)state;
	rig_connect(rig, &c, CLIENT, true);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 4; i++) {
			assert_true(
				rig_send(rig, &c, PST_DIR_ORIG, A | P, c.ends[0].seq + i, "x", 1));
		}
		pst_runtime_poll(rig->rt, rig->now_ms); /* the worker takes nothing back */
	}
	assert_int_equal(rig_drops(rig, PST_DROP_EDITOR_RING), 4);
	rig_take(rig, &c);
	assert_int_equal(server_of(&c)->n_got, 4);
	rig_destroy(rig);
}

static void
no_mbuf_drops_the_packet_and_counts_it(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct rte_mbuf *hoard[4096];
	uint32_t n = 0;
	struct rig_conn c;

	(void)state;
	rig_connect(rig, &c, CLIENT, true);
	assert_true(rig_send(rig, &c, PST_DIR_ORIG, A | P, c.ends[0].seq, "lost", 4));
	while ((hoard[n] = rte_pktmbuf_alloc(rig->mbufs)) != NULL)
		n++;
	rig_settle(rig);
	while (n > 0)
		rte_pktmbuf_free(hoard[--n]);
	assert_int_equal(rig_drops(rig, PST_DROP_NO_MBUF), 1);
	assert_int_equal(server_of(&c)->n_got, 0);
	rig_say(rig, &c, PST_DIR_ORIG, "lost"); /* TCP sends it again */
	assert_got(server_of(&c), "lost");
	rig_destroy(rig);
}

static uint8_t big[5000];

static void
grow(struct rig *rig, enum pst_dir dir, const uint8_t *bytes, uint32_t len, bool end,
	struct pst_edit *edit)
{
	(void)rig;
	(void)bytes;
	(void)end;
	if (dir == PST_DIR_REPLY || len == 0)
		return;
	*edit = (struct pst_edit){
		.op = PST_EDIT_REPLACE, .take = len, .data = big, .data_len = sizeof(big)
	};
}

/* A receiver may take jumbo frames; the way to it, and an mbuf, need not. */
static void
a_grown_segment_is_cut_to_what_a_packet_takes(void **state)
{
	static const uint8_t mss[] = { 2, 4, 9000 >> 8, 9000 & 0xff };
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct rig_conn c;

	(void)state;
	for (uint32_t i = 0; i < sizeof(big); i++)
		big[i] = i * 7;
	rig->edit = grow;
	rig->options = mss;
	rig->options_len = sizeof(mss);
	rig_connect(rig, &c, CLIENT, true);
	rig->options_len = 0;
	rig_say(rig, &c, PST_DIR_ORIG, "x");
	assert_int_equal(server_of(&c)->n_got, sizeof(big));
	assert_memory_equal(server_of(&c)->got, big, sizeof(big));
	assert_int_equal(server_of(&c)->largest, 1460);
	assert_int_equal(rig_drops(rig, PST_DROP_NO_MBUF), 0);
	rig_destroy(rig);
}

/* An end behind packets is heard behind them, and packets without end do not hide it. */
static void
events_are_heard_in_their_place(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct pst_evt end = { .type = PST_EVT_CONN_END };
	struct rig_conn c, busy;

	(void)state;
	rig_connect(rig, &c, CLIENT, true);
	rig_connect(rig, &busy, CLIENT, true);
	for (int i = 0; i < 300; i++)
		assert_true(
			rig_send(rig, &busy, PST_DIR_ORIG, A | P, busy.ends[0].seq + i, "x", 1));
	assert_true(rig_send(rig, &c, PST_DIR_ORIG, A | P, c.ends[0].seq, "last", 4));
	end.ref = c.ref;
	c.ended = true;
	rig_tell(rig, 0, &end);
	pst_runtime_poll(rig->rt, rig->now_ms);
	assert_int_equal(rig_events_of(rig, PST_EVENT_TERMINATING), 1);
	assert_int_equal(pst_runtime_figures(rig->rt)->unknown, 0);
	rig_take(rig, &c);
	assert_got(server_of(&c), "last");
	rig_destroy(rig);
}

static void
an_editor_that_leaves_leaves_no_half_edit(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	const struct pst_req *req = &rig->workers[0].last[PST_REQ_UNWATCH];
	struct rig_conn c;

	(void)state;
	rig->edit = by_line;
	rig_connect(rig, &c, CLIENT, true);
	/* edited, and not acknowledged by the server yet */
	assert_true(rig_send(rig, &c, PST_DIR_ORIG, A | P, c.ends[0].seq, "ab\n", 3));
	c.ends[0].seq += 3;
	rig_settle(rig);
	pst_runtime_detach_editor(rig->rt, 0);
	rig_settle(rig);
	assert_int_equal(rig->filters_detached, 1);
	assert_int_equal(rig->workers[0].served[PST_REQ_UNWATCH], 0);
	rig_say(rig, &c, PST_DIR_ORIG, "ab\n"); /* nobody's any more */
	rig_say(rig, &c, PST_DIR_REPLY, "ok\n");
	assert_got(server_of(&c), "edited\nab\n");
	assert_got(&c.ends[PST_DIR_ORIG], "ok\n");
	assert_int_equal(rig->workers[0].served[PST_REQ_UNWATCH], 1);
	assert_int_equal(req->conn.offset[PST_DIR_ORIG], 4);
	rig_end_conn(rig, &c);
	assert_int_equal(rig->filters_detached, 1);
	rig_destroy(rig);
}

static void
count_something(struct rig *rig)
{
	pst_session_count(rig->session, 5);
	pst_session_count(rig->session, PST_EDITOR_COUNTERS); /* none of them */
}

static void
an_editors_counters_are_its_own(void **state)
{
	struct rig *rig = rig_create(&(struct rig_params){ 0 });
	struct rig_conn toys, others;

	(void)state;
	rig_connect(rig, &toys, CLIENT, true);
	rig->protocol = 1;
	rig_connect(rig, &others, CLIENT, true);
	rig_inside(rig, &toys, count_something);
	rig_inside(rig, &toys, count_something);
	rig_inside(rig, &others, count_something);
	assert_int_equal(pst_runtime_counters(rig->rt, 0)[5], 2);
	assert_int_equal(pst_runtime_counters(rig->rt, 1)[5], 1);
	rig_destroy(rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_from_syn_to_fin_passes_whole),
		cmocka_unit_test(held_and_replaced_bytes_keep_both_ends_in_step),
		cmocka_unit_test(what_is_owned_is_resent_by_the_clock),
		cmocka_unit_test(a_timer_does_not_outlive_its_connection),
		cmocka_unit_test(an_editor_that_is_done_gives_the_connection_back),
		cmocka_unit_test(what_was_lent_before_an_unwatch_is_not_lost),
		cmocka_unit_test(a_reset_ends_both_ends),
		cmocka_unit_test(a_connection_that_nobody_reads_goes_to_the_fast_path),
		cmocka_unit_test(a_filter_is_attached_in_its_connect_event_only),
		cmocka_unit_test(no_memory_in_an_editor_refuses_the_connection),
		cmocka_unit_test(no_handle_refuses_the_connection),
		cmocka_unit_test(packets_of_no_handle_pass_as_they_are),
		cmocka_unit_test(what_is_sent_after_a_kill_is_denied),
		cmocka_unit_test(a_wrong_checksum_gets_no_right_one),
		cmocka_unit_test(a_full_ring_drops_packets_and_counts_them),
		cmocka_unit_test(no_mbuf_drops_the_packet_and_counts_it),
		cmocka_unit_test(a_grown_segment_is_cut_to_what_a_packet_takes),
		cmocka_unit_test(events_are_heard_in_their_place),
		cmocka_unit_test(an_editor_that_leaves_leaves_no_half_edit),
		cmocka_unit_test(an_editors_counters_are_its_own),
	};

	return cmocka_run_group_tests(tests, rig_group_setup, rig_group_teardown);
}
