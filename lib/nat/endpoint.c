/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * BindForClient at the worker: the checks that an editor cannot be trusted
 * with, the block of ports, the listeners; their end; and what editor lcores
 * are to hear.
 */
#include <string.h>

#include "filter/ipfilter.h"
#include "nat/nat_priv.h"

#define AHEAD 16      /* listeners whose lines are asked for at a time */
#define ADMITS_MAX 64 /* ranges that one bind may admit: what a call may copy on a worker */

/* R36, R81: inbound traffic goes to the session's client or nowhere yet. */
static bool
is_own_client(uint32_t client_ip, const struct pst_endpoint *ep)
{
	if (pst_endpoint_is_unset(ep))
		return true;
	return ep->ip == client_ip && ep->port != 0;
}

uint32_t
pst_nat_only_host(const struct pst_ipset *filter)
{
	uint32_t first, last;

	if (filter == NULL || pst_ipset_count(filter) != 1)
		return 0;
	pst_ipset_range(filter, 0, &first, &last);
	return first == last ? first : 0;
}

/* R28: what rules say of the outside address is of whom the endpoint is for, if that is one. */
static int
check_rules(const struct pst_nat *nat, const struct pst_req *req)
{
	if (nat->params->rules == NULL)
		return 0;
	return pst_ruleset_check(nat->params->rules, req->bind.protocol_index,
		       req->bind.client_ip, pst_nat_only_host(req->bind.filter), NULL) ?
		0 :
		-EACCES;
}

static int
check_bind(const struct pst_nat *nat, const struct pst_req *req)
{
	if (req->bind.n == 0 || req->bind.n > PST_BIND_MAX)
		return -EINVAL;
	if (req->bind.proxy.port != PST_PORT_ANY && req->bind.n != 1)
		return -EINVAL;
	if (req->bind.protocol != PST_TCP && req->bind.protocol != PST_UDP)
		return -EINVAL;
	for (uint32_t i = 0; i < req->bind.n; i++) {
		if (!is_own_client(req->bind.client_ip, &req->bind.ends[i].client))
			return -EINVAL;
	}
	return req->bind.unapproved ? 0 : check_rules(nat, req);
}

/* A port that was asked for: in the operator's range, and of this worker's runs. */
static bool
is_allowed(const struct pst_nat *nat, uint16_t port)
{
	return port >= nat->params->port_first && port <= nat->params->port_last;
}

/* The lowest port, on the address that was asked for or fits the client; or -errno. */
static int
take_ports(struct pst_nat *nat, struct pst_req *req, uint32_t slot, uint32_t *address,
	bool reserved, uint64_t now_ms)
{
	const struct pst_client *client = &nat->clients.entries[slot];
	uint16_t port = req->bind.proxy.port;
	int a;

	if (req->bind.proxy.ip == 0) {
		*address = pst_nat_address_of(nat, client);
	} else {
		a = pst_nat_find_address_for(nat, req->bind.client_ip, req->bind.proxy.ip);
		if (a < 0)
			return a;
		*address = a;
	}
	if (client->ports + req->bind.n > nat->params->ports_per_client)
		return -ENOSPC;
	if (reserved)
		return port;
	if (port != PST_PORT_ANY && !is_allowed(nat, port))
		return -EACCES;
	if (port != PST_PORT_ANY)
		return pst_nat_port_take_fixed(nat, slot, req->bind.client_ip, *address,
			req->bind.protocol, port, now_ms);
	return pst_nat_port_take_run(
		nat, slot, *address, req->bind.protocol, req->bind.n, now_ms);
}

/* What all of a call's have in common. */
static struct pst_listener
common_of(
	const struct pst_req *req, uint32_t client, uint32_t address, bool foreign, uint64_t now_ms)
{
	return (struct pst_listener){ .outside = req->bind.protocol,
		.filter = req->bind.filter,
		.created_ms = now_ms,
		.last_ms = now_ms,
		.client = client,
		.address = address,
		.flags = req->bind.flags,
		.backlog = RTE_MAX(req->bind.backlog, 1),
		.editor_lcore = req->bind.editor_lcore,
		.editor = req->bind.editor,
		.protocol_index = req->bind.protocol_index,
		.wants_established = req->bind.wants_established,
		.foreign = foreign,
		.editor_path = req->bind.editor_path,
		.unapproved = req->bind.unapproved };
}

