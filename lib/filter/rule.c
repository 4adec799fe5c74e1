/* SPDX-License-Identifier: BSD-3-Clause */
#include "rule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* Deny rules come first in the classifier, so that the first that matches decides. */
struct pst_ruleset {
	uint32_t count;
	struct pst_classifier *classifier;
	uint32_t *places; /* of its entries, in rules */
	struct pst_rule rules[];
};

static bool
are_countable(const struct pst_rule *rule)
{
	return rule->n_clients <= PST_RULE_RANGES_MAX &&
		rule->n_destinations <= PST_RULE_RANGES_MAX;
}

/* The kind of a connection: 0 where its protocol is not known. */
static uint32_t
kind_of(int protocol)
{
	return protocol >= 0 && protocol < PST_RULE_PROTOCOLS_MAX ? (uint32_t)protocol + 1 : 0;
}

static uint32_t
kinds_of(const struct pst_rule *rule, struct pst_rule_range *kinds)
{
	uint32_t n = 0;

	for (int p = 0; p < PST_RULE_PROTOCOLS_MAX; p++) {
		if ((rule->protocols >> p & 1) != 0)
			kinds[n++] = (struct pst_rule_range){ kind_of(p), kind_of(p) };
	}
	return n;
}

static void
set_entry(struct pst_class_entry *entry, const struct pst_rule *rule, struct pst_rule_range *kinds)
{
	entry->fields[PST_CLASS_KIND].ranges = kinds;
	entry->fields[PST_CLASS_KIND].n = kinds_of(rule, kinds);
	entry->fields[PST_CLASS_SOURCE].ranges = rule->clients;
	entry->fields[PST_CLASS_SOURCE].n = rule->n_clients;
	entry->fields[PST_CLASS_DESTINATION].ranges = rule->destinations;
	entry->fields[PST_CLASS_DESTINATION].n = rule->n_destinations;
}

/* 0, or -rte_errno. */
static int
compile(struct pst_ruleset *set)
{
	struct pst_class_entry *entries = calloc(set->count + 1, sizeof(*entries));
	struct pst_rule_range(*kinds)[PST_RULE_PROTOCOLS_MAX] =
		calloc(set->count + 1, sizeof(*kinds));
	uint32_t n = 0;

	set->places = calloc(set->count + 1, sizeof(*set->places));
	rte_errno = ENOMEM;
	if (entries != NULL && kinds != NULL && set->places != NULL) {
		for (int allow = 0; allow < 2; allow++) {
			for (uint32_t i = 0; i < set->count; i++) {
				if (set->rules[i].allow != allow)
					continue;
				set_entry(&entries[n], &set->rules[i], kinds[n]);
				set->places[n++] = i;
			}
		}
		set->classifier = pst_classifier_create(entries, n);
	}
	free(entries);
	free(kinds);
	return set->classifier != NULL ? 0 : -rte_errno;
}

struct pst_ruleset *
pst_ruleset_create(const struct pst_rule *rules, uint32_t n)
{
	struct pst_ruleset *set;
	int ret;

	for (uint32_t i = 0; i < n; i++) {
		if (!are_countable(&rules[i]))
			return pst_null(EINVAL);
	}
	set = calloc(1, sizeof(*set) + (size_t)n * sizeof(set->rules[0]));
	if (set == NULL)
		return pst_null(ENOMEM);
	set->count = n;
	if (n > 0)
		memcpy(set->rules, rules, (size_t)n * sizeof(set->rules[0]));
	ret = compile(set);
	if (ret < 0) {
		pst_ruleset_destroy(set);
		return pst_null(-ret);
	}
	return set;
}

void
pst_ruleset_destroy(struct pst_ruleset *set)
{
	if (set == NULL)
		return;
	pst_classifier_destroy(set->classifier);
	free(set->places);
	free(set);
}

bool
pst_ruleset_check(const struct pst_ruleset *set, int protocol, uint32_t client_ip,
	uint32_t dest_ip, const struct pst_rule **why)
{
	const uint32_t values[PST_CLASS_FIELDS] = {
		[PST_CLASS_KIND] = kind_of(protocol),
		[PST_CLASS_SOURCE] = client_ip,
		[PST_CLASS_DESTINATION] = dest_ip,
	};
	const struct pst_rule *decided = NULL;
	uint32_t i;

	if (set != NULL) {
		i = pst_classifier_find(set->classifier, values);
		decided = i != PST_CLASS_NONE ? &set->rules[set->places[i]] : NULL;
	}
	if (why != NULL)
		*why = decided;
	return set == NULL || set->count == 0 || (decided != NULL && decided->allow);
}

int
pst_ruleset_place(const struct pst_ruleset *set, const struct pst_rule *rule)
{
	return rule != NULL ? (int)(rule - set->rules) : -1;
}

uint32_t
pst_ruleset_count(const struct pst_ruleset *set)
{
	return set->count;
}

const struct pst_rule *
pst_ruleset_rule(const struct pst_ruleset *set, uint32_t i)
{
	return &set->rules[i];
}
