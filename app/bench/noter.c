/* SPDX-License-Identifier: BSD-3-Clause */
#include "noter.h"

#include <stdlib.h>

static struct pst_session *session;

static struct pst_editor_session *
attach(struct pst_session *s)
{
	session = s;
	return calloc(1, sizeof(struct pst_editor_session));
}

static int
hear(struct pst_editor_session *es, const struct pst_event *event)
{
	(void)es;
	(void)event;
	return 0;
}

static void
detach(struct pst_editor_session *es)
{
	session = NULL;
	free(es);
}

const struct pst_guid pst_noter_protocol = { { 0xbe, 0x01 } };

static const struct pst_editor editor = {
	.name = "noter",
	.protocol_name = "noter",
	.protocol = { { 0xbe, 0x01 } },
	.ports = { { PST_TCP, PST_NOTER_PORT } },
	.default_on = true,
	.attach = attach,
	.event = hear,
	.detach = detach,
};

const struct pst_editor *const pst_noter_editors[] = { &editor, NULL };

struct pst_session *
pst_noter_session(void)
{
	return session;
}