/* Where it will be found. */
struct place {
	uint64_t outside, hash;
};

/* Ask for the lines that the nth listener from now on will need: its entry, and its bucket. */
static struct place
prefetch_place(const struct pst_nat *nat, uint32_t nth, rte_be32_t ip, uint16_t port, uint16_t low)
{
	uint64_t outside = pst_key_end(ip, rte_cpu_to_be_16(port), low);
	struct place place = { outside, pst_flow_hash(&nat->ends, pst_nat_end_key(outside)) };
	uint32_t i = pst_slots_peek(&nat->listeners.slots, nth);

	pst_flow_prefetch(&nat->ends, place.hash);
	if (i != PST_SLOT_NONE)
		pst_listener_prefetch(&nat->listeners, i);
	return place;
}

static uint32_t
make_listener(struct pst_nat *nat, const struct pst_listener *common, const struct place *place,
	struct pst_req_end *end)
{
	uint32_t i = pst_listener_add_like(&nat->listeners, common);
	struct pst_listener *l = &nat->listeners.entries[i];

	l->outside = place->outside;
	l->inside = pst_key_of_endpoint(&end->client, pst_key_low(place->outside));
	l->cookie = end->cookie;
	pst_flowtable_add(&nat->ends, place->hash, i << 2 | PST_END_LISTENER);
	end->ref = pst_listener_ref(&nat->listeners, i);
	return i;
}

/* All of a call's; their client's entry, their filter and the wheel are the same for all. */
static void
make_listeners(struct pst_nat *nat, struct pst_req *req, uint32_t client, uint32_t address,
	uint16_t port, bool foreign, uint64_t now_ms)
{
	const struct pst_listener common = common_of(req, client, address, foreign, now_ms);
	rte_be32_t ip = nat->params->addresses[address];
	uint64_t due = pst_nat_listener_due(nat, &common);
	uint32_t n = req->bind.n, low = req->bind.protocol;
	bool is_told = pst_record_is_wanted(nat->log, PST_RECORD_MASK(LISTENER));
	struct place places[AHEAD];

	for (uint32_t k = 0; k < AHEAD && k < n; k++)
		places[k] = prefetch_place(nat, k, ip, port + k, low);
	for (uint32_t k = 0; k < n; k++) {
		struct place place = places[k % AHEAD];
		uint32_t i;

		if (k + AHEAD < n)
			places[k % AHEAD] = prefetch_place(nat, AHEAD, ip, port + k + AHEAD, low);
		i = make_listener(nat, &common, &place, &req->bind.ends[k]);
		if (due != PST_EXPIRY_NEVER) /* a new one is not armed */
			pst_expiry_arm(nat->listeners.expiry, i, due);
		if (is_told)
			pst_nat_record_listener(nat, PST_RECORD_LISTENER_OPEN,
				&nat->listeners.entries[i], now_ms);
	}
	nat->clients.entries[client].refs += n;
	nat->clients.entries[client].maps += (common.flags & PST_FLAG_MAP) != 0 ? n : 0;
	nat->listeners_total += n;
	/* each has a reference now, with the one that came */
	pst_ipset_ref_many(req->bind.filter, n - 1);
	req->bind.filter = NULL;
}

/* The ends' lines are the asker's CPU's, and are written to: all of them at once. */
static void
prefetch_ends(const struct pst_req *req)
{
	const uint32_t a_line = RTE_CACHE_LINE_SIZE / sizeof(req->bind.ends[0]);

	for (uint32_t i = a_line; i < req->bind.n && i < PST_BIND_MAX; i += a_line)
		rte_prefetch0_write(&req->bind.ends[i]);
}

