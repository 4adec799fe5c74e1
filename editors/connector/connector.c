/* SPDX-License-Identifier: BSD-3-Clause */
#include "connector/connector.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "connector/group.h"
#include "connector/msg.h"

#define CONTROLS_MAX 16 /* of a session */
#define GROUPS_MAX 16	/* of a control connection */
#define ASKS_MAX 32	/* client's lines that the server has not answered */
#define FIRST_PORT 1024

struct connector_session {
	struct pst_editor_session base;
	struct control *controls;
	uint32_t n_controls;
	uintptr_t last_id; /* of a group */
};

/* A line of the client that is not answered yet. */
struct ask {
	enum pst_connector_verb verb;
	enum pst_proto protocol;
	unsigned int n;
	uintptr_t group; /* what was opened for it; 0: nothing */
};

/* One control connection; its data filter's detach() frees it. */
struct control {
	struct control *next;
	struct connector_session *session; /* NULL once that is detached */
	struct pst_connection *conn;	   /* NULL once it terminates */
	bool server_inside;
	struct pst_connector_group *groups; /* the newest first */
	struct ask asks[ASKS_MAX];	    /* the oldest first */
	uint32_t n_asks;
	bool known[PST_DIRS];	 /* that side's first line was the protocol's */
	bool mid_line[PST_DIRS]; /* of a line that is passing */
	bool ended[PST_DIRS];
	uint8_t out[PST_CONNECTOR_LINE_MAX + PST_CONNECTOR_ADDRESS_MAX];
};

static void
count(const struct control *control, enum pst_connector_counter counter)
{
	pst_session_count(control->session->base.session, counter);
}

static struct pst_connector_side
side_of(const struct control *control)
{
	return (struct pst_connector_side){ &control->session->base, control->conn };
}

/* Groups. */

static void
end_groups(struct control *control)
{
	while (control->groups != NULL) {
		struct pst_connector_group *group = control->groups;

		control->groups = group->next;
		pst_connector_group_destroy(group);
	}
}

static void
end_oldest(struct control *control)
{
	struct pst_connector_group **at = &control->groups, *oldest;

	while ((*at)->next != NULL)
		at = &(*at)->next;
	oldest = *at;
	*at = NULL;
	pst_connector_group_destroy(oldest);
}

static struct pst_connector_group *
new_group(struct control *control, const struct pst_connector_line *line)
{
	struct pst_connector_group *group =
		pst_connector_group_create(++control->session->last_id, line);
	unsigned int n = 1;

	if (group == NULL)
		return NULL;
	group->next = control->groups;
	control->groups = group;
	while (group->next != NULL) {
		group = group->next;
		n++;
	}
	if (n > GROUPS_MAX)
		end_oldest(control);
	return control->groups;
}

/* The newest: nothing came of it. */
static void
drop_group(struct control *control)
{
	struct pst_connector_group *group = control->groups;

	if (group == NULL)
		return;
	control->groups = group->next;
	pst_connector_group_destroy(group);
}

static struct pst_connector_group *
group_by_id(const struct control *control, uintptr_t id)
{
	struct pst_connector_group *group = control->groups;

	while (group != NULL && group->id != id)
		group = group->next;
	return group;
}

static struct pst_connector_group *
group_for(const struct control *control, const struct pst_connector_line *line)
{
	struct pst_connector_group *group = control->groups;

	while (group != NULL && !pst_connector_group_is_for(group, line))
		group = group->next;
	return group;
}

/* What is done with an announcement. */

static void
admit(struct control *control, struct pst_connector_group *group, bool yes)
{
	struct pst_endpoint peer;

	pst_connection_external_peer(control->conn, &peer);
	if (pst_connector_group_admit(group, peer.ip, yes) < 0)
		count(control, PST_CONNECTOR_FAILED);
}

/* The line with another address in it; all else stays as it was spelt. */
static void
replace_address(struct control *control, const uint8_t *bytes, uint32_t len,
	const struct pst_connector_line *line, const struct pst_endpoint *endpoint,
	struct pst_edit *edit)
{
	char address[PST_CONNECTOR_ADDRESS_MAX];
	uint32_t address_len = pst_connector_format_address(endpoint, address);
	uint32_t tail = line->at + line->len;

	memcpy(control->out, bytes, line->at);
	memcpy(control->out + line->at, address, address_len);
	memcpy(control->out + line->at + address_len, bytes + tail, len - tail);
	edit->op = PST_EDIT_REPLACE;
	edit->take = len;
	edit->data = control->out;
	edit->data_len = len - line->len + address_len;
}

