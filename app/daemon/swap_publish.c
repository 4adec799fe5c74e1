/* SPDX-License-Identifier: BSD-3-Clause */
/* Steps of a swap that publish: one server after the other, each in two steps (nat.h). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/address.h"
#include "publish.h"
#include "swap_priv.h"

#define PUBLISH_RETRY_MS 10
#define PUBLISH_PATIENCE_MS 2000 /* ports of the server before are on their way back */

static uint32_t
worker_of_port(const struct pst_swap *s, const struct pst_nat_published *what)
{
	return pst_steer_outside(&s->a->steer, what->external.port);
}

static uint32_t
worker_of_server(const struct pst_swap *s, const struct pst_nat_published *what)
{
	return pst_steer_inside(&s->a->steer, what->internal.ip);
}

static const struct pst_nat_published *
current(const struct pst_swap *s)
{
	return &pst_swap_going_to(s)->servers[s->server];
}

static void
post_publish(struct pst_swap *s, enum pst_publish_step step)
{
	const struct pst_nat_published *what = current(s);
	struct pst_req *req;

	s->publishing = step;
	if (step != PST_PUBLISH_SERVER || worker_of_port(s, what) == worker_of_server(s, what))
		s->port_worker = worker_of_port(s, what);
	s->publisher = step == PST_PUBLISH_PORT ? s->port_worker : worker_of_server(s, what);
	req = pst_chan_take(s->a->reload_chans[s->publisher]);
	req->type = PST_REQ_PUBLISH;
	req->publish.step = step;
	req->publish.external = what->external;
	req->publish.internal = what->internal;
	req->publish.protocol = what->protocol;
	req->publish.address = what->address;
	req->publish.protocol_index = what->protocol_index;
	req->publish.editor_path = what->editor_path;
	req->publish.worker = worker_of_server(s, what);
	req->publish.port_worker = s->port_worker;
	s->asked = 1;
	pst_chan_post(s->a->reload_chans[s->publisher], req);
}

/* The port was given, and the server is not there: the port's worker has it again. */
static void
post_release(struct pst_swap *s)
{
	const struct pst_nat_published *what = current(s);
	struct pst_req *req = pst_chan_take(s->a->reload_chans[s->port_worker]);

	s->publisher = s->port_worker;
	s->publishing = PST_PUBLISH_END;
	req->type = PST_REQ_RELEASE;
	req->reserve.endpoint = what->external;
	req->reserve.protocol = what->protocol;
	s->asked = 1;
	pst_chan_post(s->a->reload_chans[s->publisher], req);
}

static void
say_unpublished(struct pst_swap *s, int ret)
{
	const struct pst_nat_published *what = current(s);
	char *text = s->step == PST_STEP_PUBLISH ? s->result.error : s->result.warning;
	char at[PST_ENDPOINT_TEXT];

	snprintf(text, sizeof(s->result.error), "\"%s\" can't be published: %s: %s",
		pst_publish_name(pst_swap_going_to(s), what),
		pst_endpoint_format(&what->external, at),
		ret == -EADDRINUSE
			? "a client has the port, or connections to another server are open there"
			: strerror(-ret));
}

/* It can't be: then nothing is. Behind the change it is said alone. */
static void
give_up(struct pst_swap *s, int ret)
{
	bool was_reserved = s->publishing == PST_PUBLISH_SERVER &&
			    s->port_worker != worker_of_server(s, current(s));

	say_unpublished(s, ret);
	if (s->step == PST_STEP_PUBLISH) {
		s->undoing = true;
		s->result.ret = ret;
	}
	if (was_reserved)
		post_release(s);
	else if (!s->undoing)
		s->server++;
}

static bool
may_retry(struct pst_swap *s, int ret, uint64_t now_ms)
{
	if (ret != -EAGAIN && ret != -EADDRINUSE)
		return false;
	if (s->give_up_ms == 0)
		s->give_up_ms = now_ms + PUBLISH_PATIENCE_MS;
	return now_ms < s->give_up_ms;
}

static void
published(struct pst_swap *s, int ret, uint64_t now_ms)
{
	const struct pst_nat_published *what = current(s);
	bool is_foreign = worker_of_port(s, what) != worker_of_server(s, what);

	if (s->publishing == PST_PUBLISH_REOPEN && ret < 0)
		post_publish(s, is_foreign ? PST_PUBLISH_PORT : PST_PUBLISH_SERVER);
	else if (s->publishing == PST_PUBLISH_PORT && ret == 0)
		post_publish(s, PST_PUBLISH_SERVER);
	else if (ret == 0)
		s->server++;
	else if (!(s->publishing == PST_PUBLISH_SERVER && is_foreign) && may_retry(s, ret, now_ms))
		s->retry_ms = now_ms + PUBLISH_RETRY_MS;
	else
		give_up(s, ret);
	if (ret == 0 && !s->asked)
		s->give_up_ms = 0;
}

static bool
is_answered(struct pst_swap *s, int *ret)
{
	struct pst_chan *chan = s->a->reload_chans[s->publisher];
	struct pst_req *req = pst_chan_answer(chan);

	if (req == NULL)
		return false;
	*ret = req->result;
	pst_chan_put(chan, req);
	s->asked = 0;
	return true;
}

/* Those that were published before one could not be are ended. True at the end. */
static bool
undo(struct pst_swap *s)
{
	while (s->server > 0) {
		s->server--;
		if (s->todo[s->server] == PST_STEP_PUBLISH) {
			post_publish(s, PST_PUBLISH_END);
			return false;
		}
	}
	return true;
}

/* True when all of this step are. */
bool
pst_swap_publish(struct pst_swap *s, uint64_t now_ms, uint32_t *done)
{
	const struct pst_snapshot *next = pst_swap_going_to(s);
	int ret;

	if (s->asked) {
		if (!is_answered(s, &ret))
			return false;
		++*done;
		if (!s->undoing)
			published(s, ret, now_ms);
		if (s->asked)
			return false;
	}
	if (s->retry_ms != 0 && now_ms < s->retry_ms)
		return false;
	++*done;
	if (s->undoing)
		return undo(s);
	if (s->retry_ms != 0) {
		s->retry_ms = 0;
		post_publish(s, worker_of_port(s, current(s)) != worker_of_server(s, current(s))
					? PST_PUBLISH_PORT
					: PST_PUBLISH_SERVER);
		return false;
	}
	while (s->server < next->n_servers && s->todo[s->server] != s->step)
		s->server++;
	if (s->server == next->n_servers)
		return true;
	s->give_up_ms = 0;
	post_publish(s, PST_PUBLISH_REOPEN);
	return false;
}

/* What is to be done of each server, and when. */
int
pst_swap_plan_servers(struct pst_swap *s)
{
	const struct pst_nat_params *old = &s->a->now->nat;

	s->todo = calloc(s->next->n_servers + 1, sizeof(*s->todo));
	for (uint32_t i = 0; s->todo != NULL && i < s->next->n_servers; i++) {
		const struct pst_nat_published *what = &s->next->servers[i];
		const struct pst_nat_published *before = pst_nat_published_find(
			old, pst_key_of_endpoint(&what->external, what->protocol));

		s->todo[i] = PST_STEP_DONE;
		if (before == NULL)
			s->todo[i] = PST_STEP_PUBLISH;
		else if (before->internal.ip != what->internal.ip ||
			 before->internal.port != what->internal.port)
			s->todo[i] = PST_STEP_REPUBLISH;
	}
	return s->todo != NULL ? 0 : -ENOMEM;
}
