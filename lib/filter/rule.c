/* SPDX-License-Identifier: BSD-3-Clause */
#include "rule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

struct pst_ruleset {
	uint32_t count;
	struct pst_rule rules[];
};

static bool
are_valid(const struct pst_rule_range *ranges, uint32_t n)
{
	if (n > PST_RULE_RANGES_MAX)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (ranges[i].first > ranges[i].last)
			return false;
	}
	return true;
}

struct pst_ruleset *
pst_ruleset_create(const struct pst_rule *rules, uint32_t n)
{
	struct pst_ruleset *set;

	for (uint32_t i = 0; i < n; i++) {
		if (!are_valid(rules[i].clients, rules[i].n_clients) ||
			!are_valid(rules[i].destinations, rules[i].n_destinations))
			return pst_null(EINVAL);
	}
	set = malloc(sizeof(*set) + (size_t)n * sizeof(set->rules[0]));
	if (set == NULL)
		return pst_null(ENOMEM);
	set->count = n;
	if (n > 0)
		memcpy(set->rules, rules, (size_t)n * sizeof(set->rules[0]));
	return set;
}

void
pst_ruleset_destroy(struct pst_ruleset *set)
{
	free(set);
}

static bool
protocol_matches(const struct pst_rule *rule, int protocol)
{
	if (rule->protocols == 0)
		return true;
	return protocol >= 0 && protocol < PST_RULE_PROTOCOLS_MAX &&
		(rule->protocols >> protocol & 1) != 0;
}

static bool
address_matches(const struct pst_rule_range *ranges, uint32_t n, uint32_t ip)
{
	if (n == 0)
		return true;
	for (uint32_t i = 0; i < n; i++) {
		if (ip >= ranges[i].first && ip <= ranges[i].last)
			return true;
	}
	return false;
}

static bool
matches(const struct pst_rule *rule, int protocol, uint32_t client_ip, uint32_t dest_ip)
{
	return protocol_matches(rule, protocol) &&
		address_matches(rule->clients, rule->n_clients, client_ip) &&
		address_matches(rule->destinations, rule->n_destinations, dest_ip);
}

bool
pst_ruleset_check(const struct pst_ruleset *set, int protocol, uint32_t client_ip,
	uint32_t dest_ip, const struct pst_rule **why)
{
	const struct pst_rule *decided = NULL;
	uint32_t count = set == NULL ? 0 : set->count;

	for (uint32_t i = 0; i < count; i++) {
		const struct pst_rule *rule = &set->rules[i];

		if (rule->allow && decided != NULL)
			continue;
		if (!matches(rule, protocol, client_ip, dest_ip))
			continue;
		decided = rule;
		if (!rule->allow)
			break;
	}
	if (why != NULL)
		*why = decided;
	return count == 0 || (decided != NULL && decided->allow);
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
