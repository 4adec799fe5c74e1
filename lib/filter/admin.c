/* SPDX-License-Identifier: BSD-3-Clause */
#include "pst_admin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

struct pst_admin {
	struct {
		bool there;
		struct pst_filter_info info;
	} filters[PST_ADMIN_FILTERS];
	struct {
		bool there;
		struct pst_protocol_info info;
	} protocols[PST_ADMIN_PROTOCOLS];
};

struct pst_admin *
pst_admin_create(void)
{
	struct pst_admin *admin = calloc(1, sizeof(*admin));

	return admin != NULL ? admin : pst_null(ENOMEM);
}

void
pst_admin_destroy(struct pst_admin *admin)
{
	free(admin);
}

static bool
is_same(const struct pst_guid *a, const struct pst_guid *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static bool
is_zero(const struct pst_guid *id)
{
	return is_same(id, &(struct pst_guid){ { 0 } });
}

static int
find_filter(const struct pst_admin *admin, const struct pst_guid *id)
{
	for (int i = 0; i < PST_ADMIN_FILTERS; i++) {
		if (admin->filters[i].there && is_same(&admin->filters[i].info.id, id))
			return i;
	}
	return -ENOENT;
}

int
pst_admin_install_filter(struct pst_admin *admin, const struct pst_filter_info *info)
{
	int at = -ENOSPC;

	if (info->name == NULL || info->name[0] == 0 || is_zero(&info->id))
		return -EINVAL;
	for (int i = PST_ADMIN_FILTERS - 1; i >= 0; i--) {
		if (!admin->filters[i].there) {
			at = i;
			continue;
		}
		if (is_same(&admin->filters[i].info.id, &info->id) ||
			strcmp(admin->filters[i].info.name, info->name) == 0)
			return -EEXIST;
	}
	if (at < 0)
		return at;
	admin->filters[at].there = true;
	admin->filters[at].info = *info;
	return at;
}

int
pst_admin_uninstall_filter(struct pst_admin *admin, const struct pst_guid *filter)
{
	int at = find_filter(admin, filter);

	if (at < 0)
		return at;
	for (int i = 0; i < PST_ADMIN_PROTOCOLS; i++) {
		if (admin->protocols[i].info.filter == at)
			admin->protocols[i].there = false;
	}
	admin->filters[at].there = false;
	return 0;
}

static int
check_protocol(const struct pst_guid *id, const char *name, const struct pst_primary *primary,
	uint32_t n_primary)
{
	if (is_zero(id) || name == NULL || name[0] == 0 || strlen(name) >= PST_ADMIN_NAME_MAX ||
		n_primary > PST_PRIMARY_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < n_primary; i++) {
		if (primary[i].port == 0 ||
			(primary[i].protocol != PST_TCP && primary[i].protocol != PST_UDP))
			return -EINVAL;
	}
	return 0;
}

/* A free place, or why the protocol can't have one. */
static int
place_for(const struct pst_admin *admin, const struct pst_guid *id, const char *name)
{
	int at = -ENOSPC;

	for (int i = PST_ADMIN_PROTOCOLS - 1; i >= 0; i--) {
		if (!admin->protocols[i].there)
			at = i;
		else if (is_same(&admin->protocols[i].info.id, id) ||
			strcmp(admin->protocols[i].info.name, name) == 0)
			return -EEXIST;
	}
	return at;
}

/* at: a place, -1: any that is empty. */
static int
enter(struct pst_admin *admin, int at, int owner, const struct pst_protocol_info *info)
{
	int any = place_for(admin, &info->id, info->name);

	if (any < 0 && (any != -ENOSPC || at < 0))
		return any;
	if (at < 0)
		at = any;
	if (admin->protocols[at].there)
		return -EEXIST;
	admin->protocols[at].info = *info;
	admin->protocols[at].info.filter = owner;
	admin->protocols[at].there = true;
	return at;
}

static int
register_at(struct pst_admin *admin, int at, const struct pst_guid *filter,
	const struct pst_guid *id, const char *name, const char *description,
	const struct pst_primary *primary, uint32_t n_primary)
{
	int owner = filter != NULL ? find_filter(admin, filter) : -1;
	int ret = check_protocol(id, name, primary, n_primary);
	struct pst_protocol_info info = { .description = description, .n_primary = n_primary };

	if (ret < 0)
		return ret;
	if (owner == -ENOENT)
		return -ENOENT;
	info.id = *id;
	snprintf(info.name, sizeof(info.name), "%s", name);
	if (n_primary > 0)
		memcpy(info.primary, primary, n_primary * sizeof(*primary));
	return enter(admin, at, owner, &info);
}

int
pst_admin_register_protocol(struct pst_admin *admin, const struct pst_guid *filter,
	const struct pst_guid *id, const char *name, const char *description,
	const struct pst_primary *primary, uint32_t n_primary)
{
	return register_at(admin, -1, filter, id, name, description, primary, n_primary);
}

int
pst_admin_register_protocol_at(struct pst_admin *admin, uint32_t place,
	const struct pst_guid *filter, const struct pst_guid *id, const char *name,
	const char *description, const struct pst_primary *primary, uint32_t n_primary)
{
	if (place >= PST_ADMIN_PROTOCOLS)
		return -EINVAL;
	return register_at(admin, place, filter, id, name, description, primary, n_primary);
}

static int
find_protocol(const struct pst_admin *admin, const struct pst_guid *id)
{
	for (int i = 0; i < PST_ADMIN_PROTOCOLS; i++) {
		if (admin->protocols[i].there && is_same(&admin->protocols[i].info.id, id))
			return i;
	}
	return -ENOENT;
}

int
pst_admin_unregister_protocol(struct pst_admin *admin, const struct pst_guid *id)
{
	int at = find_protocol(admin, id);

	if (at < 0)
		return at;
	admin->protocols[at].there = false;
	return 0;
}

const struct pst_protocol_info *
pst_admin_protocol(const struct pst_admin *admin, const struct pst_guid *id)
{
	int at = find_protocol(admin, id);

	return at >= 0 ? &admin->protocols[at].info : NULL;
}

const struct pst_filter_info *
pst_admin_filter_at(const struct pst_admin *admin, uint32_t i)
{
	return i < PST_ADMIN_FILTERS && admin->filters[i].there ? &admin->filters[i].info : NULL;
}

const struct pst_protocol_info *
pst_admin_protocol_at(const struct pst_admin *admin, uint32_t i)
{
	return i < PST_ADMIN_PROTOCOLS && admin->protocols[i].there ? &admin->protocols[i].info :
								       NULL;
}

static bool
has_primary(const struct pst_protocol_info *info, enum pst_proto protocol, uint16_t port)
{
	for (uint32_t i = 0; i < info->n_primary; i++) {
		if (info->primary[i].protocol == protocol && info->primary[i].port == port)
			return true;
	}
	return false;
}

int
pst_admin_primary(const struct pst_admin *admin, enum pst_proto protocol, uint16_t port)
{
	for (int i = PST_ADMIN_PROTOCOLS - 1; i >= 0; i--) {
		if (admin->protocols[i].there &&
			has_primary(&admin->protocols[i].info, protocol, port))
			return i;
	}
	return -1;
}
