/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions: a client, and the editors that are attached to it. */
#include <stdlib.h>
#include <string.h>

#include "filter/rule.h"
#include "runtime/runtime_priv.h"

struct pst_session *
session_get(struct pst_runtime *rt, uint32_t client_ip)
{
	struct pst_session *s;
	void *found;

	if (rte_hash_lookup_data(rt->by_client, &client_ip, &found) >= 0)
		return found;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->rt = rt;
	s->client_ip = client_ip;
	s->worker = rt->params.worker_of(rt->params.worker_ctx, client_ip);
	if (rte_hash_add_key_data(rt->by_client, &client_ip, s) < 0) {
		free(s);
		return NULL;
	}
	LIST_INSERT_HEAD(&rt->sessions, s, all);
	rt->stats.sessions++;
	return s;
}

void
session_detach(struct pst_session *s, uint32_t editor)
{
	struct pst_editor_session *es = s->editors[editor];
	uint32_t before = s->rt->current;

	if (es == NULL)
		return;
	s->editors[editor] = NULL;
	s->rt->current = editor;
	s->rt->params.editors[editor]->detach(es);
	s->rt->current = before;
}

/* Is there anything but actions of the session's own? */
static bool
is_held(const struct pst_session *s)
{
	const struct pst_connection *conn;

	LIST_FOREACH(conn, &s->handles, of_session)
	{
		if (conn->kind != HANDLE_ACTION || conn->kill_wanted ||
			(conn->address_based && !conn->finished))
			return true;
	}
	return false;
}

/* R68: the session's end cancels its actions. True when workers are to be told of some. */
static bool
cancel_actions(struct pst_session *s)
{
	struct pst_connection *conn;
	bool any = false;

	LIST_FOREACH(conn, &s->handles, of_session)
	{
		if (conn->finished || !conn->at_worker)
			continue;
		pst_connection_kill(conn);
		any = true;
	}
	return any;
}

static void
free_handles(struct pst_session *s, bool actions)
{
	struct pst_connection *conn = LIST_FIRST(&s->handles), *next;

	for (; conn != NULL; conn = next) {
		next = LIST_NEXT(conn, of_session);
		if (actions || conn->kind != HANDLE_ACTION)
			handle_free(conn);
	}
}

/* Editors may release actions while they leave. */
void
session_close(struct pst_session *s)
{
	struct pst_runtime *rt = s->rt;

	s->closing = true;
	rte_hash_del_key(rt->by_client, &s->client_ip);
	LIST_REMOVE(s, all);
	free_handles(s, false);
	for (uint32_t e = 0; e < rt->n_editors; e++)
		session_detach(s, e);
	free_handles(s, true);
	rt->stats.sessions--;
	free(s);
}

void
session_check(struct pst_session *s)
{
	if (!s->closing && !is_held(s) && !cancel_actions(s))
		session_close(s);
}

bool
session_attach(struct pst_session *s, uint32_t editor)
{
	uint32_t before = s->rt->current;

	if (s->editors[editor] != NULL)
		return true;
	s->rt->current = editor;
	s->editors[editor] = s->rt->params.editors[editor]->attach(s);
	s->rt->current = before;
	if (s->editors[editor] == NULL)
		return false;
	s->editors[editor]->session = s;
	return true;
}

uint32_t
session_editor_of(const struct pst_session *s, const struct pst_editor_session *es)
{
	uint32_t e = 0;

	while (e < s->rt->n_editors && (es == NULL || s->editors[e] != es))
		e++;
	return e < s->rt->n_editors ? e : NO_EDITOR;
}

int
session_tell(struct pst_session *s, uint32_t editor, const struct pst_event *event)
{
	uint32_t before = s->rt->current;
	int ret;

	if (editor == NO_EDITOR || s->editors[editor] == NULL)
		return 0;
	s->rt->current = editor;
	ret = s->rt->params.editors[editor]->event(s->editors[editor], event);
	s->rt->current = before;
	return ret;
}

enum pst_event_source
session_source(const struct pst_session *s)
{
	return s->maps > 0 ? PST_SOURCE_FIREWALL : PST_SOURCE_NAT;
}

uint32_t
pst_session_flags(const struct pst_session *session)
{
	return session->maps > 0 ? PST_SESSION_FIREWALL_CLIENT : 0;
}

int
pst_session_host_access_check(
	const struct pst_session *session, const struct pst_guid *protocol, uint32_t ip)
{
	const struct pst_runtime *rt = session->rt;
	int i = protocol_find(rt, protocol);

	if (i < 0)
		return i;
	if (rt->params.settings.rules != NULL &&
		!pst_ruleset_check(rt->params.settings.rules, i, session->client_ip, ip, NULL))
		return -EACCES;
	return 0;
}

int
pst_session_access_check(const struct pst_session *session, const struct pst_guid *protocol)
{
	return pst_session_host_access_check(session, protocol, 0);
}

int
pst_session_attach_editor(struct pst_session *session, const char *name)
{
	const struct pst_runtime *rt = session->rt;

	for (uint32_t e = 0; e < rt->n_editors; e++) {
		if (strcmp(rt->params.editors[e]->name, name) != 0)
			continue;
		if (!(rt->params.settings.enabled >> e & 1))
			break;
		return session_attach(session, e) ? 0 : -ENOMEM;
	}
	return -ENOENT;
}

void
pst_session_client_address(const struct pst_session *session, struct pst_endpoint *client)
{
	*client = (struct pst_endpoint){ .ip = session->client_ip };
}

void
pst_session_count(struct pst_session *session, unsigned int counter)
{
	struct pst_runtime *rt = session->rt;

	if (rt->current != NO_EDITOR && counter < PST_EDITOR_COUNTERS)
		rt->counters[rt->current][counter]++;
}
