/* SPDX-License-Identifier: BSD-3-Clause */
/* What the event log is told: by who has asked whether anybody wants to know. */
#include "nat/nat_priv.h"

void
pst_nat_record_bind(struct pst_nat *nat, enum pst_record_type type, struct pst_flow_key key,
	uint64_t outside, uint64_t now_ms)
{
	const struct pst_record r = { .time_ms = now_ms,
		.type = type,
		.protocol = pst_key_low(outside),
		.inside = pst_key_endpoint(key.a),
		.outside = pst_key_endpoint(outside),
		.remote = pst_key_endpoint(key.b) };

	pst_record_post(nat->log, &r);
}

void
pst_nat_record_address(struct pst_nat *nat, enum pst_record_type type,
	const struct pst_client *client, uint64_t now_ms)
{
	const struct pst_record r = { .time_ms = now_ms,
		.type = type,
		.inside = { rte_be_to_cpu_32(client->ip), 0 },
		.outside = { rte_be_to_cpu_32(nat->params->addresses[client->address]), 0 } };

	pst_record_post(nat->log, &r);
}

void
pst_nat_record_listener(struct pst_nat *nat, enum pst_record_type type,
	const struct pst_listener *l, uint64_t now_ms)
{
	struct pst_record r = { .time_ms = now_ms,
		.type = type,
		.protocol = pst_key_low(l->outside),
		.flags = l->published ? PST_RECORD_PUBLISHED : 0,
		.index = l->published ? PST_RECORD_NO_EDITOR : l->editor,
		.inside = pst_key_endpoint(l->inside),
		.outside = pst_key_endpoint(l->outside) };

	/* R5: its port may not be known yet, and it is the client's all the same */
	if (r.inside.ip == 0)
		r.inside.ip = rte_be_to_cpu_32(nat->clients.entries[l->client].ip);
	pst_record_post(nat->log, &r);
}

void
pst_nat_record_conn(struct pst_nat *nat, enum pst_record_type type, uint32_t i, uint64_t now_ms)
{
	const struct pst_conn *c = &nat->conns.hot[i];
	struct pst_record r = { .time_ms = now_ms,
		.type = type,
		.protocol = pst_key_low(c->remote),
		.flags = c->flags & PST_CONN_INBOUND ? PST_RECORD_INBOUND : 0,
		.inside = pst_key_endpoint(c->local[PST_WAY_OUT]),
		.outside = pst_key_endpoint(c->local[PST_WAY_IN]),
		.remote = pst_key_endpoint(c->remote) };

	for (int way = 0; way < PST_WAYS && type == PST_RECORD_CONNECTION_CLOSE; way++) {
		enum pst_dir dir = pst_conn_dir(c, way);

		r.packets[dir] = pst_conn_packets(c, way);
		r.bytes[dir] = pst_conn_bytes(c, way);
	}
	pst_record_post(nat->log, &r);
}
