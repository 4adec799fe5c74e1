/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Walk: what is open is held against a config, a bounded piece between two bursts.
 *
 * A connection is asked what its first packet would be asked now: by the packet filters, with its
 * addresses as they were on the wire, then by the rules, with the protocol of its port. What an
 * editor or a published server let in is allowed as long as the endpoint that it came to is. What
 * began with quotas, modes and mappings of another config goes on with them.
 *
 * What has an outside address that is retired is not allowed either; while there is any of it, the
 * address is still ours.
 *
 * An endpoint that is not allowed takes no more, at once; what becomes of connections is the
 * asker's word. Only those to a published endpoint that now is another server's can't stay.
 */
#include "nat/nat_priv.h"
#include "packet/view.h"

#define LOOK_MOST 1024 /* entries looked at for one answer, used or not */
#define HOLD_MOST 32   /* of these in use: as much work as a burst of packets at most */

struct walk {
	struct pst_nat *nat;
	const struct pst_nat_params *by;
	struct pst_req *req;
	uint64_t now_ms;
};

static uint32_t
host_of(uint64_t end)
{
	return rte_be_to_cpu_32(pst_key_ip(end));
}

/* Its server is there still; or another one is. */
static bool
is_published(const struct walk *w, const struct pst_listener *l, bool *is_anothers)
{
	const struct pst_nat_published *p = pst_nat_published_find(w->by, l->outside);

	*is_anothers = p != NULL &&
		       pst_key_of_endpoint(&p->internal, pst_key_low(l->outside)) != l->inside;
	return p != NULL && !*is_anothers;
}

static uint16_t
known_protocol(const struct pst_nat_params *by, uint16_t protocol)
{
	return protocol < by->n_protocols && !by->protocols[protocol].is_empty
		       ? protocol
		       : PST_NAT_NO_PROTOCOL;
}

static bool
rules_allow(const struct pst_nat_params *by, uint16_t protocol, uint32_t client, uint32_t remote,
	bool unset)
{
	const struct pst_rule *rule = NULL;

	if (by->rules == NULL)
		return true;
	if (pst_ruleset_check(by->rules,
		    protocol == PST_NAT_NO_PROTOCOL ? PST_RULE_PROTOCOL_NONE : (int)protocol,
		    client, remote, &rule))
		return true;
	return rule == NULL && unset; /* the rules say neither, and an editor has said yes */
}

/* By its address, not by its number: the config may have it under another one. */
static bool
is_retired(const struct walk *w, rte_be32_t outside)
{
	uint32_t a = 0;

	if (likely(w->by->n_retired == 0))
		return false;
	while (a < w->by->n_addresses && w->by->addresses[a] != outside)
		a++;
	return a < w->by->n_addresses && w->by->retired[a];
}

static bool
is_endpoint_allowed(const struct walk *w, const struct pst_listener *l, bool *is_anothers)
{
	*is_anothers = false;
	if (l->kind != PST_LISTENER_ENDPOINT)
		return true;
	if (is_retired(w, pst_key_ip(l->outside)))
		return false;
	if (l->published)
		return is_published(w, l, is_anothers);
	if (l->unapproved) /* the rules are asked when its protocol is known */
		return true;
	return rules_allow(w->by, known_protocol(w->by, l->protocol_index),
		rte_be_to_cpu_32(w->nat->clients.entries[l->client].ip),
		pst_nat_only_host(l->filter), false);
}

/* As pst_nat_ask_filters(), which counts. A client that came by hairpin was not asked. */
static bool
filters_allow(const struct walk *w, const struct pst_conn *c)
{
	bool inbound = (c->flags & PST_CONN_INBOUND) != 0;
	uint64_t ours = c->local[inbound ? PST_WAY_IN : PST_WAY_OUT];
	struct pst_packet p = { .direction = inbound ? PST_PACKET_IN : PST_PACKET_OUT,
		.protocol = pst_key_low(c->remote),
		.source = host_of(inbound ? c->remote : ours),
		.destination = host_of(inbound ? ours : c->remote) };
	uint16_t port = rte_be_to_cpu_16(pst_key_port(ours));
	uint16_t remote = rte_be_to_cpu_16(pst_key_port(c->remote));
	int which;

	if (w->by->filters == NULL ||
		(inbound && pst_nat_find_address(w->nat, host_of(c->remote)) >= 0))
		return true;
	if (p.protocol == PST_TCP || p.protocol == PST_UDP) {
		p.source_port = inbound ? remote : port;
		p.destination_port = inbound ? port : remote;
	}
	return pst_packet_filters_pass(w->by->filters, &p, &which);
}

