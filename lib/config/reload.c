/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/reload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "config/dump.h"
#include "config/problems.h"
#include "config/read.h"

#define SHOWN 64 /* bytes of a value in a problem's text */

const char *const pst_reload_class_names[PST_RELOAD_CLASSES] = {
	[PST_RELOAD_LIVE] = "all",
	[PST_RELOAD_NEW] = "new connections",
	[PST_RELOAD_HELD] = "new connections; open ones are checked",
	[PST_RELOAD_RESTART] = "a restart",
};

#define LIVE(section, name, who)                                                                   \
	{                                                                                          \
		section, name, PST_RELOAD_LIVE, who                                                \
	}
#define NEW(section, name, who)                                                                    \
	{                                                                                          \
		section, name, PST_RELOAD_NEW, who                                                 \
	}
#define HELD(section, name, who)                                                                   \
	{                                                                                          \
		section, name, PST_RELOAD_HELD, who                                                \
	}
#define RESTART(section, name, why)                                                                \
	{                                                                                          \
		section, name, PST_RELOAD_RESTART, why                                             \
	}

#define LCORES "lcores are the EAL's, which starts them once"
#define MEMORY "the EAL reserves memory once"
#define PORTS "ports, queues and steering are set up once"
#define BLOCKS "clients have ports by it already"
#define LOG "the event log goes one way from its start to its end"
#define PER_KEY "see its keys"

/* clang-format off */
static const struct pst_reload_key keys[] = {
	RESTART("/lcores", "main", LCORES),
	RESTART("/lcores", "workers", LCORES ", and the slots of clients and ports are the workers'"),
	RESTART("/lcores", "editors", LCORES ", and clients are an editor lcore's"),
	RESTART("/lcores", "idle", "loops are told how to idle when they start"),

	RESTART("/memory", "hugepages", MEMORY),
	RESTART("/memory", "megabytes", MEMORY),

	RESTART("", "interfaces", PORTS),
	RESTART("/interfaces/*", "device", PORTS),
	RESTART("/interfaces/*", "zone", PORTS),
	RESTART("/interfaces/*", "address", PORTS),
	RESTART("/interfaces/*", "mtu", PORTS),
	RESTART("/interfaces/*", "vlan", PORTS),

	LIVE("", "routes", "workers: open connections look for their next hops anew"),
	LIVE("/routes/*", "to", PER_KEY),
	LIVE("/routes/*", "via", PER_KEY),

	LIVE("", "internal_networks", "main: they say what may be published"),

	HELD("/nat", "pool", "workers: they get ports of it, and end what is on an address that is gone"),
	HELD("/nat", "pools", "workers, as nat.pool"),
	NEW("/nat/pools/*", "clients", PER_KEY),
	HELD("/nat/pools/*", "addresses", PER_KEY),
	NEW("/nat", "bypass", "workers, where a client's mapping is made"),
	RESTART("/nat", "mapping", "mappings are found by it"),
	LIVE("/nat", "filtering", "workers, for packets from outside without a connection"),
	NEW("/nat", "hairpin", "workers, where a connection begins"),
	NEW("/nat", "refresh_inbound", "workers, where a connection begins"),
	LIVE("/nat", "tcp_window", "workers"),
	LIVE("/nat", "other_protocols", "workers"),
	NEW("/nat", "mss_clamp", "workers, in SYNs"),
	RESTART("/nat", "ports", BLOCKS),
	NEW("/nat", "ports_per_client", "workers, where a port is taken"),
	NEW("/nat", "sessions_per_client", "workers, where a connection begins"),
	RESTART("/nat", "port_block", BLOCKS),
	RESTART("/nat", "deterministic", BLOCKS),
	NEW("/nat", "new_sessions_per_client", "workers, where a connection begins"),
	RESTART("/nat", "sessions", "tables are as large as they get from the start"),
	RESTART("/nat", "quarantine", "ports rest by it already"),
	LIVE("/nat/timeouts", "tcp_opening", "workers: timers of open connections are set anew"),
	LIVE("/nat/timeouts", "tcp_established", "workers: timers of open connections are set anew"),
	LIVE("/nat/timeouts", "tcp_closing", "workers: timers of open connections are set anew"),
	LIVE("/nat/timeouts", "udp", "workers: timers of open connections are set anew"),
	LIVE("/nat/timeouts", "icmp", "workers: timers of open connections are set anew"),
	LIVE("/nat/timeouts", "syn_hold", "workers"),
	LIVE("/nat/timeouts", "bind_accept", "workers: timers of open endpoints are set anew"),
	LIVE("/nat/timeouts", "bind_udp_idle", "workers: timers of open endpoints are set anew"),

	HELD("", "protocols", "workers and editor lcores: a protocol keeps its place in the list"),
	HELD("/protocols/*", "id", PER_KEY),
	HELD("/protocols/*", "transport", PER_KEY),
	HELD("/protocols/*", "ports", PER_KEY),
	NEW("/protocols/*", "editor", PER_KEY),

	HELD("", "rules", "workers and editor lcores"),
	LIVE("/rules/*", "name", PER_KEY),
	HELD("/rules/*", "action", PER_KEY),
	HELD("/rules/*", "protocols", PER_KEY),
	HELD("/rules/*", "clients", PER_KEY),
	HELD("/rules/*", "destinations", PER_KEY),

	HELD("", "packet_filters", "workers"),
	LIVE("/packet_filters/*", "name", PER_KEY),
	HELD("/packet_filters/*", "action", PER_KEY),
	HELD("/packet_filters/*", "direction", PER_KEY),
	HELD("/packet_filters/*", "protocol", PER_KEY),
	HELD("/packet_filters/*", "source", PER_KEY),
	HELD("/packet_filters/*", "destination", PER_KEY),
	HELD("/packet_filters/*", "source_ports", PER_KEY),
	HELD("/packet_filters/*", "destination_ports", PER_KEY),

	HELD("", "publish", "main, by requests to the workers of the server and the port"),
	LIVE("/publish/*", "name", PER_KEY),
	HELD("/publish/*", "protocol", PER_KEY),
	HELD("/publish/*", "external", PER_KEY),
	HELD("/publish/*", "internal", PER_KEY),

	NEW("", "editors", "editor lcores: what a disabled one opened is ended"),
	NEW("/editors/*", "enabled", PER_KEY),

	LIVE("/reload", "forbidden_connections", "main"),
	LIVE("/reload", "drain_time", "main"),

	RESTART("/control", "socket", "it is how a reload is answered"),
	RESTART("/metrics", "listen", "the server opens its address once"),

	LIVE("/log", "level", "main"),
	RESTART("/log", "events", LOG),
	RESTART("/log", "kinds", LOG),
	RESTART("/log", "syslog", LOG),
	RESTART("/log", "syslog_format", LOG),
	RESTART("/log", "ipfix", LOG),
	RESTART("/log", "ipfix_domain", LOG),
};
/* clang-format on */

