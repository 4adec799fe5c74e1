/* SPDX-License-Identifier: BSD-3-Clause */
#include "ftp/ftp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "ftp/parse.h"

#define LINE_MAX_LEN 512 /* held at most; real ones have 40 */
#define FIRST_PORT 1024
#define HEAD_MAX 9 /* what the parser wants to see of a line */

struct ftp_session {
	struct pst_editor_session base;
	struct control *controls;
};

/* One control connection; its data filter's detach() frees it. */
struct control {
	struct control *next;
	struct ftp_session *session;     /* NULL once that is detached */
	struct pst_connection *conn;     /* NULL once it terminates */
	struct pst_connection *endpoint; /* bound and not used yet, or NULL */
	struct pst_ftp_replies replies;
	bool inbound; /* the server is the one inside */
	bool client_known; /* its first word was FTP's */
	bool auth_seen;
	bool mid_line; /* of a client's line that is passing */
	uint8_t head[HEAD_MAX];
	uint32_t head_len;
	uint8_t out[LINE_MAX_LEN + PST_FTP_ADDRESS_MAX];
};

static void
count(const struct control *control, enum pst_ftp_counter counter)
{
	pst_session_count(control->session->base.session, counter);
}

static void
drop_endpoint(struct control *control)
{
	struct pst_connection *endpoint = control->endpoint;

	control->endpoint = NULL;
	pst_connection_kill(endpoint);
}

/* The filter of an endpoint: the control connection's peer outside alone (R60). */
static struct pst_ipfilter *
peer_only(const struct control *control)
{
	struct pst_ipfilter *filter = pst_ipfilter_create();
	struct pst_endpoint peer;

	if (filter == NULL)
		return NULL;
	pst_connection_external_peer(control->conn, &peer);
	if (pst_ipfilter_include(filter, peer.ip, peer.ip) < 0) {
		pst_ipfilter_destroy(filter);
		return NULL;
	}
	return filter;
}

/*
 * Open an endpoint for what the host inside announced; `proxy` gets its address. In: the port
 * that it has to have, or any.
 */
static int
open_endpoint(
	struct control *control, const struct pst_endpoint *client, struct pst_endpoint *proxy)
{
	struct pst_ipfilter *filter = peer_only(control);
	struct pst_connection *endpoint = NULL;
	struct pst_bind_for_client args = {
		.client_addresses = client,
		.client_address_len = sizeof(*client),
		.proxy_address = proxy,
		.proxy_address_len = sizeof(*proxy),
		.protocol = PST_TCP,
		.n = 1,
		.flags = PST_FLAG_TIMEOUT,
		.backlog = 1,
		.protocol_id = pst_ftp_editor.protocol,
		.callback = &control->session->base,
		.callback_context = control,
		.filter = filter,
		.connections = &endpoint,
	};
	int ret;

	/* Without a filter everybody could come: rather no endpoint. */
	if (filter == NULL)
		return -ENOMEM;
	ret = pst_bind_for_client(control->session->base.session, &args);
	pst_ipfilter_destroy(filter);
	if (ret < 0)
		return ret;
	control->endpoint = endpoint;
	return 0;
}

/* An outside address of the control connection's own, and whatever port. */
static struct pst_endpoint
any_port(const struct control *control)
{
	struct pst_endpoint proxy;

	pst_connection_external_name(control->conn, &proxy);
	proxy.port = PST_PORT_ANY;
	return proxy;
}

/*
 * Let the host inside connect to what the one outside announced, from the control connection's
 * address: only to that host itself, and not to its services.
 */
static void
permit(struct control *control, const struct pst_endpoint *to)
{
	struct pst_endpoint peer, from = any_port(control);
	struct pst_allow_future_connect args = {
		.address = *to,
		.proxy_address = &from,
		.protocol = PST_TCP,
		.flags = PST_FLAG_TIMEOUT,
		.protocol_id = pst_ftp_editor.protocol,
	};

	pst_connection_external_peer(control->conn, &peer);
	if (args.address.ip == 0) /* 229 names a port alone */
		args.address.ip = peer.ip;
	if (args.address.ip != peer.ip)
		count(control, PST_FTP_REFUSED_ADDRESS);
	else if (args.address.port < FIRST_PORT)
		count(control, PST_FTP_REFUSED_PORT);
	else if (pst_allow_future_connect(control->session->base.session, &args, NULL) < 0)
		count(control, PST_FTP_PERMIT_FAILED);
	else
		count(control, PST_FTP_PERMITS);
}

