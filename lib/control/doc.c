/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/doc.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define IP_FORMAT "%u.%u.%u.%u"
#define IP_ARGS(ip) (ip) >> 24, (ip) >> 16 & 255, (ip) >> 8 & 255, (ip)&255

json_t *
pst_doc_text(const char *text)
{
	char safe[256];
	json_t *json;

	if (text == NULL)
		return json_null();
	json = json_string(text);
	if (json != NULL)
		return json;
	snprintf(safe, sizeof(safe), "%s", text);
	for (char *c = safe; *c != '\0'; c++) {
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	}
	return json_string(safe);
}

json_t *
pst_doc_ip(uint32_t ip)
{
	return json_sprintf(IP_FORMAT, IP_ARGS(ip));
}

json_t *
pst_doc_prefix(uint32_t ip, uint32_t len)
{
	return json_sprintf(IP_FORMAT "/%u", IP_ARGS(ip), len);
}

json_t *
pst_doc_range(uint32_t first, uint32_t last)
{
	return json_sprintf(IP_FORMAT "-" IP_FORMAT, IP_ARGS(first), IP_ARGS(last));
}

json_t *
pst_doc_ranges(const struct pst_range *range, uint32_t n)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(array, pst_doc_range(range[i].first, range[i].last));
	return array;
}

json_t *
pst_doc_endpoint(const struct pst_endpoint *ep)
{
	return json_sprintf(IP_FORMAT ":%u", IP_ARGS(ep->ip), ep->port);
}

json_t *
pst_doc_endpoints(const struct pst_endpoint *first, uint16_t more)
{
	if (more == 0)
		return pst_doc_endpoint(first);
	return json_sprintf(IP_FORMAT ":%u-%u", IP_ARGS(first->ip), first->port,
		first->port + more);
}

json_t *
pst_doc_mac(const uint8_t *mac)
{
	return json_sprintf(
		"%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

json_t *
pst_doc_number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

json_t *
pst_doc_proto(uint8_t protocol)
{
	switch (protocol) {
	case 0: /* of what is for all of them */
		return json_string("any");
	case PST_TCP:
		return json_string("tcp");
	case PST_UDP:
		return json_string("udp");
	case PST_ICMP:
		return json_string("icmp");
	case IPPROTO_GRE:
		return json_string("gre");
	case IPPROTO_ESP:
		return json_string("esp");
	case IPPROTO_SCTP:
		return json_string("sctp");
	}
	return json_sprintf("%u", protocol);
}

/* What is about to go counts as a second still; UINT32_MAX never goes. */
static json_t *
seconds_left(uint32_t ms)
{
	if (ms == UINT32_MAX)
		return json_null();
	return json_integer(((json_int_t)ms + PST_MS_PER_S - 1) / PST_MS_PER_S);
}

json_t *
pst_doc_editor(const struct pst_control_params *p, int32_t editor)
{
	if (p->editors == NULL || editor < 0)
		return json_null();
	for (int32_t i = 0; p->editors[i] != NULL; i++) {
		if (i == editor)
			return pst_doc_text(p->editors[i]->name);
	}
	return json_null();
}

/* The protocol by which the operator's rules know it, "FTP client". */
static json_t *
application(const struct pst_control_params *p, int32_t index)
{
	if (p->protocol_names == NULL || index < 0 || (uint32_t)index >= p->n_protocols)
		return json_null();
	return pst_doc_text(p->protocol_names[index]);
}

static json_t *
path(const struct pst_show_row *row)
{
	return json_string(row->editor_path ? "editor" : "fast");
}

static json_t *
state(const struct pst_control_params *p, const struct pst_show_row *row)
{
	const char *name = NULL;

	if (p->state_name != NULL)
		name = p->state_name(row->protocol, row->state);
	return name != NULL ? pst_doc_text(name) : json_sprintf("%u", row->state);
}

/* By this, an entry is named to the appliance: worker, index, generation. */
static json_t *
id(uint32_t worker, const struct pst_ref *ref)
{
	return json_sprintf("%u-%u-%u", worker, ref->index, ref->gen);
}

static json_t *
connection(const struct pst_control_params *p, uint32_t worker, const struct pst_show_row *r)
{
	const uint64_t *n = r->packets, *b = r->bytes;

	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o, s:I,s:I,s:I, s:I,s:I,s:I,"
			 "s:o,s:o,s:o,s:I,s:I,s:b}",
		"id", id(worker, &r->ref), "protocol", pst_doc_proto(r->protocol), "inside",
		pst_doc_endpoint(&r->inside), "outside", pst_doc_endpoint(&r->outside), "remote",
		pst_doc_endpoint(&r->remote), "state", state(p, r), "path", path(r), "packets",
		(json_int_t)(n[PST_DIR_ORIG] + n[PST_DIR_REPLY]), "packets_orig",
		(json_int_t)n[PST_DIR_ORIG], "packets_reply", (json_int_t)n[PST_DIR_REPLY], "bytes",
		(json_int_t)(b[PST_DIR_ORIG] + b[PST_DIR_REPLY]), "bytes_orig",
		(json_int_t)b[PST_DIR_ORIG], "bytes_reply", (json_int_t)b[PST_DIR_REPLY],
		"expires_s", seconds_left(r->expires_ms), "editor", pst_doc_editor(p, r->editor),
		"application", application(p, r->protocol_index), "age_s",
		(json_int_t)(r->age_ms / PST_MS_PER_S), "worker", (json_int_t)worker, "bypass",
		r->bypass != 0);
}

/* An endpoint, null when there is none. */
static json_t *
endpoint_or_null(const struct pst_endpoint *ep)
{
	return pst_endpoint_is_unset(ep) ? json_null() : pst_doc_endpoint(ep);
}

/* `remote` is the only peer that it maps for; null: the same for all (RFC 4787). */
static json_t *
bind_row(uint32_t worker, const struct pst_show_row *r)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:I,s:I,s:o,s:I}", "protocol",
		pst_doc_proto(r->protocol), "inside", pst_doc_endpoint(&r->inside), "outside",
		pst_doc_endpoint(&r->outside), "remote", endpoint_or_null(&r->remote),
		"connections", (json_int_t)r->connections, "age_s",
		(json_int_t)(r->age_ms / PST_MS_PER_S), "expires_s", seconds_left(r->expires_ms),
		"worker", (json_int_t)worker);
}

