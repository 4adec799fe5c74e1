/* SPDX-License-Identifier: BSD-3-Clause */
#include "eventlog/json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/counter.h"

#define MS_PER_S 1000

struct line {
	char *text;
	size_t len;
};

/* No record comes near the end: names are short, numbers few. */
__attribute__((format(printf, 2, 3))) static void
add(struct line *l, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(l->text + l->len, PST_RECORD_LINE - l->len, format, args);
	va_end(args);
	l->len += n;
	if (l->len >= PST_RECORD_LINE)
		l->len = PST_RECORD_LINE - 1;
}

/* A text that the operator wrote: what JSON does not take as it is becomes '?'. */
static void
add_text(struct line *l, const char *key, const char *text)
{
	char safe[128];
	size_t n = 0;

	if (text == NULL) {
		add(l, ",\"%s\":null", key);
		return;
	}
	for (; *text != 0 && n < sizeof(safe) - 1; text++) {
		unsigned char c = *text;

		safe[n++] = c < ' ' || c > '~' || c == '"' || c == '\\' ? '?' : c;
	}
	safe[n] = 0;
	add(l, ",\"%s\":\"%s\"", key, safe);
}

static void
add_address(struct line *l, const char *key, uint32_t ip)
{
	add(l, ",\"%s\":\"%u.%u.%u.%u\"", key, ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
}

static void
add_endpoint(struct line *l, const char *key, const struct pst_endpoint *ep)
{
	add(l, ",\"%s\":\"%u.%u.%u.%u:%u\"", key, ep->ip >> 24, ep->ip >> 16 & 255,
		ep->ip >> 8 & 255, ep->ip & 255, ep->port);
}

static void
add_protocol(struct line *l, uint8_t protocol)
{
	static const char *const names[256] = { [0] = "any",
		[1] = "icmp",
		[6] = "tcp",
		[17] = "udp",
		[47] = "gre",
		[50] = "esp",
		[132] = "sctp" };

	if (names[protocol] != NULL)
		add(l, ",\"protocol\":\"%s\"", names[protocol]);
	else
		add(l, ",\"protocol\":\"%u\"", protocol);
}

static const char *
name_of(const char *const *names, uint32_t n, uint32_t i)
{
	return i < n ? names[i] : NULL;
}

static void
add_bind(struct line *l, const struct pst_record *r)
{
	if (r->type == PST_RECORD_ADDRESS_OPEN || r->type == PST_RECORD_ADDRESS_CLOSE) {
		add_address(l, "client", r->inside.ip);
		add_address(l, "address", r->outside.ip);
		return;
	}
	add_protocol(l, r->protocol);
	add_endpoint(l, "inside", &r->inside);
	add_endpoint(l, "outside", &r->outside);
	if (r->remote.ip != 0) /* it is for that one alone */
		add_endpoint(l, "remote", &r->remote);
}

static void
add_block(struct line *l, const struct pst_record *r)
{
	add_address(l, "client", r->inside.ip);
	add_address(l, "address", r->outside.ip);
	add(l, ",\"range\":\"%u-%u\",\"worker\":%u,\"record\":%" PRIu64, r->outside.port,
		r->remote.port, r->index, r->number);
}

static void
add_listener(struct line *l, const struct pst_record *r, const struct pst_record_names *names)
{
	add_protocol(l, r->protocol);
	add_endpoint(l, "external", &r->outside);
	if (r->inside.port != 0)
		add_endpoint(l, "client", &r->inside);
	else /* which port is not known yet, or all are its */
		add_address(l, "client", r->inside.ip);
	add_text(l, "editor", name_of(names->editors, names->n_editors, r->index));
	if (r->flags & PST_RECORD_PUBLISHED)
		add(l, ",\"published\":true");
}

static void
add_connection(struct line *l, const struct pst_record *r)
{
	add_protocol(l, r->protocol);
	add_endpoint(l, "inside", &r->inside);
	add_endpoint(l, "outside", &r->outside);
	add_endpoint(l, "remote", &r->remote);
	add(l, ",\"direction\":\"%s\"", r->flags & PST_RECORD_INBOUND ? "in" : "out");
	if (r->type != PST_RECORD_CONNECTION_CLOSE)
		return;
	add(l, ",\"packets_orig\":%" PRIu64 ",\"packets_reply\":%" PRIu64, r->packets[PST_DIR_ORIG],
		r->packets[PST_DIR_REPLY]);
	add(l, ",\"bytes_orig\":%" PRIu64 ",\"bytes_reply\":%" PRIu64, r->bytes[PST_DIR_ORIG],
		r->bytes[PST_DIR_REPLY]);
}

static void
add_refused(struct line *l, const struct pst_record *r, const struct pst_record_names *names)
{
	add_protocol(l, r->protocol);
	add_endpoint(l, "from", &r->inside);
	add_endpoint(l, "to", &r->remote);
	add_text(l, "reason", r->why < PST_DROP_COUNT ? pst_drop_names[r->why] : NULL);
	if (r->type == PST_RECORD_REFUSED && names->rule != NULL)
		add_text(l, "rule",
			names->rule(names->ctx, r->why == PST_DROP_PACKET_FILTER, r->number));
}

static void
add_neighbour(struct line *l, const struct pst_record *r, const struct pst_record_names *names)
{
	add_text(l, "interface", name_of(names->ifaces, names->n_ifaces, r->index));
	add_address(l, "address", r->remote.ip);
	if (r->type == PST_RECORD_NEIGHBOUR_UP)
		add(l, ",\"mac\":\"%02x:%02x:%02x:%02x:%02x:%02x\"", r->mac[0], r->mac[1],
			r->mac[2], r->mac[3], r->mac[4], r->mac[5]);
}

static void
add_link(struct line *l, const struct pst_record *r, const struct pst_record_names *names)
{
	add_text(l, "interface", name_of(names->ifaces, names->n_ifaces, r->index));
	if (r->number != 0)
		add(l, ",\"mbps\":%" PRIu64, r->number);
}

static void
add_start(struct line *l, const struct pst_record_names *names)
{
	const char *comma = "";

	add(l, ",\"version\":\"" PST_VERSION "\",\"kinds\":[");
	for (uint32_t k = 0; k < PST_RECORD_N_KINDS; k++) {
		if ((names->kinds >> k & 1) == 0)
			continue;
		add(l, "%s\"%s\"", comma, pst_record_kinds[k]);
		comma = ",";
	}
	add(l, "],\"port_block\":%u,\"deterministic\":%s", names->port_block,
		names->deterministic ? "true" : "false");
}

static void
add_lost(struct line *l, const struct pst_record *r, uint64_t since_wall_ms)
{
	static const char *const sources[] = { [PST_RECORD_OF_WORKER] = "worker",
		[PST_RECORD_OF_RATE] = "rate",
		[PST_RECORD_OF_FILE] = "file",
		[PST_RECORD_OF_SYSLOG] = "syslog",
		[PST_RECORD_OF_IPFIX] = "ipfix",
		[PST_RECORD_OF_WATCH] = "watch" };
	char time[PST_RECORD_TIME];

	add(l, ",\"source\":\"%s\"", sources[r->source]);
	if (r->source == PST_RECORD_OF_WORKER)
		add(l, ",\"worker\":%u", r->index);
	if (r->source == PST_RECORD_OF_WORKER || r->source == PST_RECORD_OF_RATE)
		add(l, ",\"kind\":\"%s\"", pst_record_kinds[r->why]);
	add(l, ",\"count\":%" PRIu64 ",\"since\":\"%s\"", r->number,
		pst_record_time(since_wall_ms, time));
}

static void
add_body(struct line *l, const struct pst_record *r, const struct pst_record_names *names)
{
	switch (pst_record_kind_of[r->type]) {
	case PST_RECORD_BIND_BIT:
		add_bind(l, r);
		break;
	case PST_RECORD_BLOCK_BIT:
		add_block(l, r);
		break;
	case PST_RECORD_LISTENER_BIT:
		add_listener(l, r, names);
		break;
	case PST_RECORD_CONNECTION_BIT:
		add_connection(l, r);
		break;
	case PST_RECORD_LIMIT_BIT:
	case PST_RECORD_FILTER_BIT:
		add_refused(l, r, names);
		break;
	case PST_RECORD_NEIGHBOUR_BIT:
		add_neighbour(l, r, names);
		break;
	case PST_RECORD_LINK_BIT:
		add_link(l, r, names);
		break;
	default:
		break;
	}
}

size_t
pst_record_json(char out[PST_RECORD_LINE], const struct pst_record *r,
	const struct pst_record_names *names, uint64_t seq, uint64_t wall_ms,
	uint64_t since_wall_ms)
{
	struct line l = { .text = out };
	char time[PST_RECORD_TIME];

	add(&l, "{\"time\":\"%s\"", pst_record_time(wall_ms, time));
	if (seq != PST_RECORD_NO_SEQ)
		add(&l, ",\"seq\":%" PRIu64, seq);
	add(&l, ",\"event\":\"%s\"", pst_record_types[r->type]);
	if (r->type == PST_RECORD_START || r->type == PST_RECORD_REOPEN)
		add_start(&l, names); /* so that a new file says what is in it */
	else if (r->type == PST_RECORD_LOST)
		add_lost(&l, r, since_wall_ms);
	else if (r->type == PST_RECORD_RELOAD_APPLIED)
		add(&l, ",\"changes\":%" PRIu64, r->number);
	else if (r->type == PST_RECORD_PORTS_MOVED)
		add(&l, ",\"range\":\"%u-%u\",\"worker\":%u", r->outside.port, r->remote.port,
			r->index);
	else
		add_body(&l, r, names);
	add(&l, "}");
	return l.len;
}

const char *
pst_record_time(uint64_t wall_ms, char text[PST_RECORD_TIME])
{
	time_t seconds = wall_ms / MS_PER_S;
	struct tm tm;

	gmtime_r(&seconds, &tm);
	snprintf(text, PST_RECORD_TIME, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
		(unsigned int)(tm.tm_year + 1900) % 10000, (tm.tm_mon + 1u) % 100,
		(unsigned int)tm.tm_mday % 100, (unsigned int)tm.tm_hour % 100,
		(unsigned int)tm.tm_min % 100, (unsigned int)tm.tm_sec % 100,
		(unsigned int)(wall_ms % MS_PER_S));
	return text;
}
