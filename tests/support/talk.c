/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "talk.h"

#define S RTE_TCP_SYN_FLAG
#define A RTE_TCP_ACK_FLAG
#define P RTE_TCP_PSH_FLAG
#define R RTE_TCP_RST_FLAG

static void
emit(struct box *b, struct talk_end *e, uint8_t flags, const char *data, uint32_t len)
{
	struct pkt p = { .proto = IPPROTO_TCP, .src = e->ip, .sport = e->sport, .dst = e->peer,
		.dport = e->dport, .seq = e->seq, .ack = e->ack, .tcp_flags = flags, .data = data,
		.len = len };

	box_put(b, e->port, &p);
	box_settle(b);
	e->seq += len + ((flags & S) != 0);
}

/* Take what came out for this end; in-order bytes are kept. */
static void
take_in(struct box *b, struct talk_end *e)
{
	struct rte_mbuf *m;
	struct pkt p;

	while ((m = box_get(b, e->port)) != NULL) {
		assert_true(pkt_read(m, &p));
		assert_int_equal(p.dst, e->ip);
		if (p.tcp_flags & S) {
			e->ack = p.seq + 1;
			e->peer = p.src;
			e->dport = p.sport;
		} else if (p.len > 0 && p.seq == e->ack) {
			assert_true(e->n_got + p.len < TALK_MAX);
			memcpy(e->got + e->n_got, p.data, p.len);
			e->n_got += p.len;
			e->ack += p.len;
		}
		rte_pktmbuf_free(m);
	}
}

void
talk_connect(struct box *b, struct talk_end *client, struct talk_end *server)
{
	emit(b, client, S, NULL, 0);
	take_in(b, server);
	emit(b, server, S | A, NULL, 0);
	take_in(b, client);
	emit(b, client, A, NULL, 0);
	take_in(b, server);
}

void
talk_say(struct box *b, struct talk_end *from, struct talk_end *to, const char *text)
{
	to->n_got = 0;
	emit(b, from, A | P, text, strlen(text));
	take_in(b, to);
	emit(b, to, A, NULL, 0);
	take_in(b, from);
	to->got[to->n_got] = 0;
}

void
talk_reset(struct box *b, struct talk_end *from, struct talk_end *to)
{
	emit(b, from, R | A, NULL, 0);
	take_in(b, to);
}

void
talk_answer(struct box *b, int port, const struct pkt *first, const struct pkt *seen)
{
	struct pkt back = { .proto = first->proto, .src = seen->dst, .sport = seen->dport,
		.dst = seen->src, .dport = seen->sport, .seq = 50, .ack = first->seq + 1,
		.tcp_flags = S | A }, out, ack = *first;

	assert_true(box_pass_through(b, 1 - port, &back, &out));
	assert_int_equal(out.src, first->dst);
	assert_int_equal(out.sport, first->dport);
	assert_int_equal(out.dst, first->src);
	if (first->proto != PST_TCP)
		return;
	ack.tcp_flags = A;
	ack.seq++;
	ack.ack = 51;
	assert_true(box_pass_through(b, port, &ack, &out));
}