static json_t *
flags(uint32_t set, bool published)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} names[] = {
		{ PST_FLAG_ALLOW_MULTIPLE, "allow-multiple" },
		{ PST_FLAG_TIMEOUT, "timeout" },
		{ PST_FLAG_NO_KERNEL_MODE, "no-kernel-mode" },
		{ PST_FLAG_BIDIRECTIONAL, "bidirectional" },
		{ PST_FLAG_MAP, "map" },
	};
	json_t *array = json_array();

	for (size_t i = 0; i < RTE_DIM(names); i++) {
		if (set & names[i].flag)
			json_array_append_new(array, json_string(names[i].name));
	}
	if (published)
		json_array_append_new(array, json_string("published"));
	return array;
}

/* null: everybody may come; an empty array: nobody. */
static json_t *
filter(const struct pst_control_params *p, const struct pst_show_row *row)
{
	json_t *array;
	uint32_t n = 0, first, last;

	if (!row->has_filter && row->filter == NULL)
		return json_null();
	array = json_array();
	if (row->filter != NULL && p->ipset_count != NULL && p->ipset_range != NULL)
		n = p->ipset_count(row->filter);
	for (uint32_t i = 0; i < n; i++) {
		p->ipset_range(row->filter, i, &first, &last);
		json_array_append_new(array, pst_doc_range(first, last));
	}
	return array;
}

static json_t *
listener(const struct pst_control_params *p, uint32_t worker, const struct pst_show_row *r)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:I,s:o,s:o,s:I}", "protocol",
		pst_doc_proto(r->protocol), "external", pst_doc_endpoint(&r->outside), "client",
		endpoint_or_null(&r->inside), "flags", flags(r->flags, r->published), "filter", filter(p, r),
		"editor", pst_doc_editor(p, r->editor), "path", path(r), "age_s",
		(json_int_t)(r->age_ms / PST_MS_PER_S), "connections", (json_int_t)r->connections,
		"expires_s", seconds_left(r->expires_ms), "application",
		application(p, r->protocol_index), "worker", (json_int_t)worker);
}

static json_t *
filter_of(const struct pst_control_params *p, uint32_t worker, const struct pst_show_row *r)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:I}", "protocol", pst_doc_proto(r->protocol),
		"external", pst_doc_endpoint(&r->outside), "client", endpoint_or_null(&r->inside),
		"admits", filter(p, r), "editor", pst_doc_editor(p, r->editor), "application",
		application(p, r->protocol_index), "worker", (json_int_t)worker);
}

/* "*" where any will do. */
static json_t *
pattern(const struct pst_endpoint *ep)
{
	char ip[INET_ADDRSTRLEN] = "*", port[8] = "*";
	struct in_addr a = { .s_addr = htonl(ep->ip) };

	if (ep->ip != 0)
		inet_ntop(AF_INET, &a, ip, sizeof(ip));
	if (ep->port != 0)
		snprintf(port, sizeof(port), "%u", ep->port);
	return json_sprintf("%s:%s", ip, port);
}

/* enum pst_listener_kind, but for endpoints */
static const char *const kinds[] = { "endpoint", "connect", "redirect", "watch", "emulated" };

