/* SPDX-License-Identifier: BSD-3-Clause */
#include "example.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

#define LINE_MAX_LEN 128
#define FIRST_PORT 1024
#define NOWHERE "CALL 0.0.0.0:0\n"

/* One control connection. */
struct control {
	struct control *next;
	struct example_session *session; /* NULL once that is detached */
	struct pst_connection *conn;	 /* NULL once it terminates */
	struct pst_connection *endpoint; /* waits for the server, or NULL */
	bool known;			 /* its first line was the protocol's */
	char out[LINE_MAX_LEN];
};

struct example_session {
	struct pst_editor_session base;
	struct control *controls;
};

static void
count(const struct control *control, enum example_counter counter)
{
	pst_session_count(control->session->base.session, counter);
}

static void
drop_endpoint(struct control *control)
{
	pst_connection_kill(control->endpoint); /* safe on NULL */
	control->endpoint = NULL;
}

/* "CALL IP:PORT" and the line's end; what was announced is in *place. */
static bool
read_call(const uint8_t *line, uint32_t len, struct pst_endpoint *place)
{
	const uint8_t *at = line + strlen("CALL "), *end = line + len;
	uint32_t port;

	if (len < strlen("CALL ") || !pst_text_may_begin(line, len, "CALL ") ||
		!pst_text_ipv4(&at, end, &place->ip) || !pst_text_char(&at, end, ':') ||
		!pst_text_number(&at, end, 65535, &port) || !pst_text_char(&at, end, '\n'))
		return false;
	place->port = port;
	return at == end;
}

/* May the client announce this? Its own address only, and no service's port (R81). */
static bool
is_acceptable(const struct control *control, const struct pst_endpoint *place)
{
	struct pst_endpoint client;

	pst_session_client_address(control->session->base.session, &client);
	return place->ip == client.ip && place->port >= FIRST_PORT;
}

/* Who may come to the endpoint: the server of this connection, and nobody else (R60). */
static struct pst_ipfilter *
server_only(const struct control *control)
{
	struct pst_ipfilter *filter = pst_ipfilter_create();
	struct pst_endpoint server;

	pst_connection_external_peer(control->conn, &server);
	if (filter != NULL && pst_ipfilter_include(filter, server.ip, server.ip) < 0) {
		pst_ipfilter_destroy(filter);
		return NULL;
	}
	return filter;
}

/* Open an endpoint that leads to `place`; *proxy gets its address outside. */
static int
open_endpoint(
	struct control *control, const struct pst_endpoint *place, struct pst_endpoint *proxy)
{
	struct pst_ipfilter *filter = server_only(control);
	struct pst_bind_for_client args = {
		.client_addresses = place,
		.client_address_len = sizeof(*place),
		.proxy_address = proxy,
		.proxy_address_len = sizeof(*proxy),
		.protocol = PST_TCP,
		.n = 1,
		.flags = PST_FLAG_TIMEOUT,
		.backlog = 1,
		.protocol_id = example_editor.protocol,
		.callback = &control->session->base,
		.filter = filter,
		.connections = &control->endpoint,
	};
	int ret;

	if (filter == NULL) /* without one, everybody could come */
		return -ENOMEM;
	pst_connection_external_name(control->conn, proxy);
	proxy->port = PST_PORT_ANY;
	ret = pst_bind_for_client(control->session->base.session, &args);
	pst_ipfilter_destroy(filter);
	return ret;
}

/* What the server is to read instead of the client's line. */
static void
replace(struct control *control, const struct pst_endpoint *place, struct pst_edit *edit)
{
	char ip[PST_TEXT_IPV4_MAX];
	struct pst_endpoint proxy;

	drop_endpoint(control); /* one at a time */
	edit->op = PST_EDIT_REPLACE;
	edit->data = (const uint8_t *)control->out;
	if (open_endpoint(control, place, &proxy) < 0) {
		count(control, EXAMPLE_FAILED);
		control->endpoint = NULL;
		edit->data_len = snprintf(control->out, sizeof(control->out), NOWHERE);
		return;
	}
	count(control, EXAMPLE_OPENED);
	pst_text_format_ipv4(ip, proxy.ip);
	edit->data_len = snprintf(
		control->out, sizeof(control->out), "CALL %s:%u\n", ip, proxy.port);
}

static void
latch(struct control *control, struct pst_edit *edit)
{
	count(control, EXAMPLE_LATCHED);
	drop_endpoint(control);
	edit->op = PST_EDIT_UNWATCH;
}

