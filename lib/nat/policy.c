/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Policy: which protocol a client's new connection is, and whether it may be (R71).
 *
 * The checks go in phases, and the first denial ends them (API section 9): the rules on the
 * protocol of the port; the permissions that editors asked for, under the rules of their
 * protocol (R66); and where the rules say neither, an editor that wants to see the
 * connection may set a protocol. Only a port of a known protocol, or a permission, makes a
 * TCP connection an editor's to see (R65): with no rule against it, any other
 * passes unseen, where the specification's firewall dropped it.
 *
 * The operator's packet filters come before all of this, and know nothing of it.
 */
#include "nat/nat_priv.h"
#include "packet/view.h"

enum verdict { ALLOWED, UNSET, DENIED };

static enum verdict
ask_rules(const struct pst_nat *nat, uint32_t protocol, struct pst_nat_packet *p)
{
	const struct pst_rule *rule;
	bool allowed;

	p->rule = -1;
	if (nat->params->rules == NULL)
		return ALLOWED;
	allowed = pst_ruleset_check(nat->params->rules,
		protocol == PST_NAT_NO_PROTOCOL ? PST_RULE_PROTOCOL_NONE : (int)protocol,
		rte_be_to_cpu_32(pst_key_ip(p->key.b)), rte_be_to_cpu_32(pst_key_ip(p->key.a)),
		&rule);
	p->rule = pst_ruleset_place(nat->params->rules, rule);
	if (allowed)
		return ALLOWED;
	return rule == NULL ? UNSET : DENIED;
}

static uint32_t
protocol_of(const struct pst_nat *nat, const struct pst_nat_packet *p)
{
	uint16_t port = rte_be_to_cpu_16(pst_key_port(p->key.a));
	const uint8_t *table = NULL;

	if (p->proto == PST_TCP)
		table = nat->params->tcp_protocols;
	else if (p->proto == PST_UDP)
		table = nat->params->udp_protocols;
	return table != NULL && table[port] != 0 ? table[port] - 1u : PST_NAT_NO_PROTOCOL;
}

/* Does an editor want to see what clients of this kind open to that port (R72)? */
static bool
is_hooked(const struct pst_nat *nat, const struct pst_nat_packet *p,
	const struct pst_client *client)
{
	uint16_t port = rte_be_to_cpu_16(pst_key_port(p->key.a));
	uint8_t source = client->maps > 0 ? PST_SOURCE_FIREWALL : PST_SOURCE_NAT;
	const uint8_t *hooks = NULL;

	if (p->proto == PST_TCP)
		hooks = nat->params->tcp_hooks;
	else if (p->proto == PST_UDP)
		hooks = nat->params->udp_hooks;
	return hooks != NULL && (hooks[port] & source);
}

uint16_t
pst_nat_editor_lcore(const struct pst_nat *nat, rte_be32_t client_ip)
{
	return rte_be_to_cpu_32(client_ip) % nat->params->n_editor_lcores;
}

static bool
is_watched(const struct pst_nat *nat, const struct pst_nat_packet *p,
	const struct pst_client *client, const struct pst_nat_policy *policy)
{
	if (nat->params->n_editor_lcores == 0 || pst_view_is_portless(p->proto))
		return false;
	if (policy->permission != PST_SLOT_NONE &&
		nat->listeners.entries[policy->permission].editor_path)
		return true;
	if ((policy->protocol != PST_NAT_NO_PROTOCOL || policy->permission != PST_SLOT_NONE) &&
		is_hooked(nat, p, client))
		return true;
	return client->first_permission != PST_SLOT_NONE &&
		pst_nat_permission_find(nat, client, PST_LISTENER_INTEREST, p->key.a) !=
			PST_SLOT_NONE;
}

static void
take_permission(const struct pst_nat *nat, struct pst_nat_policy *policy, uint32_t i)
{
	policy->permission = i;
	policy->protocol = nat->listeners.entries[i].protocol_index;
	policy->via = nat->listeners.entries[i].address;
}

bool
pst_nat_ask_policy(const struct pst_nat *nat, struct pst_nat_packet *p, const struct pst_client *client,
	struct pst_nat_policy *policy)
{
	enum verdict verdict;

	*policy = (struct pst_nat_policy){ .protocol = protocol_of(nat, p),
		.permission = PST_SLOT_NONE,
		.via = PST_LISTENER_ANY_ADDRESS };
	if (unlikely(p->through != PST_SLOT_NONE)) {
		take_permission(nat, policy, p->through);
		policy->watched = is_watched(nat, p, client, policy);
		return ask_rules(nat, policy->protocol, p) == ALLOWED;
	}
	verdict = ask_rules(nat, policy->protocol, p);
	if (verdict == DENIED)
		return false;
	if (unlikely(client->first_permission != PST_SLOT_NONE)) {
		uint32_t i = pst_nat_permission_find(
			nat, client, PST_LISTENER_PERMISSION, p->key.a);

		if (i != PST_SLOT_NONE) {
			take_permission(nat, policy, i);
			verdict = ask_rules(nat, policy->protocol, p);
			if (verdict == DENIED)
				return false;
		}
	}
	policy->watched = is_watched(nat, p, client, policy);
	policy->unset = verdict == UNSET;
	/* where nothing is translated there is nothing to edit; but one that has to decide does */
	if (unlikely(policy->watched) && !policy->unset &&
		pst_nat_is_bypassed(nat, pst_key_ip(p->key.a)))
		policy->watched = false;
	return verdict == ALLOWED || policy->watched;
}

void
pst_nat_count_rule(struct pst_nat *nat, const struct pst_nat_packet *p)
{
	if (nat->rule_counts != NULL)
		nat->rule_counts[p->rule >= 0 ? (uint32_t)p->rule :
						pst_ruleset_count(nat->params->rules)]++;
}

bool
pst_nat_ask_any_filter(const struct pst_nat *nat, enum pst_way way, struct pst_nat_packet *p)
{
	uint64_t source = way == PST_WAY_OUT ? p->key.b : p->key.a;
	uint64_t destination = way == PST_WAY_OUT ? p->key.a : p->key.b;
	struct pst_packet packet = {
		.direction = way == PST_WAY_OUT ? PST_PACKET_OUT : PST_PACKET_IN,
		.protocol = p->proto,
		.source = rte_be_to_cpu_32(pst_key_ip(source)),
		.destination = rte_be_to_cpu_32(pst_key_ip(destination)),
	};

	if (p->proto == PST_TCP || p->proto == PST_UDP) {
		packet.source_port = rte_be_to_cpu_16(pst_key_port(source));
		packet.destination_port = rte_be_to_cpu_16(pst_key_port(destination));
	}
	return pst_packet_filters_pass(nat->params->filters, &packet, &p->filter);
}
