/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Filter administration (API section 6): which editors are installed, and the protocols
 * registered for them.
 *
 * A protocol has an identity, a name and primary connections: the outbound ports by which
 * the firewall knows its traffic. Secondary connections are not listed: calls open them. The
 * calls' `protocol_id` must be one that is registered here (R27).
 *
 * The firewall installs the editors that are built in, and the protocols that the operator's
 * config adds, before launch; from then on the list is fixed.
 *
 * Owner: main.
 */
#pragma once

#include "pst_types.h"

struct pst_admin;
struct pst_editor;

#define PST_ADMIN_FILTERS 64
#define PST_ADMIN_PROTOCOLS 64
#define PST_PRIMARY_MAX 8
#define PST_ADMIN_NAME_MAX 32

/* A primary connection: outbound, to this port. */
struct pst_primary {
	enum pst_proto protocol; /* PST_TCP or PST_UDP */
	uint16_t port;
};

struct pst_filter_info {
	struct pst_guid id;
	const char *name, *description, *vendor, *version; /* name: not NULL; kept, not copied */
	const struct pst_editor *editor;
};

struct pst_protocol_info {
	struct pst_guid id;
	char name[PST_ADMIN_NAME_MAX];
	const char *description;
	int filter; /* place of its filter in the list, -1: none */
	struct pst_primary primary[PST_PRIMARY_MAX];
	uint32_t n_primary;
};

/* NULL, with rte_errno set. */
struct pst_admin *pst_admin_create(void);
void pst_admin_destroy(struct pst_admin *admin);

/* Its place in the list; -EEXIST when its id or name is there, -ENOSPC, -EINVAL. */
int pst_admin_install_filter(struct pst_admin *admin, const struct pst_filter_info *info);
/* And all its protocols. 0, -ENOENT. */
int pst_admin_uninstall_filter(struct pst_admin *admin, const struct pst_guid *filter);

/*
 * Register a protocol for an installed filter (filter NULL: for none). Its place in
 * the list; -ENOENT when the filter is not installed, -EEXIST when its id or name is
 * registered, -ENOSPC, -EINVAL (a name that is empty or too long, a port 0, neither TCP
 * nor UDP). Where two protocols have one primary connection, the later one has it.
 */
int pst_admin_register_protocol(struct pst_admin *admin, const struct pst_guid *filter,
	const struct pst_guid *id, const char *name, const char *description,
	const struct pst_primary *primary, uint32_t n_primary);
/* The same, at a place of the list that is to be empty; else -EEXIST, or -EINVAL. */
int pst_admin_register_protocol_at(struct pst_admin *admin, uint32_t place,
	const struct pst_guid *filter, const struct pst_guid *id, const char *name,
	const char *description, const struct pst_primary *primary, uint32_t n_primary);
/* 0, -ENOENT. */
int pst_admin_unregister_protocol(struct pst_admin *admin, const struct pst_guid *id);

/* By its identity; NULL when it is not registered. */
const struct pst_protocol_info *pst_admin_protocol(
	const struct pst_admin *admin, const struct pst_guid *id);

/* The lists, by place; NULL at a place that is empty. */
const struct pst_filter_info *pst_admin_filter_at(const struct pst_admin *admin, uint32_t i);
const struct pst_protocol_info *pst_admin_protocol_at(const struct pst_admin *admin, uint32_t i);

/* The place of the protocol that has this primary connection, -1: none. */
int pst_admin_primary(const struct pst_admin *admin, enum pst_proto protocol, uint16_t port);