/* Of what a client began: as its port says, but where an editor's call said another. */
static uint16_t
protocol_of(const struct walk *w, const struct pst_conn *c)
{
	uint16_t port = rte_be_to_cpu_16(pst_key_port(c->remote));
	const uint8_t *table = pst_key_low(c->remote) == PST_TCP   ? w->by->tcp_protocols
			       : pst_key_low(c->remote) == PST_UDP ? w->by->udp_protocols
								   : NULL;

	if ((c->flags & PST_CONN_INBOUND) ||
		pst_conn_permission(&w->nat->conns, c) != PST_SLOT_NONE)
		return known_protocol(w->by, c->protocol_index);
	return table != NULL && table[port] != 0 ? table[port] - 1 : PST_NAT_NO_PROTOCOL;
}

static bool
is_allowed(const struct walk *w, const struct pst_conn *c, bool *is_anothers)
{
	*is_anothers = false;
	if ((c->flags & PST_CONN_LISTENER) &&
		w->nat->listeners.entries[c->owner].kind == PST_LISTENER_EMULATED)
		return true;
	if (is_retired(w, pst_key_ip(c->local[PST_WAY_IN])) || !filters_allow(w, c))
		return false;
	if (c->flags & PST_CONN_LISTENER)
		return is_endpoint_allowed(w, &w->nat->listeners.entries[c->owner], is_anothers);
	if (c->flags & PST_CONN_INBOUND)
		return true; /* the mapping's filtering let it in */
	return rules_allow(w->by, protocol_of(w, c), host_of(c->local[PST_WAY_OUT]),
		host_of(c->remote), c->unset);
}

/* Returns how much there was to do. */
static uint32_t
hold_conn(const struct walk *w, uint32_t i)
{
	struct pst_conn *c = &w->nat->conns.hot[i];
	bool is_anothers, cut;

	if (!c->live || c->pending_end)
		return 0;
	w->req->walk.retired += is_retired(w, pst_key_ip(c->local[PST_WAY_IN]));
	if (is_allowed(w, c, &is_anothers)) {
		w->req->walk.kept++;
		cut = false;
	} else {
		cut = is_anothers || w->req->walk.cuts;
		w->req->walk.forbidden++;
		w->req->walk.cut += cut;
	}
	if (!w->req->walk.applies)
		return 1;
	if (cut) {
		pst_nat_close(w->nat, i, w->now_ms);
		return 1;
	}
	c->protocol_index = protocol_of(w, c);
	if (w->req->walk.routes)
		c->hop[PST_WAY_OUT].tag = c->hop[PST_WAY_IN].tag = 0;
	if (w->req->walk.arms)
		pst_nat_arm(w->nat, i, w->now_ms);
	return 1;
}

/* Its connections stay, whatever their transport. */
static void
stop_listening(const struct walk *w, uint32_t i)
{
	struct pst_listener *l = &w->nat->listeners.entries[i];

	if (l->connections > 0)
		l->state = PST_LISTENER_CLOSING;
	else if (l->state != PST_LISTENER_CLOSING)
		pst_nat_listener_close(w->nat, i, true, w->now_ms);
}

static void
update_published(const struct walk *w, struct pst_listener *l)
{
	const struct pst_nat_published *p = pst_nat_published_find(w->by, l->outside);

	l->state = PST_LISTENER_OPEN; /* a config before this one may have ended it */
	pst_nat_set_published(w->nat, l, p);
}

static uint32_t
hold_listener(const struct walk *w, uint32_t i)
{
	struct pst_listener *l = &w->nat->listeners.entries[i];
	bool is_anothers;

	if (!l->live || l->gone)
		return 0;
	w->req->walk.retired += is_retired(w, pst_key_ip(l->outside));
	if (!w->req->walk.applies)
		return 1;
	if (!is_endpoint_allowed(w, l, &is_anothers)) {
		stop_listening(w, i);
		return 1;
	}
	if (l->published)
		update_published(w, l);
	else
		l->protocol_index = known_protocol(w->by, l->protocol_index);
	if (w->req->walk.arms)
		pst_expiry_arm(w->nat->listeners.expiry, i, pst_nat_listener_due(w->nat, l));
	return 1;
}

/* Listeners first: nothing new comes to one that is to have no connections. */
void
pst_nat_walk(struct pst_nat *nat, struct pst_req *req, uint64_t now_ms)
{
	const struct walk w = { nat, req->walk.nat, req, now_ms };
	uint32_t at = req->walk.cursor, listeners = nat->listeners.slots.capacity, held = 0;

	pst_assert_owner(&nat->owner);
	req->result = 0;
	for (uint32_t looked = 0; looked < LOOK_MOST && held < HOLD_MOST; looked++) {
		if (at < listeners && at >= nat->listeners.slots.fresh) {
			at = listeners;
		} else if (at < listeners) {
			held += hold_listener(&w, at++);
		} else if (at - listeners < nat->conns.slots.fresh) {
			held += hold_conn(&w, at++ - listeners);
		} else {
			at = 0;
			break;
		}
	}
	req->walk.cursor = at;
}