const struct pst_reload_key *
pst_reload_key_find(const char *section, const char *name)
{
	for (size_t i = 0; i < RTE_DIM(keys); i++) {
		if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0)
			return &keys[i];
	}
	return NULL;
}

/* What is compared, and where. */
struct compare {
	struct pst_changes *changes;
	const struct pst_config *running, *next;
};

static bool
make_room(struct pst_changes *c)
{
	uint32_t room = c->room != 0 ? 2 * c->room : 32;
	struct pst_change *list;

	if (c->n < c->room)
		return true;
	list = realloc(c->list, room * sizeof(*list));
	if (list == NULL)
		return false;
	c->list = list;
	c->room = room;
	return true;
}

/* Takes the two texts over, each of which may be NULL. */
static void
add(struct compare *d, const struct pst_reload_key *key, const char *pointer, char *from, char *to)
{
	struct pst_change change = { .pointer = strdup(pointer),
		.from = from,
		.to = to,
		.class = key->class,
		.why = key->class == PST_RELOAD_RESTART ? key->who : NULL };

	if (change.pointer == NULL || !make_room(d->changes)) {
		d->changes->failed = true;
		free(change.pointer);
		free(from);
		free(to);
		return;
	}
	d->changes->list[d->changes->n++] = change;
}

static char *
text_of(struct compare *d, const json_t *json)
{
	char *text;

	if (json == NULL)
		return NULL;
	text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
	d->changes->failed |= text == NULL;
	return text;
}

/* Lists of objects: which entries are gone, and which came. */

struct entry {
	char *text;
	size_t place;
};