/* All or nothing (R76): what can fail comes first. */
static int
serve_bind(struct pst_nat *nat, struct pst_req *req, bool reserved, uint64_t now_ms)
{
	uint32_t client, address;
	int port, ret;

	prefetch_ends(req);
	ret = check_bind(nat, req);
	if (ret < 0)
		return ret;
	if (!pst_nat_has_listener_room(nat, req->bind.n))
		return -ENOMEM;
	client = pst_client_get(
		&nat->clients, rte_cpu_to_be_32(req->bind.client_ip), now_ms);
	if (client == PST_SLOT_NONE)
		return -ENOMEM;
	port = take_ports(nat, req, client, &address, reserved, now_ms);
	if (port < 0) {
		pst_client_put(&nat->clients, client);
		return port;
	}
	pst_nat_ports_add(&nat->clients.entries[client], address, req->bind.n);
	if (pst_nat_tells_address(nat, &nat->clients.entries[client], req->bind.n))
		pst_nat_record_address(nat, PST_RECORD_ADDRESS_OPEN,
			&nat->clients.entries[client], now_ms);
	make_listeners(nat, req, client, address, port, reserved, now_ms);
	pst_client_put(&nat->clients, client);
	req->bind.proxy.ip = rte_be_to_cpu_32(nat->params->addresses[address]);
	req->bind.proxy.port = port;
	return 0;
}

/* A fixed port of another worker's runs. */

int
pst_nat_bind_check(struct pst_nat *nat, struct pst_req *req, uint64_t now_ms)
{
	int ret = check_bind(nat, req), a;
	uint32_t client;

	if (ret < 0)
		return ret;
	if (req->bind.proxy.port < nat->params->port_first ||
		req->bind.proxy.port > nat->params->port_last)
		return -EACCES;
	if (req->bind.proxy.ip == 0) {
		client = pst_client_get(
			&nat->clients, rte_cpu_to_be_32(req->bind.client_ip), now_ms);
		if (client == PST_SLOT_NONE)
			return -ENOMEM;
		a = pst_nat_address_of(nat, &nat->clients.entries[client]);
		req->bind.proxy.ip = rte_be_to_cpu_32(nat->params->addresses[a]);
		pst_client_put(&nat->clients, client);
	}
	a = pst_nat_find_address_for(nat, req->bind.client_ip, req->bind.proxy.ip);
	return a < 0 ? a : 0;
}

int
pst_nat_bind_reserved(struct pst_nat *nat, struct pst_req *req, uint64_t now_ms)
{
	pst_assert_owner(&nat->owner);
	req->result = serve_bind(nat, req, true, now_ms);
	return req->result;
}

int
pst_nat_redirect_add(struct pst_nat *nat, uint64_t outside, uint32_t address, uint32_t worker,
	uint32_t client_ip)
{
	uint32_t i;

	if (!pst_flowtable_has_room(&nat->ends, 1))
		return -ENOMEM;
	i = pst_slots_take(&nat->redirect_slots);
	if (i == PST_SLOT_NONE)
		return -ENOMEM;
	nat->redirects[i] = (struct pst_redirect){
		.outside = outside, .worker = worker, .address = address, .client_ip = client_ip
	};
	pst_nat_end_add(nat, outside, i << 2 | PST_END_REDIRECT);
	return 0;
}

static int
serve_reserve(struct pst_nat *nat, struct pst_req *req, uint64_t now_ms)
{
	uint8_t proto = req->reserve.protocol;
	int a = pst_nat_find_address(nat, req->reserve.endpoint.ip), port;

	if (a < 0)
		return a;
	if (nat->redirect_slots.n_free == 0 || !pst_flowtable_has_room(&nat->ends, 1))
		return -ENOMEM;
	if (!is_allowed(nat, req->reserve.endpoint.port))
		return -EACCES;
	port = pst_nat_port_take_fixed(nat, PST_SLOT_NONE, req->reserve.client_ip, a, proto,
		req->reserve.endpoint.port, now_ms);
	if (port < 0)
		return port;
	return pst_nat_redirect_add(nat, pst_key_of_endpoint(&req->reserve.endpoint, proto), a,
		req->reserve.owner, req->reserve.client_ip);
}