static bool
is_port_acceptable(const struct control *control, const struct pst_connector_line *line)
{
	if (line->endpoint.port >= FIRST_PORT)
		return true;
	count(control, PST_CONNECTOR_REFUSED_PORT);
	return false;
}

/* By the rules, between the side inside and the peer: known before anything is tried. */
static bool
is_allowed(const struct control *control)
{
	struct pst_endpoint peer;

	pst_connection_external_peer(control->conn, &peer);
	if (pst_session_host_access_check(control->session->base.session,
		    &pst_connector_editor.protocol, peer.ip) == 0)
		return true;
	count(control, PST_CONNECTOR_DENIED);
	return false;
}

/* Endpoints for it: those that it has from before, or new ones. NULL: none can be had. */
static struct pst_connector_group *
endpoints_for(struct control *control, const struct pst_connector_line *line)
{
	const struct pst_connector_side side = side_of(control);
	struct pst_connector_group *group = group_for(control, line);

	if (group != NULL) {
		admit(control, group, true);
		return group;
	}
	if (!is_allowed(control))
		return NULL;
	group = new_group(control, line);
	if (group == NULL || pst_connector_group_bind(group, &side) < 0) {
		if (group != NULL)
			drop_group(control);
		count(control, PST_CONNECTOR_FAILED);
		return NULL;
	}
	count(control, PST_CONNECTOR_BOUND);
	return group;
}

/* The side inside names an address outside: a Firewall client may hold maps there (R61). */
static void
approve_maps(struct control *control, const struct pst_connector_line *line)
{
	const struct pst_connector_side side = side_of(control);
	bool may_hold_maps = pst_session_flags(side.es->session) & PST_SESSION_FIREWALL_CLIENT;

	if (may_hold_maps && pst_connector_approve_maps(line, &side) == 0)
		count(control, PST_CONNECTOR_MAPS);
	else
		count(control, PST_CONNECTOR_REFUSED_ADDRESS);
}

/* The side inside waits there: open endpoints, and tell the other side theirs. */
static uintptr_t
offer(struct control *control, const uint8_t *bytes, uint32_t len,
	const struct pst_connector_line *line, struct pst_edit *edit)
{
	static const struct pst_endpoint nowhere;
	struct pst_connector_group *group;
	struct pst_endpoint client;

	pst_session_client_address(control->session->base.session, &client);
	if (line->endpoint.ip != client.ip) {
		approve_maps(control, line);
		return 0;
	}
	if (!is_port_acceptable(control, line))
		return 0;
	group = endpoints_for(control, line);
	replace_address(
		control, bytes, len, line, group != NULL ? &group->proxy : &nowhere, edit);
	return group != NULL ? group->id : 0;
}

/* The side outside waits there: permit the side inside to connect. */
static uintptr_t
expect(struct control *control, const struct pst_connector_line *line)
{
	const struct pst_connector_side side = side_of(control);
	struct pst_connector_group *group;
	struct pst_endpoint peer;

	pst_connection_external_peer(control->conn, &peer);
	if (line->endpoint.ip != peer.ip) {
		count(control, PST_CONNECTOR_REFUSED_ADDRESS);
		return 0;
	}
	if (!is_port_acceptable(control, line))
		return 0;
	if (!is_allowed(control))
		return 0;
	group = new_group(control, line);
	if (group == NULL || pst_connector_group_permit(group, &side) < 0) {
		if (group != NULL)
			drop_group(control);
		count(control, PST_CONNECTOR_FAILED);
		return 0;
	}
	count(control, PST_CONNECTOR_PERMITTED);
	return group->id;
}

static bool
is_inside(const struct control *control, enum pst_dir dir)
{
	return (dir == PST_DIR_REPLY) == control->server_inside;
}

/* LISTEN or AT. Returns the group that is for it, 0: none. */
static uintptr_t
announced(struct control *control, enum pst_dir dir, const uint8_t *bytes, uint32_t len,
	const struct pst_connector_line *line, struct pst_edit *edit)
{
	if (pst_endpoint_is_unset(&line->endpoint))
		return 0;
	count(control, PST_CONNECTOR_ANNOUNCED);
	if (is_inside(control, dir))
		return offer(control, bytes, len, line, edit);
	return expect(control, line);
}

