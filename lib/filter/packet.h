/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet filters: what may begin at all, by what is written in the packet.
 *
 * The list is ordered, and the first filter that matches decides; a packet that none matches may
 * pass, on to NAT and the rules, as may one that a filter allows. They are asked about the first
 * packet of a connection alone, with its addresses as they are on the wire: from inside the
 * client's own, from outside the one of ours that it was sent to. So they come before mappings,
 * published servers and what editors have opened, and win over all of these.
 *
 * A set is compiled (classify.h) and never changes: lcores share it, and whoever published it
 * destroys it once none of them reads it any more. Addresses and ports in host byte order.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "filter/classify.h"

#define PST_PACKET_FILTER_NAME_MAX 32
#define PST_PACKET_FILTER_NONE (-1)
#define PST_PACKET_ANY_PROTOCOL (-1)

/* Bits: where the first packet comes from. */
enum pst_packet_direction {
	PST_PACKET_IN = 1 << 0,  /* outside */
	PST_PACKET_OUT = 1 << 1, /* inside */
};

struct pst_packet_filter {
	const char *name;
	bool allow;
	uint8_t directions; /* enum pst_packet_direction, not 0 */
	int protocol;       /* its IP number, or PST_PACKET_ANY_PROTOCOL */
	/* ranges: none for any. Ports are those of TCP and UDP: of other packets both are 0 */
	struct pst_class_entry where; /* its kind is not looked at */
};

struct pst_packet {
	enum pst_packet_direction direction;
	uint8_t protocol;
	uint32_t source, destination;
	uint16_t source_port, destination_port;
};

struct pst_packet_filters;

/* Copy and compile n filters. NULL and rte_errno as pst_classifier_create(). */
struct pst_packet_filters *pst_packet_filters_create(
	const struct pst_packet_filter *filters, uint32_t n);
/* Safe on NULL. */
void pst_packet_filters_destroy(struct pst_packet_filters *set);

/* May it begin something? *which: the filter that decided, or PST_PACKET_FILTER_NONE. */
bool pst_packet_filters_pass(
	const struct pst_packet_filters *set, const struct pst_packet *p, int *which);

uint32_t pst_packet_filters_count(const struct pst_packet_filters *set);
const char *pst_packet_filters_name(const struct pst_packet_filters *set, uint32_t i);
