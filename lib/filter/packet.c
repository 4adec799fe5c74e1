/* SPDX-License-Identifier: BSD-3-Clause */
#include "filter/packet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

#define PROTOCOLS 256

struct verdict {
	char name[PST_PACKET_FILTER_NAME_MAX];
	bool allow;
};

struct pst_packet_filters {
	struct pst_classifier *classifier;
	uint32_t n;
	struct verdict verdicts[];
};

/* A packet's kind: its direction's number, and the protocol. */
static uint32_t
kind_of(enum pst_packet_direction direction, uint32_t protocol)
{
	return (direction == PST_PACKET_OUT ? PROTOCOLS : 0) + protocol;
}

static uint32_t
kinds_of(const struct pst_packet_filter *f, struct pst_rule_range *kinds)
{
	static const enum pst_packet_direction each[] = { PST_PACKET_IN, PST_PACKET_OUT };
	bool is_any = f->protocol == PST_PACKET_ANY_PROTOCOL;
	uint32_t n = 0;

	for (int d = 0; d < 2; d++) {
		if (f->directions & each[d])
			kinds[n++] = (struct pst_rule_range){
				kind_of(each[d], is_any ? 0 : f->protocol),
				kind_of(each[d], is_any ? PROTOCOLS - 1 : f->protocol)
			};
	}
	return n == 2 && is_any ? 0 : n;
}

static struct pst_classifier *
compile(const struct pst_packet_filter *filters, uint32_t n)
{
	struct pst_class_entry *entries = calloc(n + 1, sizeof(*entries));
	struct pst_rule_range(*kinds)[2] = calloc(n + 1, sizeof(*kinds));
	struct pst_classifier *c = NULL;

	for (uint32_t i = 0; entries != NULL && kinds != NULL && i < n; i++) {
		entries[i] = filters[i].where;
		entries[i].fields[PST_CLASS_KIND].ranges = kinds[i];
		entries[i].fields[PST_CLASS_KIND].n = kinds_of(&filters[i], kinds[i]);
	}
	if (entries != NULL && kinds != NULL)
		c = pst_classifier_create(entries, n);
	else
		rte_errno = ENOMEM;
	free(entries);
	free(kinds);
	return c;
}

struct pst_packet_filters *
pst_packet_filters_create(const struct pst_packet_filter *filters, uint32_t n)
{
	struct pst_packet_filters *set = calloc(1, sizeof(*set) + n * sizeof(set->verdicts[0]));

	if (set == NULL)
		return pst_null(ENOMEM);
	set->classifier = compile(filters, n);
	if (set->classifier == NULL) {
		free(set);
		return NULL;
	}
	for (; set->n < n; set->n++) {
		struct verdict *v = &set->verdicts[set->n];

		v->allow = filters[set->n].allow;
		snprintf(v->name, sizeof(v->name), "%s", filters[set->n].name);
	}
	return set;
}

void
pst_packet_filters_destroy(struct pst_packet_filters *set)
{
	if (set == NULL)
		return;
	pst_classifier_destroy(set->classifier);
	free(set);
}

bool
pst_packet_filters_pass(
	const struct pst_packet_filters *set, const struct pst_packet *p, int *which)
{
	const uint32_t values[PST_CLASS_FIELDS] = {
		[PST_CLASS_KIND] = kind_of(p->direction, p->protocol),
		[PST_CLASS_SOURCE] = p->source,
		[PST_CLASS_DESTINATION] = p->destination,
		[PST_CLASS_SOURCE_PORT] = p->source_port,
		[PST_CLASS_DESTINATION_PORT] = p->destination_port,
	};
	uint32_t i = pst_classifier_find(set->classifier, values);

	*which = i != PST_CLASS_NONE ? (int)i : PST_PACKET_FILTER_NONE;
	return i == PST_CLASS_NONE || set->verdicts[i].allow;
}

uint32_t
pst_packet_filters_count(const struct pst_packet_filters *set)
{
	return set->n;
}

const char *
pst_packet_filters_name(const struct pst_packet_filters *set, uint32_t i)
{
	return set->verdicts[i].name;
}