static int
by_text(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = strcmp(x->text, y->text);

	return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

static int
by_place(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return (x->place > y->place) - (x->place < y->place);
}

/* The texts of all entries, sorted; NULL for none. */
static struct entry *
entries_of(struct compare *d, const json_t *list, size_t *n)
{
	struct entry *entries = calloc(json_array_size(list) + 1, sizeof(*entries));
	const json_t *value;
	size_t i;

	*n = 0;
	if (entries == NULL) {
		d->changes->failed = true;
		return NULL;
	}
	json_array_foreach(list, i, value)
	{
		entries[*n] = (struct entry){ text_of(d, value), i };
		*n += entries[*n].text != NULL;
	}
	qsort(entries, *n, sizeof(*entries), by_text);
	return entries;
}

/* Take out of both what both have. */
static void
drop_common(struct entry *a, size_t *n_a, struct entry *b, size_t *n_b)
{
	size_t i = 0, k = 0, left_a = 0, left_b = 0;

	while (i < *n_a || k < *n_b) {
		int order = i == *n_a ? 1 : k == *n_b ? -1 : strcmp(a[i].text, b[k].text);

		if (order == 0) {
			free(a[i++].text);
			free(b[k++].text);
		} else if (order < 0) {
			a[left_a++] = a[i++];
		} else {
			b[left_b++] = b[k++];
		}
	}
	*n_a = left_a;
	*n_b = left_b;
}

static void
add_entries(struct compare *d, const struct pst_reload_key *key, const char *pointer,
	struct entry *entries, size_t n, bool gone)
{
	char at[PST_POINTER_MAX];

	qsort(entries, n, sizeof(*entries), by_place);
	for (size_t i = 0; i < n; i++) {
		pst_pointer_element(at, pointer, entries[i].place);
		add(d, key, at, gone ? entries[i].text : NULL, gone ? NULL : entries[i].text);
	}
}

static void
compare_entries(struct compare *d, const struct pst_reload_key *key, const char *pointer,
	const json_t *from, const json_t *to)
{
	size_t n_from, n_to;
	struct entry *old = entries_of(d, from, &n_from), *new = entries_of(d, to, &n_to);

	if (old != NULL && new != NULL) {
		drop_common(old, &n_from, new, &n_to);
		if (n_from == 0 && n_to == 0) /* the same ones, in another order */
			add(d, key, pointer, strdup("\"as they were\""),
				strdup("\"in another order\""));
		add_entries(d, key, pointer, old, n_from, true);
		add_entries(d, key, pointer, new, n_to, false);
		n_from = n_to = 0; /* the texts are the changes' */
	}
	for (size_t i = 0; i < n_from; i++)
		free(old[i].text);
	for (size_t i = 0; i < n_to; i++)
		free(new[i].text);
	free(old);
	free(new);
}

static bool
holds_objects(const json_t *list)
{
	return json_is_object(json_array_get(list, 0));
}

static void compare_section(struct compare *d, const char *section, const char *pointer,
	const json_t *from, const json_t *to);

/* Objects by name: of one that both have, its keys. */
static void
compare_map(struct compare *d, const struct pst_reload_key *key, const char *section,
	const char *pointer, const json_t *from, const json_t *to)
{
	char at[PST_POINTER_MAX];
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)from, name, value)
	{
		pst_pointer_child(at, pointer, name);
		if (json_object_get(to, name) == NULL)
			add(d, key, at, text_of(d, value), NULL);
		else
			compare_section(d, section, at, value, json_object_get(to, name));
	}
	json_object_foreach((json_t *)(uintptr_t)to, name, value)
	{
		pst_pointer_child(at, pointer, name);
		if (json_object_get(from, name) == NULL)
			add(d, key, at, NULL, text_of(d, value));
	}
}

static void
compare_key(struct compare *d, const struct pst_key *key, const char *pointer, const json_t *from,
	const json_t *to)
{
	const struct pst_reload_key *class = pst_reload_key_find(key->section, key->name);
	char below[PST_POINTER_MAX];

	if ((from == NULL && to == NULL) || (from != NULL && to != NULL && json_equal(from, to)))
		return;
	snprintf(below, sizeof(below), "%s/%s%s", key->section, key->name,
		key->type == PST_KEY_OBJECT ? "" : "/*");
	if (key->type == PST_KEY_OBJECT)
		compare_section(d, below, pointer, from, to);
	else if (key->type == PST_KEY_MAP)
		compare_map(d, class, below, pointer, from, to);
	else if (key->type == PST_KEY_LIST && (holds_objects(from) || holds_objects(to)))
		compare_entries(d, class, pointer, from, to);
	else
		add(d, class, pointer, text_of(d, from), text_of(d, to));
}