static int
serve_release(struct pst_nat *nat, struct pst_req *req, uint64_t now_ms)
{
	uint8_t proto = req->reserve.protocol;
	uint64_t outside = pst_key_of_endpoint(&req->reserve.endpoint, proto);
	uint32_t end = pst_nat_end_lookup(nat, outside);
	const struct pst_redirect *r = &nat->redirects[end >> 2];

	if (end == PST_FLOW_NONE || (end & 3) != PST_END_REDIRECT)
		return -ENOENT;
	pst_nat_end_del(nat, outside, end);
	pst_nat_port_put(
		nat, r->client_ip, r->address, proto, req->reserve.endpoint.port, now_ms);
	pst_slots_put(&nat->redirect_slots, end >> 2);
	return 0;
}

/* R19, R20, R21: when an endpoint that nobody uses is closed. */
uint64_t
pst_nat_listener_due(const struct pst_nat *nat, const struct pst_listener *l)
{
	if (!(l->flags & PST_FLAG_TIMEOUT) || l->connections > 0)
		return PST_EXPIRY_NEVER;
	/* R67: a permission lapses like a listener, whatever its protocol */
	return l->last_ms +
		nat->params->timeouts_ms[l->kind == PST_LISTENER_ENDPOINT &&
					       pst_key_low(l->outside) == PST_UDP ?
				PST_TIMEOUT_BIND_UDP_IDLE :
				PST_TIMEOUT_BIND_ACCEPT];
}

/* The entry goes once its editor knows and its port is on its way back. */
static void
check_end(struct pst_nat *nat, uint32_t i)
{
	const struct pst_listener *l = &nat->listeners.entries[i];

	if (l->gone && !l->in_tell_list && !l->releasing)
		pst_listener_del(&nat->listeners, i);
}

static void
want_release(struct pst_nat *nat, uint32_t i)
{
	nat->listeners.entries[i].releasing = true;
	nat->listeners.entries[i].release_next = PST_SLOT_NONE;
	if (nat->last_release == PST_SLOT_NONE)
		nat->first_release = i;
	else
		nat->listeners.entries[nat->last_release].release_next = i;
	nat->last_release = i;
}

bool
pst_nat_next_release(
	const struct pst_nat *nat, struct pst_endpoint *endpoint, enum pst_proto *protocol)
{
	const struct pst_listener *l = &nat->listeners.entries[nat->first_release];

	if (nat->first_release == PST_SLOT_NONE)
		return false;
	*endpoint = pst_key_endpoint(l->outside);
	*protocol = pst_key_low(l->outside);
	return true;
}

void
pst_nat_released(struct pst_nat *nat)
{
	uint32_t i = nat->first_release;

	nat->first_release = nat->listeners.entries[i].release_next;
	if (nat->first_release == PST_SLOT_NONE)
		nat->last_release = PST_SLOT_NONE;
	nat->listeners.entries[i].releasing = false;
	check_end(nat, i);
}

static void
give_port_back(struct pst_nat *nat, uint32_t i, uint64_t now_ms)
{
	struct pst_listener *l = &nat->listeners.entries[i];
	struct pst_client *c = &nat->clients.entries[l->client];

	if (pst_record_is_wanted(nat->log, PST_RECORD_MASK(LISTENER)))
		pst_nat_record_listener(nat, PST_RECORD_LISTENER_CLOSE, l, now_ms);
	pst_nat_end_del(nat, l->outside, i << 2 | PST_END_LISTENER);
	if (l->foreign)
		want_release(nat, i);
	else
		pst_nat_port_put(nat, rte_be_to_cpu_32(c->ip), l->address, pst_key_low(l->outside),
			rte_be_to_cpu_16(pst_key_port(l->outside)), now_ms);
	pst_nat_ports_sub(c, l->published ? 0 : 1);
	if (pst_nat_tells_address(nat, c, 0) && !l->published)
		pst_nat_record_address(nat, PST_RECORD_ADDRESS_CLOSE, c, now_ms);
	c->maps -= (l->flags & PST_FLAG_MAP) != 0;
}

