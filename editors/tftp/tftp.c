/* SPDX-License-Identifier: BSD-3-Clause */
#include "tftp/tftp.h"

#include <errno.h>
#include <stdlib.h>

#include "tftp/msg.h"

/* One connection to a server's port; its data filter's detach() frees it. */
struct requests {
	struct pst_connection *conn;
	bool seen;
	struct pst_action *action; /* the last permission, NULL: none */
};

static void
count(const struct requests *r, enum pst_tftp_counter counter)
{
	pst_session_count(pst_connection_session(r->conn), counter);
}

/* A client inside: its server may answer from any port. */
static int
admit_server(struct requests *r)
{
	struct pst_ipfilter *filter = pst_ipfilter_create();
	struct pst_retroactive_allow_bind args = {
		.protocol = PST_UDP,
		.protocol_id = pst_tftp_editor.protocol,
		.filter = filter,
	};
	struct pst_endpoint server;
	int ret = -ENOMEM;

	/* Without a filter everybody could come: rather nobody. */
	if (filter == NULL)
		return ret;
	pst_connection_external_name(r->conn, &args.address);
	pst_connection_external_peer(r->conn, &server);
	ret = pst_ipfilter_include(filter, server.ip, server.ip);
	if (ret == 0)
		ret = pst_retroactive_allow_bind(pst_connection_session(r->conn), &args);
	pst_ipfilter_destroy(filter);
	return ret;
}

/* Only one that nobody used is still there to be taken back. */
static void
drop_permission(struct pst_action *action)
{
	if (action == NULL)
		return;
	pst_action_cancel(action);
	pst_action_release(action);
}

/* A server inside: it may answer this client, from the address that the client knows. */
static int
permit_answer(struct requests *r)
{
	struct pst_endpoint name;
	struct pst_allow_future_connect args = {
		.proxy_address = &name,
		.protocol = PST_UDP,
		.flags = PST_FLAG_TIMEOUT,
		.protocol_id = pst_tftp_editor.protocol,
	};
	struct pst_action *before = r->action;
	int ret;

	pst_connection_external_name(r->conn, &name);
	pst_connection_external_peer(r->conn, &args.address);
	ret = pst_allow_future_connect(pst_connection_session(r->conn), &args, &r->action);
	if (ret == 0)
		drop_permission(before);
	return ret;
}

static void
count_outcome(const struct requests *r, int ret)
{
	if (ret >= 0)
		count(r, PST_TFTP_OPENED);
	else
		count(r, ret == -EACCES ? PST_TFTP_REFUSED : PST_TFTP_FAILED);
}

static void
request(struct requests *r, struct pst_edit *edit)
{
	bool is_inbound = pst_connection_is_inbound(r->conn);
	int ret = is_inbound ? permit_answer(r) : admit_server(r);

	count(r, PST_TFTP_REQUESTS);
	count_outcome(r, ret);
	r->seen = true;
	if (ret == -EACCES || (ret >= 0 && !is_inbound))
		edit->op = PST_EDIT_UNWATCH;
}

static void
tftp_data(void *context, enum pst_dir dir, const uint8_t *bytes, uint32_t len, bool end,
	struct pst_edit *edit)
{
	struct requests *r = context;
	enum pst_tftp_op op;

	(void)end;
	edit->op = PST_EDIT_PASS;
	edit->take = len;
	if (dir != PST_DIR_ORIG)
		return;
	op = pst_tftp_parse(bytes, len);
	if (op == PST_TFTP_RRQ || op == PST_TFTP_WRQ) {
		request(r, edit);
		return;
	}
	if (!r->seen)
		count(r, PST_TFTP_UNPARSED);
	edit->op = PST_EDIT_UNWATCH;
}

/* A permission goes on without its handle, until it is used or lapses. */
static void
tftp_data_detach(void *context)
{
	struct requests *r = context;

	pst_action_release(r->action);
	free(r);
}

static const struct pst_data_filter tftp_filter = {
	.data = tftp_data,
	.detach = tftp_data_detach,
};

static struct pst_editor_session *
tftp_attach(struct pst_session *session)
{
	(void)session;
	return calloc(1, sizeof(struct pst_editor_session));
}

static int
tftp_event(struct pst_editor_session *es, const struct pst_event *event)
{
	struct requests *r;
	int ret;

	(void)es;
	if (event->type != PST_EVENT_UDP_DESTINATION || event->is_secondary)
		return 0;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return -ENOMEM;
	r->conn = event->connection;
	ret = pst_connection_attach_data_filter(r->conn, &tftp_filter, PST_PRIORITY_NAT, r);
	if (ret < 0)
		free(r);
	/* Where there is no room for one more filter it passes unread. */
	return ret == -ENOMEM ? ret : 0;
}

static void
tftp_detach(struct pst_editor_session *es)
{
	free(es);
}

static const char *const counters[] = {
	[PST_TFTP_REQUESTS] = "requests",
	[PST_TFTP_OPENED] = "opened",
	[PST_TFTP_REFUSED] = "refused",
	[PST_TFTP_UNPARSED] = "unparsed",
	[PST_TFTP_FAILED] = "failed",
	NULL,
};

const struct pst_editor pst_tftp_editor = {
	.name = "tftp",
	.protocol_name = "TFTP",
	.protocol = { { 0x3b, 0x84, 0xd6, 0x0e, 0x57, 0x19, 0x4a, 0xc8, 0x8f, 0x42, 0xe1, 0x6b,
		0x05, 0x93, 0x2c, 0x7d } },
	.ports = { { PST_UDP, 69 } },
	.counters = counters,
	.attach = tftp_attach,
	.event = tftp_event,
	.detach = tftp_detach,
};