/* A Firewall client announces what it holds on the firewall already: that is approved (R61). */
static bool
is_map(struct control *control, const struct pst_endpoint *announced)
{
	struct pst_session *session = control->session->base.session;
	struct pst_retroactive_allow_bind args = {
		.protocol = PST_TCP,
		.address = *announced,
		.protocol_id = pst_ftp_editor.protocol,
	};
	struct pst_ipfilter *filter;
	int ret = -ENOENT;

	if (!(pst_session_flags(session) & PST_SESSION_FIREWALL_CLIENT))
		return false;
	filter = peer_only(control);
	args.filter = filter;
	if (filter != NULL)
		ret = pst_retroactive_allow_bind(session, &args);
	pst_ipfilter_destroy(filter);
	if (ret >= 0)
		count(control, PST_FTP_MAPS);
	return ret >= 0;
}

/* May the host inside announce this? */
static bool
is_acceptable(const struct control *control, const struct pst_endpoint *announced)
{
	struct pst_endpoint client;

	pst_session_client_address(control->session->base.session, &client);
	if (announced->ip != client.ip) {
		count(control, PST_FTP_REFUSED_ADDRESS);
		return false;
	}
	if (announced->port < FIRST_PORT) {
		count(control, PST_FTP_REFUSED_PORT);
		return false;
	}
	return true;
}

/* The line with another address in it; all else stays as it was spelt. */
static void
replace_address(struct control *control, const uint8_t *line, uint32_t len,
	const struct pst_ftp_command *command, const struct pst_endpoint *endpoint,
	struct pst_edit *edit)
{
	char address[PST_FTP_ADDRESS_MAX];
	uint32_t address_len = pst_ftp_format_address(command, endpoint, address);
	uint32_t tail = command->at + command->len;

	memcpy(control->out, line, command->at);
	memcpy(control->out + command->at, address, address_len);
	memcpy(control->out + command->at + address_len, line + tail, len - tail);
	edit->op = PST_EDIT_REPLACE;
	edit->take = len;
	edit->data = control->out;
	edit->data_len = len - command->len + address_len;
}

/* Another address in the announcement's place, or zeros: nobody waits for what can't come. */
static void
edit_announcement(struct control *control, const uint8_t *line, uint32_t len,
	const struct pst_ftp_command *command, struct pst_edit *edit)
{
	struct pst_endpoint proxy = any_port(control);

	drop_endpoint(control);
	if (open_endpoint(control, &command->endpoint, &proxy) < 0) {
		count(control, PST_FTP_BIND_FAILED);
		proxy = (struct pst_endpoint){ 0, 0 };
	} else {
		count(control, PST_FTP_BINDS);
	}
	replace_address(control, line, len, command, &proxy, edit);
}

/* PORT or EPRT, as far as it is one. */
static bool
read_command(
	struct control *control, const uint8_t *line, uint32_t len, struct pst_ftp_command *command)
{
	pst_ftp_parse_command(line, len, command);
	if (command->verb == PST_FTP_UNPARSED)
		count(control, PST_FTP_NOT_PARSED);
	else if (command->verb == PST_FTP_EPRT_IPV6)
		count(control, PST_FTP_IPV6);
	else if (command->verb != PST_FTP_OTHER)
		count(control, PST_FTP_COMMANDS);
	return command->verb == PST_FTP_PORT || command->verb == PST_FTP_EPRT;
}

static void
edit_line(struct control *control, const uint8_t *line, uint32_t len, struct pst_edit *edit)
{
	struct pst_ftp_command command;

	edit->take = len;
	if (!read_command(control, line, len, &command))
		return;
	if (control->inbound)
		permit(control, &command.endpoint); /* the server inside will connect */
	else if (!is_map(control, &command.endpoint) &&
		is_acceptable(control, &command.endpoint))
		edit_announcement(control, line, len, &command, edit);
}

/* Instead of a passive reply whose port nobody could reach. */
static void
replace_reply(struct pst_edit *edit)
{
	static const uint8_t refusal[] = "425 No data connection.\r\n";

	edit->op = PST_EDIT_REPLACE;
	edit->data = refusal;
	edit->data_len = sizeof(refusal) - 1;
}

/* A server inside that knows its outside address has announced that: the same port, unedited. */
static bool
open_as_announced(struct control *control, const struct pst_ftp_command *reply)
{
	struct pst_endpoint proxy = any_port(control), server;

	if (reply->verb != PST_FTP_PASV || reply->endpoint.ip != proxy.ip)
		return false;
	pst_session_client_address(control->session->base.session, &server);
	server.port = proxy.port = reply->endpoint.port;
	drop_endpoint(control);
	if (open_endpoint(control, &server, &proxy) < 0)
		return false;
	count(control, PST_FTP_BINDS);
	return true;
}

/* 227 or 229 of a server inside: the outside gets the endpoint's address. */
static void
edit_passive(struct control *control, const uint8_t *line, uint32_t len,
	struct pst_ftp_command *reply, struct pst_edit *edit)
{
	struct pst_endpoint server;

