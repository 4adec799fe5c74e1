/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions: a client, and the editors that are attached to it. */
#include <stdlib.h>

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

void
session_check(struct pst_session *s)
{
	struct pst_runtime *rt = s->rt;

	if (!LIST_EMPTY(&s->handles))
		return;
	s->closing = true;
	rte_hash_del_key(rt->by_client, &s->client_ip);
	LIST_REMOVE(s, all);
	for (uint32_t e = 0; e < rt->n_editors; e++)
		session_detach(s, e);
	rt->stats.sessions--;
	free(s);
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
