/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files behind nat.h share. */
#pragma once

#include "nat/nat.h"

/* Number of the pool of a protocol. */
static inline enum pst_nat_pool
pst_nat_pool_of(uint8_t proto)
{
	return proto == PST_TCP ? PST_POOL_TCP : proto == PST_UDP ? PST_POOL_UDP : PST_POOL_ICMP;
}

static inline struct pst_flow_key
pst_nat_end_key(uint64_t end)
{
	return (struct pst_flow_key){ end, 0 };
}

/* Room for n more listeners that have an end each? */
static inline bool
pst_nat_has_listener_room(const struct pst_nat *nat, uint32_t n)
{
	return nat->listeners.slots.n_free >= n && pst_flowtable_has_room(&nat->ends, n);
}

/*
 * ends: what an outside endpoint belongs to, as entry << 2 | enum pst_nat_end. Whoever adds one
 * has asked for room.
 */
uint32_t pst_nat_end_lookup(const struct pst_nat *nat, uint64_t end);
void pst_nat_end_add(struct pst_nat *nat, uint64_t end, uint32_t value);
void pst_nat_end_del(struct pst_nat *nat, uint64_t end, uint32_t value);

/* address.c: those that a client may have. */
struct pst_nat_span pst_nat_addresses_of(const struct pst_nat_params *p, rte_be32_t client_ip);
/* The number of the kth of a span, from the place of `from` on, and around its end. */
uint32_t pst_nat_address_at(
	const struct pst_nat_params *p, const struct pst_nat_span *span, uint32_t from, uint32_t k);

/* Has the client an address that it is to keep: it has ports there, and others may begin there? */
static inline bool
pst_nat_has_address(const struct pst_nat *nat, const struct pst_client *c)
{
	return (c->ports > 0 || c->n_blocks > 0) && likely(!nat->params->retired[c->address]);
}

/* A client with an outside address to itself: that, or 0. And the client of such an address. */
rte_be32_t pst_nat_whole_of(const struct pst_nat_params *p, rte_be32_t client_ip);
rte_be32_t pst_nat_host_of(const struct pst_nat_params *p, rte_be32_t outside_ip);

/* True for a remote end that sees clients' own addresses; an outside address of ours is none. */
bool pst_nat_is_bypassed(const struct pst_nat *nat, rte_be32_t remote_ip);

/*
 * The outside address of a client: what its other ports have, else one of its group's by
 * its address. Returns its number.
 */
uint32_t pst_nat_address_of(const struct pst_nat *nat, const struct pst_client *client);

/*
 * ports.c: which address a client's new port is of. A client that has ports keeps its address
 * (RFC 4787 REQ-2); one that has none yet may take any address of its group that has a port left.
 * via: the one it must have, or PST_LISTENER_ANY_ADDRESS. 0; -ENOSPC, or -EDQUOT: it may have no
 * more. *scarce is set when one that was looked at has none left.
 */
#define PST_NAT_PORTS_FEW 512   /* so few left of a pool, and another run is wanted */
#define PST_NAT_PORTS_SCARCE 64 /* at once */
int pst_nat_port_address(const struct pst_nat *nat, const struct pst_client *client,
	uint8_t proto, uint32_t via, uint32_t *address, bool *scarce);
/* A port for an inside port, of that address. */
int pst_nat_port_take(struct pst_nat *nat, uint32_t client, uint8_t proto, uint16_t inside_port,
	uint32_t address, uint64_t now_ms);
/* Ask for what that writes to, without blocks; most likely it will give what this returns. */
int pst_nat_port_prefetch(const struct pst_nat *nat, const struct pst_client *client,
	uint8_t proto, uint16_t inside_port, uint32_t address, struct pst_rng *ahead);
/* n ports, the lowest a multiple of n. It, -EINVAL or -ENOSPC. */
int pst_nat_port_take_run(struct pst_nat *nat, uint32_t client, uint32_t address, uint8_t proto,
	uint32_t n, uint64_t now_ms);
/* This one; client: its slot, PST_SLOT_NONE: another worker's. It, -EADDRINUSE or -ENOSPC. */
int pst_nat_port_take_fixed(struct pst_nat *nat, uint32_t client, uint32_t client_ip,
	uint32_t address, uint8_t proto, uint16_t port, uint64_t now_ms);