/* CONNECT: where the client will come from. */
static void
comes_from(struct control *control, const uint8_t *bytes, uint32_t len,
	const struct pst_connector_line *line, struct pst_edit *edit)
{
	struct pst_endpoint client, seen;

	if (!is_inside(control, PST_DIR_ORIG) || pst_endpoint_is_unset(&line->endpoint))
		return;
	pst_session_client_address(control->session->base.session, &client);
	if (line->endpoint.ip != client.ip) {
		count(control, PST_CONNECTOR_REFUSED_ADDRESS);
		return;
	}
	pst_connection_external_name(control->conn, &seen);
	seen.port = line->endpoint.port;
	replace_address(control, bytes, len, line, &seen, edit);
}

/* Lines. */

/* What a connection is not the protocol's, or not any more, opens nothing more. */
static void
latch(struct control *control, struct pst_edit *edit)
{
	count(control, PST_CONNECTOR_LATCHED);
	end_groups(control);
	edit->op = PST_EDIT_UNWATCH;
}

/* Of the side inside alone: who is outside waits at places that are not ours to close. */
static void
close_place(struct control *control, const struct pst_connector_line *line)
{
	struct pst_connector_group *group = control->groups;

	while (group != NULL && !pst_connector_group_close(group, line))
		group = group->next;
}

static void
client_line(struct control *control, const uint8_t *bytes, uint32_t len,
	const struct pst_connector_line *line, struct pst_edit *edit)
{
	struct ask ask = { .verb = line->verb, .protocol = line->protocol, .n = line->n };

	if (control->n_asks == ASKS_MAX) {
		latch(control, edit);
		return;
	}
	if (line->verb == PST_CONNECTOR_LISTEN)
		ask.group = announced(control, PST_DIR_ORIG, bytes, len, line, edit);
	else if (line->verb == PST_CONNECTOR_CONNECT)
		comes_from(control, bytes, len, line, edit);
	else if (line->verb == PST_CONNECTOR_CLOSE)
		close_place(control, line);
	else if (line->verb == PST_CONNECTOR_BYE)
		end_groups(control);
	control->asks[control->n_asks++] = ask;
}

/* The server won't come: where it could, the door is shut. */
static void
refused(struct control *control, const struct ask *ask)
{
	struct pst_connector_group *group = group_by_id(control, ask->group);

	if (group != NULL)
		admit(control, group, false);
}

static struct ask
next_ask(struct control *control)
{
	struct ask ask = { .verb = PST_CONNECTOR_OTHER };

	if (control->n_asks == 0)
		return ask;
	ask = control->asks[0];
	control->n_asks--;
	memmove(control->asks, control->asks + 1, control->n_asks * sizeof(ask));
	return ask;
}

static void
server_line(struct control *control, const uint8_t *bytes, uint32_t len,
	const struct pst_connector_line *line, struct pst_edit *edit)
{
	struct ask ask = next_ask(control);

	if (line->verb == PST_CONNECTOR_NO)
		refused(control, &ask);
	if (line->verb != PST_CONNECTOR_AT)
		return;
	if (ask.verb == PST_CONNECTOR_CONNECT && ask.protocol == line->protocol &&
		ask.n == line->n)
		announced(control, PST_DIR_REPLY, bytes, len, line, edit);
	else
		count(control, PST_CONNECTOR_NOT_ASKED);
}

static bool
is_of_side(enum pst_dir dir, enum pst_connector_verb verb)
{
	switch (verb) {
	case PST_CONNECTOR_LISTEN:
	case PST_CONNECTOR_CONNECT:
	case PST_CONNECTOR_CLOSE:
	case PST_CONNECTOR_BYE:
		return dir == PST_DIR_ORIG;
	case PST_CONNECTOR_AT:
	case PST_CONNECTOR_OK:
	case PST_CONNECTOR_NO:
		return dir == PST_DIR_REPLY;
	case PST_CONNECTOR_UNPARSED:
		return true;
	case PST_CONNECTOR_OTHER:
		break;
	}
	return false;
}

static void
read_line(struct control *control, enum pst_dir dir, const uint8_t *bytes, uint32_t len,
	struct pst_edit *edit)
{
	struct pst_connector_line line;