/* The port goes back to the pool; the entry goes when its editor knows (R75). */
static void
finish(struct pst_nat *nat, uint32_t i, uint64_t now_ms)
{
	struct pst_listener *l = &nat->listeners.entries[i];

	if (l->kind == PST_LISTENER_ENDPOINT)
		give_port_back(nat, i, now_ms);
	else if (l->kind == PST_LISTENER_REDIRECT)
		pst_nat_redirect_end(nat, i, now_ms);
	else if (l->kind != PST_LISTENER_EMULATED)
		pst_nat_permission_unlink(nat, i);
	pst_client_put(&nat->clients, l->client);
	pst_ipset_unref(l->filter);
	l->filter = NULL;
	l->gone = true;
	pst_expiry_cancel(nat->listeners.expiry, i);
	if (!l->told) {
		l->pending_end = true;
		pst_nat_tell_listener(nat, i);
	}
	check_end(nat, i);
}

/* Nobody may connect any more; told: the editor does not need to hear of it. */
void
pst_nat_listener_close(struct pst_nat *nat, uint32_t i, bool tell, uint64_t now_ms)
{
	struct pst_listener *l = &nat->listeners.entries[i];
	bool takes_all = l->kind == PST_LISTENER_ENDPOINT && pst_key_low(l->outside) == PST_UDP;

	if (!tell)
		l->told = true;
	l->state = PST_LISTENER_CLOSING;
	/* a UDP endpoint is its connections; what TCP accepted has a life of its own */
	while (takes_all && l->first != PST_SLOT_NONE && l->connections > 1)
		pst_nat_close(nat, l->first, now_ms);
	if (takes_all && l->connections == 1)
		pst_nat_close(nat, l->first, now_ms); /* the last one finishes the listener */
	else if (l->connections == 0)
		finish(nat, i, now_ms);
}

void
pst_nat_listener_left(struct pst_nat *nat, uint32_t i, uint64_t now_ms)
{
	struct pst_listener *l = &nat->listeners.entries[i];

	l->connections--;
	l->last_ms = now_ms;
	if (l->connections > 0)
		return;
	if (l->state == PST_LISTENER_CLOSING)
		finish(nat, i, now_ms);
	else if (l->state == PST_LISTENER_USED &&
		(l->kind != PST_LISTENER_ENDPOINT || (l->flags & PST_FLAG_TIMEOUT)))
		pst_nat_listener_close(nat, i, true, now_ms); /* its one use is over (R78) */
	else
		pst_expiry_arm(nat->listeners.expiry, i, pst_nat_listener_due(nat, l));
}

static int
serve_kill(struct pst_nat *nat, struct pst_req *req, uint64_t now_ms)
{
	for (uint32_t k = 0; k < req->bind.n; k++) {
		uint32_t i = pst_listener_deref(&nat->listeners, req->bind.ends[k].ref);

		if (i == PST_SLOT_NONE)
			continue;
		if (nat->listeners.entries[i].gone)
			nat->listeners.entries[i].told = true; /* it waits for its event only */
		else
			pst_nat_listener_close(nat, i, false, now_ms);
	}
	return 0;
}

/* 0; -ESHUTDOWN when it was finished before (R68). */
static int
serve_cancel(struct pst_nat *nat, struct pst_req *req, uint64_t now_ms)
{
	uint32_t i = pst_listener_deref(&nat->listeners, req->bind.ends[0].ref);
	bool is_open = i != PST_SLOT_NONE && !nat->listeners.entries[i].gone &&
		nat->listeners.entries[i].state == PST_LISTENER_OPEN;

	if (is_open)
		pst_nat_listener_close(nat, i, true, now_ms);
	return is_open ? 0 : -ESHUTDOWN;
}