/* Give one back; nothing happens when it is in no pool of ours. */
void pst_nat_port_put(struct pst_nat *nat, uint32_t client_ip, uint32_t address, uint8_t proto,
	uint16_t port, uint64_t now_ms);

/* block.c: the same of clients' blocks; address and port (host order) name a block. */
/* Is there a port for the client? 0, -ENOSPC or -EDQUOT. */
int pst_nat_block_look(const struct pst_nat *nat, const struct pst_client *client,
	uint32_t address, uint8_t proto);
/* Of which of its blocks, and of what parity; false: it gets another block. */
bool pst_nat_block_choose(const struct pst_nat *nat, const struct pst_client *client,
	uint32_t address, uint8_t proto, uint16_t inside_port, uint16_t *first, uint16_t *parity);
int pst_nat_block_port(struct pst_nat *nat, uint32_t client, uint32_t address, uint8_t proto,
	uint16_t inside_port);
int pst_nat_block_run(struct pst_nat *nat, uint32_t client, uint32_t address, uint8_t proto,
	uint32_t n);
/* The block's part of a fixed port that its pool has free: 0, -ENOSPC or -EADDRINUSE. */
int pst_nat_block_fixed(struct pst_nat *nat, uint32_t client, rte_be32_t client_ip,
	uint32_t address, uint16_t port);
void pst_nat_block_put(struct pst_nat *nat, rte_be32_t client_ip, uint32_t address, uint16_t port,
	uint64_t now_ms);
/* Blocks that have been idle for the quarantine time are free; at most so many. */
void pst_nat_blocks_expire(struct pst_nat *nat, uint64_t now_ms, uint32_t most);
/* A run came, or went. */
void pst_nat_blocks_count_run(struct pst_nat *nat, uint32_t run, bool added);
/* A row of block i of all; false: it is another worker's, or nobody's. */
bool pst_nat_block_row(
	const struct pst_nat *nat, uint32_t i, struct pst_show_row *row, uint64_t now_ms);
bool pst_nat_blocks_are_free(const struct pst_nat *nat, uint32_t address, uint32_t run);

/* A client has so many more ports on that address, or so many fewer. */
void pst_nat_ports_add(struct pst_client *client, uint32_t address, uint32_t n);
void pst_nat_ports_sub(struct pst_client *client, uint32_t n);

/* policy.c: whether, and how; false: the rules deny it. And a rule's count. */
bool pst_nat_ask_policy(const struct pst_nat *nat, struct pst_nat_packet *p,
	const struct pst_client *client, struct pst_nat_policy *policy);
void pst_nat_count_rule(struct pst_nat *nat, const struct pst_nat_packet *p);
/* The editor lcore where all watched connections of a client meet. */
uint16_t pst_nat_editor_lcore(const struct pst_nat *nat, rte_be32_t client_ip);

/* alias.c: stand-ins for remote ends, at inside addresses of ours */

/* The client sees the connection's remote end as an address of ours. There is room. */
bool pst_nat_has_alias_room(const struct pst_nat *nat, uint8_t proto);
/* Our address on the client's own network, else on the first of the inside. */
rte_be32_t pst_nat_inside_address(const struct pst_nat *nat, rte_be32_t client);
void pst_nat_alias_add(struct pst_nat *nat, uint32_t i, uint64_t now_ms);
void pst_nat_alias_del(struct pst_nat *nat, uint32_t i, uint64_t now_ms);
int pst_nat_serve_redirect(struct pst_nat *nat, struct pst_req *req, uint64_t now_ms);
int pst_nat_serve_translate(struct pst_nat *nat, const struct pst_req *req, uint64_t now_ms);
void pst_nat_redirect_end(struct pst_nat *nat, uint32_t listener, uint64_t now_ms);

/* emulate.c */
int pst_nat_serve_emulate(struct pst_nat *nat, struct pst_req *req, uint64_t now_ms);

/* nat.c: the first packet moves a new connection's state; owner and client know of it. */
void pst_nat_start_conn(
	struct pst_nat *nat, uint32_t i, uint32_t client, const struct pst_nat_packet *p);
/* R31: who asked for it hears of it once it is one, on the editor lcore. */
void pst_nat_tell_established(struct pst_nat *nat, uint32_t i);