static json_t *
permission(const struct pst_control_params *p, uint32_t worker, const struct pst_show_row *r)
{
	return json_pack("{s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:I,s:o,s:I}", "kind",
		r->kind < RTE_DIM(kinds) ? kinds[r->kind] : "?", "protocol",
		pst_doc_proto(r->protocol), "client", pst_doc_ip(r->inside.ip), "to",
		pattern(&r->remote), "at", endpoint_or_null(&r->outside), "flags",
		flags(r->flags, false), "editor", pst_doc_editor(p, r->editor), "application",
		application(p, r->protocol_index), "age_s",
		(json_int_t)(r->age_ms / PST_MS_PER_S), "connections", (json_int_t)r->connections,
		"expires_s", seconds_left(r->expires_ms), "worker", (json_int_t)worker);
}

/* Whom an outside address is for; null: all that have none of their own. */
static json_t *
clients_of(const struct pst_config *config, uint32_t ip)
{
	for (uint32_t p = 0; config != NULL && p < config->nat.n_pools; p++) {
		const struct pst_config_pool *pool = &config->nat.pools[p];

		for (uint32_t i = 0; i < pool->n_addresses; i++) {
			if (pool->addresses[i].first <= ip && ip <= pool->addresses[i].last)
				return pst_doc_ranges(pool->clients, pool->n_clients);
		}
	}
	for (uint32_t i = 0; config != NULL && i < config->n_publish; i++) {
		const struct pst_config_publish *p = &config->publish[i];
		const struct pst_range host = { p->internal.ip, p->internal.ip };

		if (p->whole && p->external.ip == ip)
			return pst_doc_ranges(&host, 1);
	}
	return json_null();
}

json_t *
pst_doc_runs(const struct pst_config_nat *nat, uint64_t runs)
{
	char text[64 * sizeof("65535-65535,")] = "";
	uint32_t at = 0, end;
	size_t len = 0;

	while (at < 64 && runs >> at != 0) {
		at += __builtin_ctzll(runs >> at);
		for (end = at; end < 64 && (runs >> end & 1) != 0; end++)
			;
		if ((at * 1024u) <= nat->port_last && end * 1024u > nat->port_first)
			len += snprintf(text + len, sizeof(text) - len, "%s%u-%u",
				len > 0 ? "," : "", RTE_MAX(at * 1024u, nat->port_first),
				RTE_MIN(end * 1024u - 1, nat->port_last));
		at = end;
	}
	return len > 0 ? json_string(text) : json_null();
}

static json_t *
pool(const struct pst_control_params *p, uint32_t worker, const struct pst_show_row *r)
{
	return json_pack("{s:I,s:o,s:o,s:o,s:o,s:I,s:I,s:I}", "worker", (json_int_t)worker,
		"address", pst_doc_ip(r->outside.ip), "clients",
		clients_of(p->config, r->outside.ip), "protocol", pst_doc_proto(r->protocol),
		"range", pst_doc_runs(&p->config->nat, r->runs), "used", (json_int_t)r->ports_used,
		"free", (json_int_t)r->ports_free, "resting", (json_int_t)r->ports_resting);
}

static json_t *
client(uint32_t worker, const struct pst_show_row *r)
{
	return json_pack("{s:o,s:o,s:I,s:I,s:I,s:I,s:I}", "client", pst_doc_ip(r->inside.ip),
		"outside", r->outside.ip == 0 ? json_null() : pst_doc_ip(r->outside.ip), "connections",
		(json_int_t)r->connections, "ports", (json_int_t)r->ports_used,
		"blocks", (json_int_t)r->blocks, "age_s",
		(json_int_t)(r->age_ms / PST_MS_PER_S), "worker", (json_int_t)worker);
}

/* client null: fixed ports, of published servers and of other workers' clients. */
static json_t *
block(uint32_t worker, const struct pst_show_row *r)
{
	return json_pack("{s:o,s:o,s:o,s:I,s:o,s:I}", "client",
		r->inside.ip == 0 ? json_null() : pst_doc_ip(r->inside.ip), "address",
		pst_doc_ip(r->outside.ip), "range",
		json_sprintf("%u-%u", r->outside.port, r->remote.port), "used",
		(json_int_t)r->ports_used, "expires_s",
		r->expires_ms == UINT32_MAX ? json_null() :
					      json_integer(r->expires_ms / PST_MS_PER_S),
		"worker", (json_int_t)worker);
}

json_t *
pst_doc_row(const struct pst_control_params *params, enum pst_show_table table, uint32_t worker,
	const struct pst_show_row *row)
{
	switch (table) {
	case PST_SHOW_CONNECTIONS:
		return connection(params, worker, row);
	case PST_SHOW_BINDS:
		return bind_row(worker, row);
	case PST_SHOW_LISTENERS:
		return listener(params, worker, row);
	case PST_SHOW_FILTERS:
		return filter_of(params, worker, row);
	case PST_SHOW_PERMISSIONS:
		return permission(params, worker, row);
	case PST_SHOW_POOLS:
		return pool(params, worker, row);
	case PST_SHOW_CLIENTS:
		return client(worker, row);
	case PST_SHOW_BLOCKS:
		return block(worker, row);
	}
	return NULL;
}