/* The new filter's reference becomes the listener's; the asker gets the old one's. */
static int
serve_set_filter(struct pst_nat *nat, struct pst_req *req)
{
	uint32_t i = pst_listener_deref(&nat->listeners, req->bind.ends[0].ref);
	struct pst_ipset *old;

	if (i == PST_SLOT_NONE || nat->listeners.entries[i].gone)
		return -ESHUTDOWN;
	old = nat->listeners.entries[i].filter;
	nat->listeners.entries[i].filter = req->bind.filter;
	req->bind.filter = old;
	return 0;
}

/* What the client has at this outside endpoint, as of `ends`; PST_FLOW_NONE: nothing. */
static uint32_t
find_own_end(const struct pst_nat *nat, const struct pst_req *req)
{
	uint32_t ip = req->bind.client_ip;

	for (uint32_t a = 0; a < nat->params->n_addresses; a++) {
		uint64_t outside = pst_key_end(nat->params->addresses[a],
			rte_cpu_to_be_16(req->bind.proxy.port), req->bind.protocol);
		uint32_t end, client;

		if (req->bind.proxy.ip != 0 && req->bind.proxy.ip != pst_key_endpoint(outside).ip)
			continue;
		end = pst_nat_end_lookup(nat, outside);
		if (end == PST_FLOW_NONE || (end & 3) >= PST_END_REDIRECT)
			continue;
		client = (end & 3) == PST_END_LISTENER ?
			nat->listeners.entries[end >> 2].client :
			nat->binds.entries[end >> 2].client;
		if (rte_be_to_cpu_32(nat->clients.entries[client].ip) == ip)
			return end;
	}
	return PST_FLOW_NONE;
}

static int
approve_map(struct pst_listener *l, struct pst_req *req)
{
	if (!(l->flags & PST_FLAG_MAP))
		return -ENOENT;
	if (!l->unapproved)
		return 1;
	l->unapproved = false;
	l->protocol_index = req->bind.protocol_index;
	l->flags |= req->bind.flags & PST_FLAG_BIDIRECTIONAL;
	l->filter = req->bind.filter;
	req->bind.filter = NULL;
	return 0;
}

/* Whom the filter admits may send to the bind too: it has a call for each server, maybe. */
static int
admit(struct pst_nat *nat, uint32_t i, struct pst_req *req)
{
	struct pst_bind *b = &nat->binds.entries[i];
	const struct pst_ipset *now = pst_bind_admitted(&nat->binds, i);
	struct pst_ipset *both;
	int ret;

	if (b->admits_all || (now != NULL && req->bind.filter != NULL &&
				     pst_ipset_covers(now, req->bind.filter)))
		return 1;
	if (req->bind.filter == NULL) {
		b->admits_all = true;
		return 0;
	}
	if (now == NULL) {
		ret = pst_bind_admit(&nat->binds, i, req->bind.filter);
		if (ret == 0)
			req->bind.filter = NULL;
		return ret;
	}
	if (pst_ipset_count(now) + pst_ipset_count(req->bind.filter) > ADMITS_MAX)
		return -ENOSPC;
	both = pst_ipset_union(now, req->bind.filter);
	return both != NULL ? pst_bind_admit(&nat->binds, i, both) : -ENOMEM;
}

/* R61, R62: a map, or what NAT itself bound for the client, is for a protocol. */
static int
serve_allow_bind(struct pst_nat *nat, struct pst_req *req)
{
	uint32_t end = find_own_end(nat, req);
	int ret = check_rules(nat, req);

	if (ret < 0)
		return ret;
	if (end == PST_FLOW_NONE)
		return -ENOENT;
	if ((end & 3) == PST_END_LISTENER)
		return approve_map(&nat->listeners.entries[end >> 2], req);
	return admit(nat, end >> 2, req);
}