	if (open_as_announced(control, reply))
		return;
	pst_session_client_address(control->session->base.session, &server);
	if (reply->verb == PST_FTP_EPSV)
		reply->endpoint.ip = server.ip;
	if (!is_acceptable(control, &reply->endpoint))
		return;
	edit_announcement(control, line, len, reply, edit);
	if (control->endpoint == NULL)
		replace_reply(edit);
}

static void
edit_reply(struct control *control, const uint8_t *line, uint32_t len, struct pst_edit *edit)
{
	struct pst_ftp_command reply;

	edit->take = len;
	pst_ftp_parse_reply(line, len, &reply);
	if (reply.verb == PST_FTP_UNPARSED)
		count(control, PST_FTP_NOT_PARSED);
	if (reply.verb != PST_FTP_PASV && reply.verb != PST_FTP_EPSV)
		return;
	count(control, PST_FTP_PASSIVE);
	if (control->inbound)
		edit_passive(control, line, len, &reply, edit);
	else
		permit(control, &reply.endpoint); /* the client inside will connect */
}

static void
latch(struct control *control, struct pst_edit *edit)
{
	count(control, PST_FTP_LATCHED);
	edit->op = PST_EDIT_UNWATCH;
}

/* A line that has no address: it goes on at once, what matters in it is remembered. */
static void
pass_line(struct control *control, const uint8_t *bytes, uint32_t len, struct pst_edit *edit)
{
	uint32_t line = pst_text_line(bytes, len);
	uint32_t n = line != 0 ? line : len;

	for (uint32_t i = 0; i < n && control->head_len < HEAD_MAX; i++)
		control->head[control->head_len++] = bytes[i];
	if (!control->client_known) {
		enum pst_ftp_answer answer = pst_ftp_is_client(control->head, control->head_len);

		if (answer == PST_FTP_NO) {
			latch(control, edit);
			return;
		}
		control->client_known = answer == PST_FTP_YES;
	}
	if (pst_ftp_is_auth_tls(control->head, control->head_len) == PST_FTP_YES)
		control->auth_seen = true;
	control->mid_line = line == 0;
	if (line != 0)
		control->head_len = 0;
	edit->take = n;
}

static void
client_data(struct control *control, const uint8_t *bytes, uint32_t len, bool end,
	struct pst_edit *edit)
{
	uint32_t line;

	if (control->mid_line || !pst_ftp_may_have_address(bytes, len)) {
		pass_line(control, bytes, len, edit);
		return;
	}
	line = pst_text_line(bytes, len < LINE_MAX_LEN ? len : LINE_MAX_LEN);
	if (line != 0) {
		control->client_known = true;
		edit_line(control, bytes, line, edit);
	} else if (len >= LINE_MAX_LEN) {
		latch(control, edit);
	} else if (!end) {
		edit->op = PST_EDIT_MORE;
	}
}

/* 234 answers nothing but AUTH (RFC 4217, section 4). False: nobody reads on. */
static bool
read_replies(struct control *control, const uint8_t *bytes, uint32_t len, struct pst_edit *edit)
{
	for (uint32_t i = 0; i < len; i++) {
		int code = pst_ftp_reply_byte(&control->replies, bytes[i]);

		if (code < 0) {
			latch(control, edit);
			return false;
		}
		if (code == 234 && control->auth_seen) {
			count(control, PST_FTP_TLS);
			edit->op = PST_EDIT_UNWATCH;
			return false;
		}
	}
	return true;
}

/* A reply that has no address goes on at once. */
static void
pass_reply(struct control *control, const uint8_t *bytes, uint32_t len, struct pst_edit *edit)
{
	uint32_t line = pst_text_line(bytes, len);

	edit->take = line != 0 ? line : len;
	read_replies(control, bytes, edit->take, edit);
}

static void
server_data(struct control *control, const uint8_t *bytes, uint32_t len, bool end,
	struct pst_edit *edit)
{
	uint32_t line;

	if (!pst_ftp_replies_at_start(&control->replies) ||
		!pst_ftp_may_have_reply_address(bytes, len)) {
		pass_reply(control, bytes, len, edit);
		return;
	}
	line = pst_text_line(bytes, len < LINE_MAX_LEN ? len : LINE_MAX_LEN);
	if (line == 0 && len < LINE_MAX_LEN && !end)
		edit->op = PST_EDIT_MORE;
	else if (line == 0)
		pass_reply(control, bytes, len, edit);
	else if (read_replies(control, bytes, line, edit))
		edit_reply(control, bytes, line, edit);
}

static void
ftp_data(void *context, enum pst_dir dir, const uint8_t *bytes, uint32_t len, bool end,
	struct pst_edit *edit)
{
	struct control *control = context;

