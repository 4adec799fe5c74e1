/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "config/address.h"
#include "config/load_priv.h"

#define SECTION "/packet_filters/*"

/* 80, "80" or "80-90" */
static bool
read_port_range(
	struct pst_loader *l, const char *at, const json_t *json, struct pst_port_range *range)
{
	json_int_t port = json_integer_value(json);
	const char *text;

	if (json_is_integer(json) && port > 0 && port <= UINT16_MAX) {
		range->first = range->last = port;
		return true;
	}
	if (json_is_integer(json)) {
		pst_problem(l, at, "must be from 1 to 65535, not %lld", (long long)port);
		return false;
	}
	text = pst_read_text(l, at, json);
	if (text == NULL)
		return false;
	if (!pst_port_range_parse(text, range)) {
		pst_problem(l, at, "neither a port nor \"FIRST-LAST\": \"%s\"", text);
		return false;
	}
	return true;
}

static uint32_t
read_port_ranges(struct pst_loader *l, const struct pst_member *m, struct pst_port_range *ranges)
{
	size_t n = pst_read_list(l, m->key, m->at, m->json);

	for (size_t i = 0; i < n; i++) {
		char at[PST_POINTER_MAX];

		pst_pointer_element(at, m->at, i);
		read_port_range(l, at, json_array_get(m->json, i), &ranges[i]);
	}
	return n;
}

static void
read_protocol(struct pst_loader *l, const struct pst_member *m, struct pst_config_filter *f)
{
	json_int_t number = json_integer_value(m->json);
	const char *text;

	f->any_protocol = m->json == NULL;
	if (json_is_integer(m->json) && number >= 0 && number <= UINT8_MAX) {
		f->protocol = number;
	} else if (json_is_integer(m->json)) {
		pst_problem(l, m->at, "must be from 0 to 255, not %lld", (long long)number);
	} else {
		text = pst_member_text(l, m);
		if (text != NULL && !pst_ip_protocol_parse(text, &f->protocol))
			pst_problem(l, m->at,
				"neither \"tcp\", \"udp\", \"icmp\", \"gre\", \"esp\", \"sctp\" "
				"nor a number: \"%s\"",
				text);
	}
}

/* What has no ports would never match. */
static void
check_ports(struct pst_loader *l, const char *pointer, const struct pst_config_filter *f)
{
	static const char *const names[] = { "source_ports", "destination_ports" };
	const uint32_t n[] = { f->n_source_ports, f->n_destination_ports };

	for (int i = 0; i < 2; i++) {
		char at[PST_POINTER_MAX];

		pst_pointer_child(at, pointer, names[i]);
		if (n[i] == 0 || pst_problem_is_at(l, at))
			continue;
		if (f->any_protocol)
			pst_problem(l, at, "needs a \"protocol\", \"tcp\" or \"udp\"");
		else if (f->protocol != PST_TCP && f->protocol != PST_UDP)
			pst_problem(l, at, "only tcp and udp have ports");
	}
}

static void
read_filter(struct pst_loader *l, const char *pointer, const json_t *json,
	struct pst_config_filter *f)
{
	struct pst_member m;
	int direction = -1;

	if (!pst_read_object(l, SECTION, pointer, json, f))
		return;
	pst_member_find(&m, SECTION, pointer, json, "action");
	f->allow = m.json != NULL && pst_read_choice(l, m.at, m.json, m.key->names) == 1;
	pst_member_find(&m, SECTION, pointer, json, "direction");
	if (m.json != NULL)
		direction = pst_read_choice(l, m.at, m.json, m.key->names);
	f->in = direction != 1;
	f->out = direction != 0;
	pst_member_find(&m, SECTION, pointer, json, "protocol");
	read_protocol(l, &m, f);
	pst_member_find(&m, SECTION, pointer, json, "source");
	f->n_sources = pst_member_ranges(l, &m, f->sources);
	pst_member_find(&m, SECTION, pointer, json, "destination");
	f->n_destinations = pst_member_ranges(l, &m, f->destinations);
	pst_member_find(&m, SECTION, pointer, json, "source_ports");
	f->n_source_ports = read_port_ranges(l, &m, f->source_ports);
	pst_member_find(&m, SECTION, pointer, json, "destination_ports");
	f->n_destination_ports = read_port_ranges(l, &m, f->destination_ports);
	check_ports(l, pointer, f);
}

void
pst_load_filters(struct pst_loader *l, const struct pst_member *m)
{
	size_t n = pst_read_list(l, m->key, m->at, m->json);

	if (n == 0)
		return;
	l->config->filters = calloc(n, sizeof(*l->config->filters));
	if (l->config->filters == NULL) {
		pst_problem(l, m->at, "no memory for %zu entries", n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct pst_config_filter *f = &l->config->filters[i];
		char pointer[PST_POINTER_MAX];

		snprintf(f->name, sizeof(f->name), "filter %zu", i + 1);
		pst_pointer_element(pointer, m->at, i);
		read_filter(l, pointer, json_array_get(m->json, i), f);
	}
	l->config->n_filters = n;
}