static int
serve_set_client(struct pst_nat *nat, struct pst_req *req, uint64_t now_ms)
{
	uint32_t i = pst_listener_deref(&nat->listeners, req->bind.ends[0].ref);
	struct pst_listener *l;

	if (i == PST_SLOT_NONE || nat->listeners.entries[i].gone)
		return -ESHUTDOWN;
	l = &nat->listeners.entries[i];
	if (pst_key_ip(l->inside) != 0)
		return -EEXIST;
	if (pst_endpoint_is_unset(&req->bind.ends[0].client) ||
		!is_own_client(rte_be_to_cpu_32(nat->clients.entries[l->client].ip),
			&req->bind.ends[0].client))
		return -EINVAL;
	l->inside = pst_key_of_endpoint(&req->bind.ends[0].client, pst_key_low(l->outside));
	if (pst_record_is_wanted(nat->log, PST_RECORD_MASK(LISTENER)))
		pst_nat_record_listener(nat, PST_RECORD_LISTENER_CLIENT, l, now_ms);
	return 0;
}

static int
serve_kill_conn(struct pst_nat *nat, struct pst_req *req, uint64_t now_ms)
{
	uint32_t i = pst_conn_deref(&nat->conns, req->conn.ref);

	if (i == PST_SLOT_NONE)
		return -ESHUTDOWN;
	pst_nat_close(nat, i, now_ms);
	return 0;
}

static int
serve_deny(struct pst_nat *nat, struct pst_req *req)
{
	uint32_t i = pst_conn_deref(&nat->conns, req->conn.ref);

	if (i == PST_SLOT_NONE)
		return -ESHUTDOWN;
	nat->conns.hot[i].flags |= PST_CONN_DENIED;
	return 0;
}

static int
serve_unwatch(struct pst_nat *nat, struct pst_req *req)
{
	uint32_t i = pst_conn_deref(&nat->conns, req->conn.ref);
	const int32_t *offset = req->conn.offset;
	struct pst_conn *c;

	if (i == PST_SLOT_NONE)
		return -ESHUTDOWN;
	c = &nat->conns.hot[i];
	if (!(c->flags & PST_CONN_WATCHED))
		return 0;
	c->flags &= ~PST_CONN_WATCHED;
	pst_tcp_window_relearn(&c->window, &c->learnt);
	if (offset[PST_DIR_ORIG] != 0 || offset[PST_DIR_REPLY] != 0) {
		memcpy(pst_conn_rare(&nat->conns, i)->offset, offset, sizeof(req->conn.offset));
		c->flags |= PST_CONN_OFFSET;
	}
	return 0;
}

void
pst_nat_serve(struct pst_nat *nat, struct pst_req *req, uint64_t now_ms)
{
	pst_assert_owner(&nat->owner);
	switch (req->type) {
	case PST_REQ_BIND:
		req->result = serve_bind(nat, req, false, now_ms);
		break;
	case PST_REQ_RESERVE:
		req->result = serve_reserve(nat, req, now_ms);
		break;
	case PST_REQ_RELEASE:
		req->result = serve_release(nat, req, now_ms);
		break;
	case PST_REQ_KILL:
		req->result = serve_kill(nat, req, now_ms);
		break;
	case PST_REQ_SET_CLIENT:
		req->result = serve_set_client(nat, req, now_ms);
		break;
	case PST_REQ_KILL_CONN:
		req->result = serve_kill_conn(nat, req, now_ms);
		break;
	case PST_REQ_UNWATCH:
		req->result = serve_unwatch(nat, req);
		break;
	case PST_REQ_DENY:
		req->result = serve_deny(nat, req);
		break;
	case PST_REQ_PERMIT:
		req->result = pst_nat_serve_permit(nat, req, now_ms);
		break;
	case PST_REQ_EMULATE:
		req->result = pst_nat_serve_emulate(nat, req, now_ms);
		break;
	case PST_REQ_REDIRECT:
		req->result = pst_nat_serve_redirect(nat, req, now_ms);
		break;
	case PST_REQ_TRANSLATE:
		req->result = pst_nat_serve_translate(nat, req, now_ms);
		break;
	case PST_REQ_CANCEL:
		req->result = serve_cancel(nat, req, now_ms);
		break;
	case PST_REQ_SET_FILTER:
		req->result = serve_set_filter(nat, req);
		break;
	case PST_REQ_ALLOW_BIND:
		req->result = serve_allow_bind(nat, req);
		break;
	default:
		req->result = -EOPNOTSUPP;
	}
}

