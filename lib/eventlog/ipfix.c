/* SPDX-License-Identifier: BSD-3-Clause */
#include "eventlog/ipfix.h"

#include <string.h>

#include <rte_byteorder.h>
#include <rte_common.h>

#include "base/counter.h"

#define VERSION 10
#define HEADER 16
#define SET_HEADER 4
#define TEMPLATE_SET 2
#define FIELDS_MAX 12

/* Information elements of IANA's registry, with their lengths. */
/* clang-format off */
#define ELEMENTS(X) \
	X(PROTOCOL, 4, 1) \
	X(SOURCE_PORT, 7, 2) \
	X(SOURCE_ADDRESS, 8, 4) \
	X(DESTINATION_PORT, 11, 2) \
	X(DESTINATION_ADDRESS, 12, 4) \
	X(POST_SOURCE_ADDRESS, 225, 4) \
	X(POST_DESTINATION_ADDRESS, 226, 4) \
	X(POST_SOURCE_PORT, 227, 2) \
	X(POST_DESTINATION_PORT, 228, 2) \
	X(NAT_EVENT, 230, 1) \
	X(TIME_MS, 323, 8) \
	X(RANGE_START, 361, 2) \
	X(RANGE_END, 362, 2) \
	X(RANGE_STEP, 363, 2) \
	X(RANGE_PORTS, 364, 2) \
	X(QUOTA_EVENT, 466, 4) \
	X(MAX_SESSIONS, 471, 4) \
	X(MAX_BIBS, 472, 4) \
	X(MAX_OF_USER, 473, 4) \
	X(MAX_SUBSCRIBERS, 474, 4)
/* clang-format on */

enum element {
	END,
#define X(id, number, length) id,
	ELEMENTS(X)
#undef X
};

static const struct {
	uint16_t number, length;
} elements[] = {
#define X(id, n, l) [id] = { n, l },
	ELEMENTS(X)
#undef X
};

/* natEvent */
enum nat_event {
	SESSION_CREATE = 4,
	SESSION_DELETE = 5,
	BIB_CREATE = 8,
	BIB_DELETE = 9,
	PORTS_EXHAUSTED = 12,
	QUOTA_EXCEEDED = 13,
	ADDRESS_CREATE = 14,
	ADDRESS_DELETE = 15,
	BLOCK_ALLOCATION = 16,
	BLOCK_DEALLOCATION = 17,
};

/* natQuotaExceededEvent */
enum quota_event {
	QUOTA_NONE,
	QUOTA_SESSIONS,
	QUOTA_BIBS,
	QUOTA_OF_USER,
	QUOTA_SUBSCRIBERS,
};

enum template {
	NO_TEMPLATE,
	SESSION = 256, /* RFC 7011: the first that may be one's */
	BIB,
	BLOCK,
	EXHAUSTED,
	SESSIONS_FULL,
	BIBS_FULL,
	USER_FULL,
	SUBSCRIBERS_FULL,
	ADDRESS,
	TEMPLATES_END,
};

static const uint8_t templates[TEMPLATES_END - SESSION][FIELDS_MAX] = {
	[SESSION - SESSION] = { TIME_MS, NAT_EVENT, PROTOCOL, SOURCE_ADDRESS, POST_SOURCE_ADDRESS,
		SOURCE_PORT, POST_SOURCE_PORT, DESTINATION_ADDRESS, POST_DESTINATION_ADDRESS,
		DESTINATION_PORT, POST_DESTINATION_PORT },
	[BIB - SESSION] = { TIME_MS, NAT_EVENT, PROTOCOL, SOURCE_ADDRESS, POST_SOURCE_ADDRESS,
		SOURCE_PORT, POST_SOURCE_PORT },
	[BLOCK - SESSION] = { TIME_MS, NAT_EVENT, SOURCE_ADDRESS, POST_SOURCE_ADDRESS, RANGE_START,
		RANGE_END, RANGE_STEP, RANGE_PORTS },
	[EXHAUSTED - SESSION] = { TIME_MS, NAT_EVENT, PROTOCOL, SOURCE_ADDRESS },
	[SESSIONS_FULL - SESSION] = { TIME_MS, NAT_EVENT, QUOTA_EVENT, MAX_SESSIONS },
	[BIBS_FULL - SESSION] = { TIME_MS, NAT_EVENT, QUOTA_EVENT, MAX_BIBS },
	[USER_FULL - SESSION] = { TIME_MS, NAT_EVENT, QUOTA_EVENT, MAX_OF_USER, SOURCE_ADDRESS },
	[SUBSCRIBERS_FULL - SESSION] = { TIME_MS, NAT_EVENT, QUOTA_EVENT, MAX_SUBSCRIBERS },
	[ADDRESS - SESSION] = { TIME_MS, NAT_EVENT, SOURCE_ADDRESS, POST_SOURCE_ADDRESS },
};