static void
read_line(struct control *control, const uint8_t *line, uint32_t len, struct pst_edit *edit)
{
	struct pst_endpoint place;
	bool is_call = read_call(line, len, &place);

	edit->take = len;
	if (!is_call && !control->known) {
		latch(control, edit);
		return;
	}
	control->known = true;
	if (!is_call)
		return;
	if (is_acceptable(control, &place))
		replace(control, &place, edit);
	else
		count(control, EXAMPLE_REFUSED);
}

static void
example_data(void *context, enum pst_dir dir, const uint8_t *bytes, uint32_t len, bool end,
	struct pst_edit *edit)
{
	struct control *control = context;
	uint32_t line;

	edit->op = PST_EDIT_PASS;
	edit->take = len;
	if (len == 0 || dir != PST_DIR_ORIG || control->session == NULL || control->conn == NULL)
		return;
	line = pst_text_line(bytes, len < LINE_MAX_LEN ? len : LINE_MAX_LEN);
	if (line != 0)
		read_line(control, bytes, line, edit);
	else if (len >= LINE_MAX_LEN ||
		(!control->known && !pst_text_may_begin(bytes, len, "CALL ")))
		latch(control, edit);
	else if (!end)
		edit->op = PST_EDIT_MORE;
}

static void
example_data_detach(void *context)
{
	struct control *control = context;
	struct control **at = control->session != NULL ? &control->session->controls : NULL;

	drop_endpoint(control);
	while (at != NULL && *at != control)
		at = &(*at)->next;
	if (at != NULL)
		*at = control->next;
	free(control);
}

static const struct pst_data_filter example_filter = {
	.data = example_data,
	.detach = example_data_detach,
};

static int
connected(struct example_session *session, struct pst_connection *conn)
{
	struct control *control = calloc(1, sizeof(*control));

	if (control == NULL)
		return -ENOMEM; /* refuses the connection (R74) */
	control->session = session;
	control->conn = conn;
	if (pst_connection_attach_data_filter(conn, &example_filter, PST_PRIORITY_NAT, control) <
		0) {
		free(control);
		return -ENOMEM;
	}
	control->next = session->controls;
	session->controls = control;
	return 0;
}

/* The server came, or a handle is about to be freed: no reference to it may stay (R56). */
static void
forget(struct example_session *session, const struct pst_connection *conn)
{
	for (struct control *c = session->controls; c != NULL; c = c->next) {
		if (c->endpoint == conn)
			c->endpoint = NULL;
		if (c->conn == conn) {
			c->conn = NULL;
			drop_endpoint(c);
		}
	}
}

static struct pst_editor_session *
example_attach(struct pst_session *session)
{
	struct example_session *es = calloc(1, sizeof(*es));

	if (es == NULL)
		return NULL;
	es->base.session = session;
	return &es->base;
}

static int
example_event(struct pst_editor_session *es, const struct pst_event *event)
{
	struct example_session *session = (struct example_session *)es;

	switch (event->type) {
	case PST_EVENT_CONNECT_TCP:
		return connected(session, event->connection);
	case PST_EVENT_ESTABLISHED: /* in use: not ours to end any more */
		forget(session, event->endpoint);
		break;
	case PST_EVENT_TERMINATING:
		forget(session, event->connection);
		break;
	default:
		break;
	}
	return 0;
}

static void
example_detach(struct pst_editor_session *es)
{
	struct example_session *session = (struct example_session *)es;

	for (struct control *c = session->controls; c != NULL; c = c->next) {
		drop_endpoint(c);
		c->session = NULL;
	}
	free(session);
}

static const char *const counters[] = {
	[EXAMPLE_OPENED] = "opened",
	[EXAMPLE_REFUSED] = "refused",
	[EXAMPLE_FAILED] = "failed",
	[EXAMPLE_LATCHED] = "latched",
	NULL,
};

const struct pst_editor example_editor = {
	.name = "example",
	.description = "The example of editors/README.md",
	.protocol_name = "Call",
	.protocol = { { 0x8e, 0x41, 0x07, 0xd9, 0x6b, 0x3f, 0x4a, 0x52, 0x9c, 0x10, 0xf7, 0x25,
		0xb8, 0x6d, 0x33, 0xe4 } },
	.ports = { { PST_TCP, EXAMPLE_PORT } },
	.default_on = false,
	.counters = counters,
	.attach = example_attach,
	.event = example_event,
	.detach = example_detach,
};