static void
compare_section(struct compare *d, const char *section, const char *pointer, const json_t *from,
	const json_t *to)
{
	for (uint32_t i = 0; i < pst_n_keys; i++) {
		char at[PST_POINTER_MAX];

		if (strcmp(pst_keys[i].section, section) != 0)
			continue;
		pst_pointer_child(at, pointer, pst_keys[i].name);
		compare_key(d, &pst_keys[i], at, json_object_get(from, pst_keys[i].name),
			json_object_get(to, pst_keys[i].name));
	}
}

/* What depends on more than the key. */

static void
need_restart(struct pst_change *change, const char *why)
{
	change->class = PST_RELOAD_RESTART;
	change->why = why;
}

static bool
is_at(const struct pst_change *change, const char *pointer)
{
	size_t len = strlen(pointer);

	return strncmp(change->pointer, pointer, len) == 0 &&
	       (change->pointer[len] == 0 || change->pointer[len] == '/');
}

static bool
is_whole(const char *published)
{
	return published != NULL && strstr(published, "\"protocol\":\"any\"") != NULL;
}

static void
look_again(struct pst_change *change, const struct pst_config *running)
{
	bool is_pool = is_at(change, "/nat/pool") || is_at(change, "/nat/pools");

	if (running->nat.port_block != 0 && is_pool)
		need_restart(
			change, "with nat.port_block the blocks of all addresses are one table");
	if (running->nat.deterministic && (is_pool || is_at(change, "/internal_networks")))
		need_restart(change, "the plan of deterministic ports follows from it");
	if (is_at(change, "/publish") && (is_whole(change->from) || is_whole(change->to)))
		need_restart(change, "packets to a whole address are steered by its host");
}

int
pst_changes_find(struct pst_changes *changes, const struct pst_config *running,
	const struct pst_config *next)
{
	struct compare d = { changes, running, next };
	json_t *from = pst_config_to_json(running), *to = pst_config_to_json(next);

	memset(changes, 0, sizeof(*changes));
	if (from != NULL && to != NULL)
		compare_section(&d, "", "", from, to);
	else
		changes->failed = true;
	for (uint32_t i = 0; i < changes->n; i++)
		look_again(&changes->list[i], running);
	json_decref(from);
	json_decref(to);
	return changes->failed ? -ENOMEM : 0;
}

void
pst_changes_fini(struct pst_changes *changes)
{
	for (uint32_t i = 0; i < changes->n; i++) {
		free(changes->list[i].pointer);
		free(changes->list[i].from);
		free(changes->list[i].to);
	}
	free(changes->list);
	memset(changes, 0, sizeof(*changes));
}

bool
pst_changes_touch(const struct pst_changes *changes, const char *pointer)
{
	for (uint32_t i = 0; i < changes->n; i++) {
		if (is_at(&changes->list[i], pointer))
			return true;
	}
	return false;
}

static void
refuse(struct pst_loader *l, const struct pst_change *change)
{
	const char *from = change->from != NULL ? change->from : "nothing";
	const char *to = change->to != NULL ? change->to : "nothing";

	pst_problem(l, change->pointer, "needs a restart, as %s: it is %.*s%s, and would be %.*s%s",
		change->why, SHOWN, from, strlen(from) > SHOWN ? "..." : "", SHOWN, to,
		strlen(to) > SHOWN ? "..." : "");
}

void
pst_config_check_next(struct pst_loader *l)
{
	if (pst_changes_find(l->changes, l->running, l->config) < 0) {
		pst_problem_at(l, 0, "", "no memory to compare it with what runs");
		return;
	}
	for (uint32_t i = 0; i < l->changes->n; i++) {
		if (l->changes->list[i].class == PST_RELOAD_RESTART)
			refuse(l, &l->changes->list[i]);
	}
	/* by number they are the same interfaces then, in whatever order the file has them */
	memcpy(l->config->ifaces, l->running->ifaces, sizeof(l->config->ifaces));
}