/* What a record is in these terms. */
struct meaning {
	uint16_t template;
	uint8_t event;
	uint8_t quota;
};

static struct meaning
meaning_of_limit(const struct pst_record *r)
{
	switch (r->why) {
	case PST_DROP_CLIENT_PORTS:
	case PST_DROP_CLIENT_SESSIONS:
		return (struct meaning){ USER_FULL, QUOTA_EXCEEDED, QUOTA_OF_USER };
	case PST_DROP_NO_CONNECTION:
		return (struct meaning){ SESSIONS_FULL, QUOTA_EXCEEDED, QUOTA_SESSIONS };
	case PST_DROP_NO_BIND:
		return (struct meaning){ BIBS_FULL, QUOTA_EXCEEDED, QUOTA_BIBS };
	case PST_DROP_NO_CLIENT:
		return (struct meaning){ SUBSCRIBERS_FULL, QUOTA_EXCEEDED, QUOTA_SUBSCRIBERS };
	case PST_DROP_NO_PORT:
		return (struct meaning){ EXHAUSTED, PORTS_EXHAUSTED, QUOTA_NONE };
	default:
		return (struct meaning){ NO_TEMPLATE, 0, QUOTA_NONE };
	}
}

static struct meaning
meaning_of(const struct pst_record *r)
{
	static const struct meaning by_type[PST_RECORD_N_TYPES] = {
		[PST_RECORD_CONNECTION_OPEN] = { SESSION, SESSION_CREATE, QUOTA_NONE },
		[PST_RECORD_CONNECTION_CLOSE] = { SESSION, SESSION_DELETE, QUOTA_NONE },
		[PST_RECORD_BIND_OPEN] = { BIB, BIB_CREATE, QUOTA_NONE },
		[PST_RECORD_BIND_CLOSE] = { BIB, BIB_DELETE, QUOTA_NONE },
		[PST_RECORD_LISTENER_OPEN] = { BIB, BIB_CREATE, QUOTA_NONE },
		[PST_RECORD_LISTENER_CLOSE] = { BIB, BIB_DELETE, QUOTA_NONE },
		[PST_RECORD_ADDRESS_OPEN] = { ADDRESS, ADDRESS_CREATE, QUOTA_NONE },
		[PST_RECORD_ADDRESS_CLOSE] = { ADDRESS, ADDRESS_DELETE, QUOTA_NONE },
		[PST_RECORD_BLOCK_OPEN] = { BLOCK, BLOCK_ALLOCATION, QUOTA_NONE },
		[PST_RECORD_BLOCK_CLOSE] = { BLOCK, BLOCK_DEALLOCATION, QUOTA_NONE },
	};

	return r->type == PST_RECORD_LIMIT ? meaning_of_limit(r) : by_type[r->type];
}

static void
put(struct pst_ipfix *x, uint64_t value, uint16_t length)
{
	uint64_t be = rte_cpu_to_be_64(value);

	memcpy(x->message + x->len, (uint8_t *)&be + sizeof(be) - length, length);
	x->len += length;
}

static void
put_at(struct pst_ipfix *x, size_t at, uint64_t value, uint16_t length)
{
	size_t len = x->len;

	x->len = at;
	put(x, value, length);
	x->len = len;
}

