/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A TCP connection through a box, with a test at both its ends: what one end says, the other
 * has got, in order. Nothing is lost and nobody is slow.
 */
#pragma once

#include "box.h"

#define TALK_MAX 4096

struct talk_end {
	int port; /* the box's */
	uint32_t ip, peer;
	uint16_t sport, dport;
	uint32_t seq, ack;
	char got[TALK_MAX]; /* of the last thing that was said to it; ends in a zero */
	uint32_t n_got;
};

/* The client's whole address, and the server's place: a handshake. */
void talk_connect(struct box *b, struct talk_end *client, struct talk_end *server);

/* One end says it, the other one reads and acknowledges. */
void talk_say(struct box *b, struct talk_end *from, struct talk_end *to, const char *text);

/* An end resets the connection. */
void talk_reset(struct box *b, struct talk_end *from, struct talk_end *to);

/*
 * The answer to a first packet that a test put in at a port, as it was seen at the other: it goes
 * the way back, and for TCP the handshake is completed. Asserts that it arrives.
 */
void talk_answer(struct box *b, int port, const struct pkt *first, const struct pkt *seen);
