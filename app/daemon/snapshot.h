/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Snapshot: one config as the lcores read it. Main builds it, and from then on it is const.
 *
 * What a config says is read by many and changed by none: rules, packet filters, the protocols of
 * ports, limits and timers are tables of a snapshot, and a reload makes the next one beside it
 * (swap.h). It is freed when every lcore has said that it reads another. So nothing in it may be
 * pointed at by what outlives it: tables of connections hold numbers, of a protocol's place in the
 * list or of an outside address, and those keep their meaning from one snapshot to the next.
 *
 * What is made once is the appliance's, and a snapshot points to it: neighbours, the rests of
 * ports, hooks of editors.
 */
#pragma once

#include "carry.h"
#include "config/config.h"
#include "nat/nat.h"
#include "portplan.h"
#include "pst_admin.h"
#include "runtime/runtime.h"
#include "worker/net.h"

struct pst_appliance;

struct pst_snapshot {
	const struct pst_config *config;
	struct pst_nat_params nat;
	struct pst_net net;
	rte_be32_t outside[PST_NAT_ADDRESSES_MAX]; /* addresses of ours, without gaps */
	struct pst_daemon_plan portplan;	   /* when the config has one */
	struct pst_ruleset *rules;
	struct pst_packet_filters *filters;
	struct pst_admin *admin;
	uint8_t *tcp_protocols, *udp_protocols; /* by port: place + 1 */
	uint8_t *tcp_hooks, *udp_hooks;		/* by port: enum pst_event_source */
	struct pst_nat_protocol protocols[PST_ADMIN_PROTOCOLS];
	struct pst_runtime_protocol names[PST_ADMIN_PROTOCOLS];
	const char *protocol_names[PST_ADMIN_PROTOCOLS];
	uint32_t n_protocols;		   /* places, some of which may be empty behind a reload */
	struct pst_nat_published *servers; /* by endpoint outside */
	uint32_t n_servers;
	struct pst_carry rule_carry, filter_carry;
	uint64_t editors_enabled;	      /* a bit for each of params.editors[] */
	struct pst_runtime_settings settings; /* of the editor lcores */
};

/*
 * Build one of a checked config, which it points to. before: the one that runs; NULL: none does.
 * forgets: retired addresses of that one, for nothing is open on them. NULL, with a text in error.
 */
struct pst_snapshot *pst_snapshot_create(struct pst_appliance *a, const struct pst_config *config,
	const struct pst_snapshot *before, bool forgets, char *error, size_t size);
/* Safe on NULL. */
void pst_snapshot_destroy(struct pst_snapshot *s);
