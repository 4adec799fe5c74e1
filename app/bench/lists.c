/* SPDX-License-Identifier: BSD-3-Clause */
#include "lists.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_common.h>
#include <rte_ip.h>

#include "base/err.h"

const char *const pst_list_names[PST_LIST_SHAPES] = {
	[PST_LIST_BLOCKED] = "blocked sources",
	[PST_LIST_EITHER] = "sources or destinations",
	[PST_LIST_SERVERS] = "servers' ports",
	[PST_LIST_MIXED] = "of all kinds",
	[PST_LIST_LISTS] = "4 sources, 4 destinations",
};

static uint32_t
below(struct pst_rng *rng, uint32_t n)
{
	return pst_rng_next(rng) % n;
}

/* A /16 to a /32 of 11.0.0.0 to 99.255.255.255. */
static struct pst_rule_range
draw_prefix(struct pst_rng *rng)
{
	uint32_t rest = UINT32_MAX >> 16 >> below(rng, 17);
	uint32_t ip = RTE_IPV4(11 + below(rng, 89), below(rng, 256), below(rng, 256),
		below(rng, 256));

	return (struct pst_rule_range){ ip & ~rest, ip | rest };
}

/* Some of the clients. */
static struct pst_rule_range
draw_clients(struct pst_rng *rng)
{
	uint32_t ip = RTE_IPV4(10, below(rng, 4), below(rng, 256), 0);

	return (struct pst_rule_range){ ip, ip | 255 };
}

static struct pst_rule_range
draw_port(struct pst_rng *rng)
{
	uint32_t port = 1 + below(rng, 1000);

	return (struct pst_rule_range){ port, port + below(rng, 2) * below(rng, 24) };
}

static void
set(struct pst_list *list, uint32_t i, enum pst_class_field field, struct pst_rule_range range)
{
	struct pst_packet_filter *f = &list->filters[i];
	uint32_t *n = &f->where.fields[field].n;

	list->ranges[i][field][*n] = range;
	f->where.fields[field].ranges = list->ranges[i][field];
	++*n;
}

static void
draw_mixed(struct pst_list *list, uint32_t i, struct pst_rng *rng)
{
	struct pst_packet_filter *f = &list->filters[i];

	f->directions = PST_PACKET_OUT;
	switch (i % 4) {
	case 0:
		f->directions = PST_PACKET_IN;
		set(list, i, PST_CLASS_SOURCE, draw_prefix(rng));
		break;
	case 1:
		set(list, i, PST_CLASS_DESTINATION, draw_prefix(rng));
		break;
	case 2:
		f->protocol = below(rng, 2) == 0 ? IPPROTO_TCP : IPPROTO_UDP;
		set(list, i, PST_CLASS_SOURCE, draw_clients(rng));
		set(list, i, PST_CLASS_DESTINATION_PORT, draw_port(rng));
		break;
	default:
		f->directions = PST_PACKET_IN;
		f->protocol = below(rng, 2) == 0 ? IPPROTO_TCP : IPPROTO_UDP;
		set(list, i, PST_CLASS_SOURCE, draw_prefix(rng));
		set(list, i, PST_CLASS_DESTINATION_PORT, draw_port(rng));
	}
}

static void
draw(struct pst_list *list, enum pst_list_shape shape, uint32_t i, struct pst_rng *rng)
{
	struct pst_packet_filter *f = &list->filters[i];

	f->name = "a filter";
	f->directions = PST_PACKET_IN | PST_PACKET_OUT;
	f->protocol = PST_PACKET_ANY_PROTOCOL;
	switch (shape) {
	case PST_LIST_BLOCKED:
		f->directions = PST_PACKET_IN;
		set(list, i, PST_CLASS_SOURCE, draw_prefix(rng));
		break;
	case PST_LIST_EITHER:
		set(list, i, i % 2 == 0 ? PST_CLASS_SOURCE : PST_CLASS_DESTINATION,
			draw_prefix(rng));
		break;
	case PST_LIST_SERVERS:
		f->protocol = IPPROTO_TCP;
		set(list, i, PST_CLASS_DESTINATION, draw_prefix(rng));
		set(list, i, PST_CLASS_DESTINATION_PORT, draw_port(rng));
		break;
	case PST_LIST_MIXED:
		draw_mixed(list, i, rng);
		break;
	default:
		for (int k = 0; k < PST_LIST_RANGES; k++) {
			set(list, i, PST_CLASS_SOURCE, draw_prefix(rng));
			set(list, i, PST_CLASS_DESTINATION, draw_prefix(rng));
		}
	}
}

int
pst_list_make(struct pst_list *list, enum pst_list_shape shape, uint32_t n, uint64_t seed)
{
	struct pst_rng rng;

	pst_rng_init(&rng, seed);
	list->n = n;
	list->filters = calloc(n + 1, sizeof(*list->filters));
	list->ranges = calloc(n + 1, sizeof(*list->ranges));
	if (list->filters == NULL || list->ranges == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		draw(list, shape, i, &rng);
	return 0;
}

void
pst_list_fini(struct pst_list *list)
{
	free(list->filters);
	free(list->ranges);
}

struct pst_ruleset *
pst_list_rules(uint32_t n, uint64_t seed)
{
	struct pst_rule *rules = calloc(n, sizeof(*rules));
	struct pst_ruleset *set;
	struct pst_rng rng;

	if (rules == NULL)
		return pst_null(ENOMEM);
	pst_rng_init(&rng, seed);
	for (uint32_t i = 0; i + 1 < n; i++) {
		snprintf(rules[i].name, sizeof(rules[i].name), "rule %u", i + 1);
		rules[i].clients[0] = draw_clients(&rng);
		rules[i].n_clients = below(&rng, 2);
		rules[i].destinations[0] = draw_prefix(&rng);
		rules[i].n_destinations = 1;
	}
	rules[n - 1].allow = true;
	snprintf(rules[n - 1].name, sizeof(rules[n - 1].name), "rest");
	set = pst_ruleset_create(rules, n);
	free(rules);
	return set;
}
