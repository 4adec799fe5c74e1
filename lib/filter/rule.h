/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules: what the operator lets clients do.
 *
 * A rule names protocols, clients and destinations; it matches when all three
 * do. A deny rule wins over any allow rule, and once there are rules, what no
 * allow rule matches is denied (R71). With no rules, all is allowed.
 *
 * Protocols are numbers, places in the config's list. A ruleset is a copy,
 * compiled (classify.h), and never changes: lcores share it, and whoever
 * published it destroys it once none of them reads it any more.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "filter/classify.h"

#define PST_RULE_NAME_MAX 32
#define PST_RULE_RANGES_MAX 16
#define PST_RULE_PROTOCOLS_MAX 64
#define PST_RULE_PROTOCOL_NONE (-1) /* traffic of no known protocol */

struct pst_rule {
	char name[PST_RULE_NAME_MAX];
	bool allow;
	uint64_t protocols; /* a bit for each; 0: every protocol, and none */
	struct pst_rule_range clients[PST_RULE_RANGES_MAX];
	uint32_t n_clients; /* 0: everybody */
	struct pst_rule_range destinations[PST_RULE_RANGES_MAX];
	uint32_t n_destinations; /* 0: everywhere */
};

struct pst_ruleset;

/* Copy n rules, which may be 0. NULL and rte_errno: EINVAL (a count or range), ENOMEM. */
struct pst_ruleset *pst_ruleset_create(const struct pst_rule *rules, uint32_t n);
void pst_ruleset_destroy(struct pst_ruleset *set);

/*
 * May this client use the protocol towards dest_ip? `why`, when it is not
 * NULL, gets the rule that decided: the first deny or else the first allow
 * that matches, or NULL when none did. set may be NULL: there are no rules.
 */
bool pst_ruleset_check(const struct pst_ruleset *set, int protocol, uint32_t client_ip,
	uint32_t dest_ip, const struct pst_rule **why);

/* The place of a rule of the set; -1 for NULL. */
int pst_ruleset_place(const struct pst_ruleset *set, const struct pst_rule *rule);

/* The rules, for showing. */
uint32_t pst_ruleset_count(const struct pst_ruleset *set);
const struct pst_rule *pst_ruleset_rule(const struct pst_ruleset *set, uint32_t i);