/* decide.c: the key of the bind that the packet's connection has. */
struct pst_flow_key pst_nat_bind_key(const struct pst_nat *nat, const struct pst_nat_packet *p);
/* Is an editor to see or hear of the connections that the listener accepts? */
bool pst_nat_is_rare_endpoint(const struct pst_nat *nat, const struct pst_listener *l);

/* permit.c: permissions and interests of a client. */

/* The first that is open and matches, or PST_SLOT_NONE. */
uint32_t pst_nat_permission_find(const struct pst_nat *nat, const struct pst_client *client,
	enum pst_listener_kind kind, uint64_t remote);
/* Connection i was opened by it. */
void pst_nat_permission_use(struct pst_nat *nat, uint32_t permission, uint32_t i, uint64_t now_ms);
void pst_nat_permission_unlink(struct pst_nat *nat, uint32_t i);
int pst_nat_serve_permit(struct pst_nat *nat, struct pst_req *req, uint64_t now_ms);

/* address.c: the number of an outside address of ours (host order), or -EADDRNOTAVAIL (R30). */
int pst_nat_find_address(const struct pst_nat *nat, uint32_t ip);
/* The same of one that this client may have. */
int pst_nat_find_address_for(const struct pst_nat *nat, uint32_t client_ip, uint32_t ip);

/* endpoint.c: a redirect of this end to the worker that has its client; what fails is first. */
int pst_nat_redirect_add(struct pst_nat *nat, uint64_t outside, uint32_t address, uint32_t worker,
	uint32_t client_ip);

/* endpoint.c: the only host that a filter admits, or 0; filter NULL: everybody. */
uint32_t pst_nat_only_host(const struct pst_ipset *filter);

/* publish.c: what a config says of a server's protocol and its editors. */
void pst_nat_set_published(
	const struct pst_nat *nat, struct pst_listener *l, const struct pst_nat_published *what);

/* Listeners: end one that nobody may use any more; free what was told. */
void pst_nat_listener_close(struct pst_nat *nat, uint32_t i, bool tell, uint64_t now_ms);
/* A connection of it is gone. */
void pst_nat_listener_left(struct pst_nat *nat, uint32_t i, uint64_t now_ms);
uint64_t pst_nat_listener_due(const struct pst_nat *nat, const struct pst_listener *l);

/* Put a connection or a listener on the list of what an editor lcore is to hear. */
void pst_nat_tell_conn(struct pst_nat *nat, uint32_t i);
void pst_nat_tell_listener(struct pst_nat *nat, uint32_t i);

/* record.c: what the event log is to hear; ask pst_record_is_wanted() first. */
void pst_nat_record_bind(struct pst_nat *nat, enum pst_record_type type, struct pst_flow_key key,
	uint64_t outside, uint64_t now_ms);
/* A client's first port gave it an outside address (RFC 4787 REQ-2), or its last one went. */
void pst_nat_record_address(struct pst_nat *nat, enum pst_record_type type,
	const struct pst_client *client, uint64_t now_ms);
static inline bool
pst_nat_tells_address(const struct pst_nat *nat, const struct pst_client *client, uint32_t ports)
{
	/* blocks are told by themselves, with their address */
	return client->ports == ports && nat->params->block_size == 0 &&
		pst_record_is_wanted(nat->log, PST_RECORD_MASK(BIND));
}
void pst_nat_record_listener(struct pst_nat *nat, enum pst_record_type type,
	const struct pst_listener *l, uint64_t now_ms);
void pst_nat_record_conn(
	struct pst_nat *nat, enum pst_record_type type, uint32_t i, uint64_t now_ms);

/* show.c: rows for the operator, clear at first; false: there is none. */
void pst_nat_clear_row(struct pst_show_row *row);
bool pst_nat_conn_row(
	const struct pst_nat *nat, uint32_t i, struct pst_show_row *row, uint64_t now_ms);
bool pst_nat_listener_row(
	const struct pst_nat *nat, uint32_t i, struct pst_show_row *row, uint64_t now_ms);
bool pst_nat_permission_row(
	const struct pst_nat *nat, uint32_t i, struct pst_show_row *row, uint64_t now_ms);

/* A connection's timeout from now on, armed. */
void pst_nat_arm(struct pst_nat *nat, uint32_t i, uint64_t now_ms);
