/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Group: the secondaries that one line announced, and what the firewall opened for them.
 *
 * A side inside waits at n places: they are endpoints of pst_bind_for_client(), which the
 * control connection's peer alone may use. A side outside waits at n places: they are
 * permissions of pst_allow_future_connect(). All or nothing, either way.
 *
 * A group has a number and no address: the callbacks' context is that number, for a
 * connection may be established after its group has gone.
 */
#pragma once

#include "connector/msg.h"
#include "pst_editor.h"

struct pst_connector_group {
	struct pst_connector_group *next;
	uintptr_t id; /* not 0 */
	struct pst_connector_line line;	   /* as it was announced */
	struct pst_endpoint proxy;	   /* endpoints: the first of ours outside */
	struct pst_connection **endpoints; /* n; NULL: none, or it has ended */
	struct pst_action **permits;	   /* n; NULL: none */
	struct pst_connection **used;	   /* n: the connections that came of them, or NULL */
};

/* In whose name, and beside which control connection, things are opened. */
struct pst_connector_side {
	struct pst_editor_session *es;
	const struct pst_connection *control;
};

/* A group with nothing opened. NULL when there is no memory. */
struct pst_connector_group *pst_connector_group_create(
	uintptr_t id, const struct pst_connector_line *line);
/* End whatever is left of it: unused places, and connections that go on. */
void pst_connector_group_destroy(struct pst_connector_group *group);

/* Open endpoints for the inside side; group->proxy is what the other side has to be told. */
int pst_connector_group_bind(
	struct pst_connector_group *group, const struct pst_connector_side *side);

/* Permit the inside side to connect to all that the outside one announced. */
int pst_connector_group_permit(
	struct pst_connector_group *group, const struct pst_connector_side *side);

/* Approve the maps that a Firewall client announced. Nothing of them is the group's. */
int pst_connector_approve_maps(
	const struct pst_connector_line *line, const struct pst_connector_side *side);

/* Let this address come to the endpoints, or keep it out; who is in stays in. */
int pst_connector_group_admit(struct pst_connector_group *group, uint32_t ip, bool yes);

/* The client's place is not waited at any more: its endpoint ends (R47). False: it is not here. */
bool pst_connector_group_close(
	struct pst_connector_group *group, const struct pst_connector_line *line);

/* Endpoints for this announcement, none of them used or ended? */
bool pst_connector_group_is_for(
	const struct pst_connector_group *group, const struct pst_connector_line *line);

/* A connection was established, or something of the group may have ended. */
void pst_connector_group_use(struct pst_connector_group *group, const struct pst_event *event);
void pst_connector_group_forget(
	struct pst_connector_group *group, const struct pst_connection *conn);