	edit->take = len;
	pst_connector_parse(bytes, len, &line);
	if (!is_of_side(dir, line.verb))
		line = (struct pst_connector_line){ .verb = PST_CONNECTOR_OTHER };
	if (!control->known[dir] && line.verb == PST_CONNECTOR_OTHER) {
		latch(control, edit);
		return;
	}
	control->known[dir] = true;
	if (line.verb == PST_CONNECTOR_UNPARSED)
		count(control, PST_CONNECTOR_NOT_PARSED);
	if (dir == PST_DIR_ORIG)
		client_line(control, bytes, len, &line, edit);
	else
		server_line(control, bytes, len, &line, edit);
}

/* A line that does not begin like the protocol's: it goes on as it comes. */
static void
pass_line(struct control *control, enum pst_dir dir, const uint8_t *bytes, uint32_t len,
	struct pst_edit *edit)
{
	const struct pst_connector_line other = { .verb = PST_CONNECTOR_OTHER };
	uint32_t line = pst_text_line(bytes, len);

	if (!control->known[dir]) {
		latch(control, edit);
		return;
	}
	edit->take = line != 0 ? line : len;
	if (!control->mid_line[dir] && dir == PST_DIR_ORIG)
		client_line(control, bytes, len, &other, edit);
	else if (!control->mid_line[dir])
		server_line(control, bytes, len, &other, edit);
	control->mid_line[dir] = line == 0;
}

static bool
may_matter(const uint8_t *bytes, uint32_t len)
{
	return pst_connector_may_have_address(bytes, len) ||
		pst_text_may_begin(bytes, len, "BYE") || pst_text_may_begin(bytes, len, "OK") ||
		pst_text_may_begin(bytes, len, "NO");
}

/* Both sides have said all: no use in waiting for the connection's last timer. */
static void
note_end(struct control *control, enum pst_dir dir)
{
	bool other = control->ended[pst_dir_other(dir)];

	if (control->ended[dir])
		return;
	control->ended[dir] = true;
	if (!other)
		return;
	end_groups(control);
	control->session->n_controls--;
}

static void
connector_data(void *context, enum pst_dir dir, const uint8_t *bytes, uint32_t len, bool end,
	struct pst_edit *edit)
{
	struct control *control = context;
	uint32_t line;

	edit->op = PST_EDIT_PASS;
	edit->take = len;
	if (control->session == NULL || control->conn == NULL)
		return;
	if (end)
		note_end(control, dir);
	if (len == 0)
		return;
	if (control->mid_line[dir] || !may_matter(bytes, len)) {
		pass_line(control, dir, bytes, len, edit);
		return;
	}
	line = pst_text_line(bytes, len < PST_CONNECTOR_LINE_MAX ? len : PST_CONNECTOR_LINE_MAX);
	if (line != 0)
		read_line(control, dir, bytes, line, edit);
	else if (len >= PST_CONNECTOR_LINE_MAX)
		latch(control, edit);
	else if (!end)
		edit->op = PST_EDIT_MORE;
}

/* Connections. */

static void
unlink_control(struct connector_session *session, struct control *control)
{
	struct control **at = &session->controls;

	while (*at != control)
		at = &(*at)->next;
	*at = control->next;
	if (!control->ended[PST_DIR_ORIG] || !control->ended[PST_DIR_REPLY])
		session->n_controls--;
}

static void
connector_data_detach(void *context)
{
	struct control *control = context;

	end_groups(control);
	if (control->session != NULL)
		unlink_control(control->session, control);
	free(control);
}

static const struct pst_data_filter connector_filter = {
	.data = connector_data,
	.detach = connector_data_detach,
};

static int
watch(struct connector_session *session, struct pst_connection *conn)
{
	struct control *control;

	if (session->n_controls == CONTROLS_MAX) {
		pst_session_count(session->base.session, PST_CONNECTOR_CROWDED);
		pst_connection_deny(conn, 0);
		return 0;
	}
	control = calloc(1, sizeof(*control));
	if (control == NULL)
		return -ENOMEM;
	control->session = session;
	control->conn = conn;
	control->server_inside = pst_connection_is_inbound(conn);
	if (pst_connection_attach_data_filter(
		    conn, &connector_filter, PST_PRIORITY_NAT, control) < 0) {
		free(control);
		return -ENOMEM;
	}
	control->next = session->controls;
	session->controls = control;
	session->n_controls++;
	return 0;
}

static bool
is_secondary(const struct connector_session *session, const struct pst_connection *endpoint)
{
	for (const struct control *c = session->controls; c != NULL; c = c->next) {
		for (struct pst_connector_group *g = c->groups; g != NULL; g = g->next) {
			for (unsigned int i = 0; i < g->line.n; i++) {
				if (endpoint != NULL && g->endpoints[i] == endpoint)
					return true;
			}
		}
	}
	return false;
}