static uint64_t
value_of(const struct pst_ipfix *x, enum element element, const struct pst_record *r,
	const struct meaning *m, uint64_t wall_ms)
{
	switch (element) {
	case TIME_MS:
		return wall_ms;
	case NAT_EVENT:
		return m->event;
	case QUOTA_EVENT:
		return m->quota;
	case PROTOCOL:
		return r->protocol;
	case SOURCE_ADDRESS:
		return r->inside.ip;
	case SOURCE_PORT:
		return r->inside.port;
	case POST_SOURCE_ADDRESS:
		return r->outside.ip;
	case POST_SOURCE_PORT:
	case RANGE_START:
		return r->outside.port;
	case DESTINATION_ADDRESS:
	case POST_DESTINATION_ADDRESS:
		return r->remote.ip;
	case DESTINATION_PORT:
	case POST_DESTINATION_PORT:
	case RANGE_END:
		return r->remote.port;
	case RANGE_STEP:
		return 1;
	case RANGE_PORTS:
		return r->remote.port - r->outside.port + 1u;
	case MAX_SESSIONS:
	case MAX_BIBS:
		return x->limits.sessions;
	case MAX_OF_USER:
		return r->why == PST_DROP_CLIENT_PORTS ? x->limits.ports_per_client
						       : x->limits.sessions_per_client;
	case MAX_SUBSCRIBERS:
		return x->limits.clients;
	case END:
		break;
	}
	return 0;
}

static size_t length_of(enum template template)
{
	size_t length = 0;

	for (int i = 0; templates[template - SESSION][i] != END; i++)
		length += elements[templates[template - SESSION][i]].length;
	return length;
}

static void
begin(struct pst_ipfix *x)
{
	x->len = HEADER;
	x->template = 0;
	x->records = 0;
}

static void
begin_set(struct pst_ipfix *x, uint16_t id)
{
	x->set = x->len;
	put(x, id, 2);
	put(x, 0, 2); /* its length, when that is known */
}

static void
end_set(struct pst_ipfix *x)
{
	put_at(x, x->set + 2, x->len - x->set, 2);
}

void
pst_ipfix_init(struct pst_ipfix *x, uint32_t domain, const struct pst_ipfix_limits *limits)
{
	memset(x, 0, sizeof(*x));
	x->domain = domain;
	x->limits = *limits;
	begin(x);
}

enum pst_ipfix_added
pst_ipfix_add(struct pst_ipfix *x, const struct pst_record *r, uint64_t wall_ms)
{
	struct meaning m = meaning_of(r);
	bool is_new_set = m.template != x->template;

	if (m.template == NO_TEMPLATE)
		return PST_IPFIX_NONE;
	if (x->len + length_of(m.template) + (is_new_set ? SET_HEADER : 0) > PST_IPFIX_MESSAGE)
		return PST_IPFIX_FULL;
	if (is_new_set) {
		begin_set(x, m.template);
		x->template = m.template;
	}
	for (int i = 0; templates[m.template - SESSION][i] != END; i++) {
		enum element e = templates[m.template - SESSION][i];

		put(x, value_of(x, e, r, &m, wall_ms), elements[e].length);
	}
	end_set(x);
	x->records++;
	return PST_IPFIX_ADDED;
}

static void
add_template(struct pst_ipfix *x, enum template template)
{
	const uint8_t *fields = templates[template - SESSION];
	uint16_t n = 0;

	while (fields[n] != END)
		n++;
	put(x, template, 2);
	put(x, n, 2);
	for (uint16_t i = 0; i < n; i++) {
		put(x, elements[fields[i]].number, 2);
		put(x, elements[fields[i]].length, 2);
	}
}

void
pst_ipfix_add_templates(struct pst_ipfix *x)
{
	begin_set(x, TEMPLATE_SET);
	for (enum template t = SESSION; t < TEMPLATES_END; t++)
		add_template(x, t);
	end_set(x);
	x->template = 0;
}

size_t
pst_ipfix_finish(struct pst_ipfix *x, uint64_t wall_ms, uint32_t *records)
{
	size_t len = x->len;

	put_at(x, 0, VERSION, 2);
	put_at(x, 2, len, 2);
	put_at(x, 4, wall_ms / 1000, 4);
	put_at(x, 8, x->sequence, 4);
	put_at(x, 12, x->domain, 4);
	x->sequence += x->records;
	*records = x->records;
	begin(x);
	return len;
}
