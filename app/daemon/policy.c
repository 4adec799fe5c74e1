/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>

#include "filter/packet.h"
#include "filter/rule.h"

/* The ranges of one config filter, as the classifier takes them. */
struct ranges {
	struct pst_rule_range sources[PST_FILTER_ITEMS_MAX], destinations[PST_FILTER_ITEMS_MAX];
	struct pst_rule_range source_ports[PST_FILTER_ITEMS_MAX];
	struct pst_rule_range destination_ports[PST_FILTER_ITEMS_MAX];
};

static void
copy_ranges(struct pst_rule_range *to, const struct pst_range *from, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++)
		to[k] = (struct pst_rule_range){ from[k].first, from[k].last };
}

static void
copy_ports(struct pst_rule_range *to, const struct pst_port_range *from, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++)
		to[k] = (struct pst_rule_range){ from[k].first, from[k].last };
}

static void
copy_rule(const struct pst_snapshot *s, struct pst_rule *rule, const struct pst_config_rule *c)
{
	snprintf(rule->name, sizeof(rule->name), "%s", c->name);
	rule->allow = c->allow;
	for (uint32_t k = 0; k < c->n_protocols; k++) {
		for (uint32_t i = 0; i < s->n_protocols; i++) {
			if (strcmp(s->names[i].name, c->protocols[k]) == 0)
				rule->protocols |= UINT64_C(1) << i;
		}
	}
	rule->n_clients = c->n_clients;
	copy_ranges(rule->clients, c->clients, c->n_clients);
	rule->n_destinations = c->n_destinations;
	copy_ranges(rule->destinations, c->destinations, c->n_destinations);
}

static int
set_rules(struct pst_snapshot *s)
{
	uint32_t n = s->config->n_rules;
	struct pst_rule *rules = calloc(n + 1, sizeof(*rules));

	if (rules == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		copy_rule(s, &rules[i], &s->config->rules[i]);
	s->rules = pst_ruleset_create(rules, n);
	s->nat.rules = s->rules;
	free(rules);
	return s->rules != NULL ? 0 : -rte_errno;
}

static void
set_field(struct pst_packet_filter *filter, enum pst_class_field field,
	const struct pst_rule_range *ranges, uint32_t n)
{
	filter->where.fields[field].ranges = ranges;
	filter->where.fields[field].n = n;
}

static void
copy_filter(struct pst_packet_filter *filter, struct ranges *r, const struct pst_config_filter *c)
{
	filter->name = c->name;
	filter->allow = c->allow;
	filter->directions = (c->in ? PST_PACKET_IN : 0) | (c->out ? PST_PACKET_OUT : 0);
	filter->protocol = c->any_protocol ? PST_PACKET_ANY_PROTOCOL : c->protocol;
	copy_ranges(r->sources, c->sources, c->n_sources);
	copy_ranges(r->destinations, c->destinations, c->n_destinations);
	copy_ports(r->source_ports, c->source_ports, c->n_source_ports);
	copy_ports(r->destination_ports, c->destination_ports, c->n_destination_ports);
	set_field(filter, PST_CLASS_SOURCE, r->sources, c->n_sources);
	set_field(filter, PST_CLASS_DESTINATION, r->destinations, c->n_destinations);
	set_field(filter, PST_CLASS_SOURCE_PORT, r->source_ports, c->n_source_ports);
	set_field(filter, PST_CLASS_DESTINATION_PORT, r->destination_ports,
		c->n_destination_ports);
}

static int
set_filters(struct pst_snapshot *s)
{
	uint32_t n = s->config->n_filters;
	struct pst_packet_filter *filters = calloc(n + 1, sizeof(*filters));
	struct ranges *ranges = calloc(n + 1, sizeof(*ranges));

	rte_errno = ENOMEM;
	if (filters != NULL && ranges != NULL) {
		for (uint32_t i = 0; i < n; i++)
			copy_filter(&filters[i], &ranges[i], &s->config->filters[i]);
		s->filters = pst_packet_filters_create(filters, n);
		s->nat.filters = s->filters;
	}
	free(filters);
	free(ranges);
	return s->filters != NULL ? 0 : -rte_errno;
}

int
pst_policy_set(struct pst_snapshot *s, char *error, size_t size)
{
	int ret = 0;

	if (s->config->n_rules > 0)
		ret = set_rules(s);
	if (ret == 0 && s->config->n_filters > 0)
		ret = set_filters(s);
	if (ret < 0)
		snprintf(error, size, "the rules and packet filters can't be used: %s",
			rte_strerror(-ret));
	return ret;
}

void
pst_policy_free(struct pst_snapshot *s)
{
	pst_ruleset_destroy(s->rules);
	pst_packet_filters_destroy(s->filters);
}