/* What editor lcores are to hear: two lists for each, in the order things happened. */

void
pst_nat_tell_conn(struct pst_nat *nat, uint32_t i)
{
	struct pst_conn *c = &nat->conns.hot[i];
	struct pst_conn_rare *rare = pst_conn_rare(&nat->conns, i);
	uint16_t e = rare->editor_lcore;

	if (c->in_tell_list)
		return;
	c->in_tell_list = true;
	rare->tell_next = PST_SLOT_NONE;
	if (nat->tell[e].last_conn == PST_SLOT_NONE)
		nat->tell[e].first_conn = i;
	else
		pst_conn_rare(&nat->conns, nat->tell[e].last_conn)->tell_next = i;
	nat->tell[e].last_conn = i;
}

void
pst_nat_tell_listener(struct pst_nat *nat, uint32_t i)
{
	struct pst_listener *l = &nat->listeners.entries[i];
	uint16_t e = l->editor_lcore;

	if (l->in_tell_list)
		return;
	l->in_tell_list = true;
	l->tell_next = PST_SLOT_NONE;
	if (nat->tell[e].last_listener == PST_SLOT_NONE)
		nat->tell[e].first_listener = i;
	else
		nat->listeners.entries[nat->tell[e].last_listener].tell_next = i;
	nat->tell[e].last_listener = i;
}

bool
pst_nat_next_event(struct pst_nat *nat, uint16_t e, struct pst_evt *evt)
{
	uint32_t i = nat->tell[e].first_conn;

	memset(evt, 0, sizeof(*evt));
	if (i != PST_SLOT_NONE) {
		const struct pst_conn *c = &nat->conns.hot[i];

		evt->type = c->pending_established ? PST_EVT_ESTABLISHED : PST_EVT_CONN_END;
		evt->cookie = pst_conn_rare_of(&nat->conns, c)->cookie;
		evt->ref = pst_conn_ref(&nat->conns, i);
		evt->remote = pst_key_endpoint(c->remote);
		return true;
	}
	i = nat->tell[e].first_listener;
	if (i != PST_SLOT_NONE) {
		evt->type = PST_EVT_ENDPOINT_END;
		evt->cookie = nat->listeners.entries[i].cookie;
		evt->ref = pst_listener_ref(&nat->listeners, i);
		return true;
	}
	return false;
}

static void
conn_told(struct pst_nat *nat, uint16_t e, uint32_t i)
{
	struct pst_conn *c = &nat->conns.hot[i];
	uint32_t next = pst_conn_rare_of(&nat->conns, c)->tell_next;

	if (c->pending_established) {
		c->pending_established = false;
		if (c->pending_end)
			return; /* the end is told next */
	}
	c->in_tell_list = false;
	nat->tell[e].first_conn = next;
	if (next == PST_SLOT_NONE)
		nat->tell[e].last_conn = PST_SLOT_NONE;
	if (c->pending_end) {
		c->pending_end = false;
		pst_conn_free(&nat->conns, i);
	}
}

void
pst_nat_told(struct pst_nat *nat, uint16_t e)
{
	uint32_t i = nat->tell[e].first_conn;

	if (i != PST_SLOT_NONE) {
		conn_told(nat, e, i);
		return;
	}
	i = nat->tell[e].first_listener;
	nat->tell[e].first_listener = nat->listeners.entries[i].tell_next;
	if (nat->tell[e].first_listener == PST_SLOT_NONE)
		nat->tell[e].last_listener = PST_SLOT_NONE;
	nat->listeners.entries[i].in_tell_list = false;
	check_end(nat, i);
}