/* A secondary may come to a port that is also a control connection's. */
static int
accepted(struct connector_session *session, const struct pst_event *event)
{
	return is_secondary(session, event->endpoint) ?
		0 :
		watch(session, event->connection);
}

/* Secondaries end with the control connection, those too that it did not live to see. */
static void
established(struct connector_session *session, const struct pst_event *event)
{
	for (struct control *c = session->controls; c != NULL; c = c->next) {
		struct pst_connector_group *group = group_by_id(c, (uintptr_t)event->context);

		if (group == NULL)
			continue;
		pst_connector_group_use(group, event);
		count(c, PST_CONNECTOR_USED);
		return;
	}
	pst_connection_kill(event->connection);
}

/* No reference to it may stay (R56). */
static void
terminating(struct connector_session *session, const struct pst_connection *conn)
{
	for (struct control *c = session->controls; c != NULL; c = c->next) {
		for (struct pst_connector_group *g = c->groups; g != NULL; g = g->next)
			pst_connector_group_forget(g, conn);
		if (c->conn == conn) {
			c->conn = NULL;
			end_groups(c);
		}
	}
}

/* The session. */

static int
connector_init(struct pst_hooks *hooks)
{
	/* 0 to 0, the primary ports; and where a client's own map leads to our port inside */
	hooks->list[0] = (struct pst_hook){ .events = PST_EVENT_CONNECT_TCP | PST_EVENT_ACCEPTED,
		.sources = PST_ALL_SOURCES };
	hooks->list[1] = (struct pst_hook){ .events = PST_EVENT_ACCEPTED,
		.sources = PST_ALL_SOURCES,
		.first = PST_CONNECTOR_PORT,
		.last = PST_CONNECTOR_PORT };
	hooks->n = 2;
	return 0;
}

static struct pst_editor_session *
connector_attach(struct pst_session *session)
{
	struct connector_session *cs = calloc(1, sizeof(*cs));

	if (cs == NULL)
		return NULL;
	cs->base.session = session;
	return &cs->base;
}

static int
connector_event(struct pst_editor_session *es, const struct pst_event *event)
{
	struct connector_session *session = (struct connector_session *)es;

	switch (event->type) {
	case PST_EVENT_CONNECT_TCP:
		return watch(session, event->connection);
	case PST_EVENT_ACCEPTED:
		return accepted(session, event);
	case PST_EVENT_ESTABLISHED:
		established(session, event);
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
connector_detach(struct pst_editor_session *es)
{
	struct connector_session *session = (struct connector_session *)es;

	for (struct control *c = session->controls; c != NULL; c = c->next) {
		end_groups(c);
		c->session = NULL;
		c->conn = NULL;
	}
	free(session);
}

static const char *const counters[] = {
	[PST_CONNECTOR_ANNOUNCED] = "announced",
	[PST_CONNECTOR_BOUND] = "bound",
	[PST_CONNECTOR_PERMITTED] = "permitted",
	[PST_CONNECTOR_MAPS] = "maps",
	[PST_CONNECTOR_USED] = "used",
	[PST_CONNECTOR_REFUSED_ADDRESS] = "refused_address",
	[PST_CONNECTOR_REFUSED_PORT] = "refused_port",
	[PST_CONNECTOR_NOT_PARSED] = "unparsed",
	[PST_CONNECTOR_NOT_ASKED] = "not_asked",
	[PST_CONNECTOR_DENIED] = "denied",
	[PST_CONNECTOR_FAILED] = "failed",
	[PST_CONNECTOR_LATCHED] = "latched",
	[PST_CONNECTOR_CROWDED] = "crowded",
	NULL,
};

const struct pst_editor pst_connector_editor = {
	.name = "connector",
	.description = "A model for authors of editors",
	.protocol_name = "Connector",
	.protocol = { { 0x3d, 0x92, 0x61, 0xb7, 0x5e, 0x08, 0x4c, 0x1f, 0x8b, 0xd4, 0x70, 0x2a,
		0xe9, 0x16, 0xa3, 0x5c } },
	.ports = { { PST_TCP, PST_CONNECTOR_PORT } },
	.default_on = false,
	.counters = counters,
	.init = connector_init,
	.attach = connector_attach,
	.event = connector_event,
	.detach = connector_detach,
};
