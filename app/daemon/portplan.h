/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The config's deterministic ports ("nat": { "deterministic": true }): the plan of nat/plan.h, for
 * the workers and, without any of them, for who asks whose a port was.
 */
#pragma once

#include "config/config.h"
#include "nat/nat.h"
#include "worker/steer.h"

struct pst_daemon_plan {
	struct pst_port_plan plan;
	struct pst_port_plan_group groups[PST_NAT_GROUPS_MAX + 1]; /* the last: all other clients */
	struct pst_rule_range networks[PST_NETWORKS_MAX];
};

/*
 * The outside addresses of all clients, and of groups of them. Those that the params before have
 * keep their numbers; those that are no more are retired. 0, or -ENOSPC and a text.
 */
int pst_addresses_set(struct pst_nat_params *p, const struct pst_nat_params *before,
	const struct pst_config *config, char *error, size_t size);

/*
 * The plan, with the addresses set and the runs as they are at start. 0, or -EINVAL and a text:
 * a client would have no ports, or its ports are published.
 */
int pst_daemon_plan_make(struct pst_daemon_plan *p, const struct pst_config *config,
	const struct pst_nat_params *nat, const struct pst_steer *steer, char *error, size_t size);

/*
 * For a config that nobody runs: does it have a plan that fits? 0, or -EINVAL and a text. And
 * print whose "ADDRESS:PORT" is by it, or with "ADDRESS" which ports that client has; -EINVAL and a
 * text for what is neither.
 */
int pst_daemon_plan_check(const struct pst_config *config, char *error, size_t size);
int pst_daemon_plan_print(
	const struct pst_config *config, const char *what, char *error, size_t size);