	edit->op = PST_EDIT_PASS;
	edit->take = len;
	if (len == 0 || control->session == NULL || control->conn == NULL)
		return;
	if (dir == PST_DIR_ORIG)
		client_data(control, bytes, len, end, edit);
	else
		server_data(control, bytes, len, end, edit);
}

static void
unlink_control(struct ftp_session *session, struct control *control)
{
	struct control **at = &session->controls;

	while (*at != control)
		at = &(*at)->next;
	*at = control->next;
}

static void
ftp_data_detach(void *context)
{
	struct control *control = context;

	drop_endpoint(control);
	if (control->session != NULL)
		unlink_control(control->session, control);
	free(control);
}

static const struct pst_data_filter ftp_filter = {
	.data = ftp_data,
	.detach = ftp_data_detach,
};

static int
connected(struct ftp_session *session, struct pst_connection *conn, bool inbound)
{
	struct control *control = calloc(1, sizeof(*control));

	if (control == NULL)
		return -ENOMEM;
	control->session = session;
	control->conn = conn;
	control->inbound = inbound;
	if (pst_connection_attach_data_filter(
		    conn, &ftp_filter, PST_PRIORITY_NAT, control) < 0) {
		/* Another editor reads it. */
		free(control);
		return 0;
	}
	control->next = session->controls;
	session->controls = control;
	return 0;
}

/* The server came: from now on the transfer is not ours to end. */
static void
used(struct ftp_session *session, const struct pst_connection *endpoint)
{
	for (struct control *c = session->controls; c != NULL; c = c->next) {
		if (c->endpoint == NULL || c->endpoint != endpoint)
			continue;
		c->endpoint = NULL;
		count(c, PST_FTP_DATA);
	}
}

/* No reference to it may stay (R56). */
static void
terminating(struct ftp_session *session, const struct pst_connection *conn)
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

/* Control connections of clients inside, and those to servers inside. */
static int
ftp_init(struct pst_hooks *hooks)
{
	hooks->list[hooks->n++] = (struct pst_hook){
		.events = PST_EVENT_CONNECT_TCP | PST_EVENT_ACCEPTED,
		.sources = PST_ALL_SOURCES,
	};
	return 0;
}

static struct pst_editor_session *
ftp_attach(struct pst_session *session)
{
	struct ftp_session *fs = calloc(1, sizeof(*fs));

	if (fs == NULL)
		return NULL;
	fs->base.session = session;
	return &fs->base;
}

static int
ftp_event(struct pst_editor_session *es, const struct pst_event *event)
{
	struct ftp_session *session = (struct ftp_session *)es;

	switch (event->type) {
	case PST_EVENT_CONNECT_TCP:
		return connected(session, event->connection, false);
	case PST_EVENT_ACCEPTED:
		return connected(session, event->connection, true);
	case PST_EVENT_ESTABLISHED:
		used(session, event->endpoint);
		break;
	case PST_EVENT_TERMINATING:
		terminating(session, event->connection);
		break;
	default:
		break;
	}
	return 0;
}

/* The controls live on until their own detach, but do nothing any more. */
static void
ftp_detach(struct pst_editor_session *es)
{
	struct ftp_session *session = (struct ftp_session *)es;

	for (struct control *c = session->controls; c != NULL; c = c->next) {
		drop_endpoint(c);
		c->session = NULL;
		c->conn = NULL;
	}
	free(session);
}

static const char *const counters[] = {
	[PST_FTP_COMMANDS] = "commands",
	[PST_FTP_BINDS] = "binds",
	[PST_FTP_REFUSED_ADDRESS] = "refused_address",
	[PST_FTP_REFUSED_PORT] = "refused_port",
	[PST_FTP_NOT_PARSED] = "unparsed",
	[PST_FTP_IPV6] = "ipv6",
	[PST_FTP_LATCHED] = "latched",
	[PST_FTP_BIND_FAILED] = "bind_failed",
	[PST_FTP_TLS] = "tls",
	[PST_FTP_DATA] = "data_connections",
	[PST_FTP_PASSIVE] = "passive",
	[PST_FTP_PERMITS] = "permits",
	[PST_FTP_PERMIT_FAILED] = "permit_failed",
	[PST_FTP_MAPS] = "maps",
	NULL,
};

const struct pst_editor pst_ftp_editor = {
	.name = "ftp",
	.description = "File Transfer Protocol, active and passive",
	.protocol_name = "FTP client",
	.protocol = { { 0x6f, 0x1d, 0x5a, 0x52, 0x0c, 0x7e, 0x4b, 0x93, 0xa6, 0x21, 0x48, 0xd3,
		0x97, 0x5c, 0x1e, 0xf4 } },
	.ports = { { PST_TCP, 21 } },
	.default_on = true,
	.counters = counters,
	.init = ftp_init,
	.attach = ftp_attach,
	.event = ftp_event,
	.detach = ftp_detach,
};
