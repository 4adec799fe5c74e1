/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "config/load_priv.h"
#include "eventlog/record.h"
#include "eventlog/target.h"

#define SECTION "/log"

/* With port blocks their records say who had a port: one for each mapping is what they save. */
static uint32_t
default_kinds(const struct pst_config *c)
{
	uint32_t kinds = PST_RECORD_ALL & ~PST_RECORD_MASK(CONNECTION);

	return c->nat.port_block != 0 ? kinds & ~PST_RECORD_MASK(BIND) : kinds;
}

static void
read_kinds(struct pst_loader *l, const json_t *log)
{
	const char *names[PST_RECORD_N_KINDS] = { NULL }; /* all but the last, "lost" */
	struct pst_member m;
	uint32_t kinds = 0;
	size_t n;

	for (int k = 0; k < PST_RECORD_N_KINDS - 1; k++)
		names[k] = pst_record_kinds[k];
	pst_member_find(&m, SECTION, SECTION, log, "kinds");
	n = pst_read_list(l, m.key, m.at, m.json);
	for (size_t i = 0; i < n; i++) {
		char at[PST_POINTER_MAX];
		int kind;

		pst_pointer_element(at, m.at, i);
		kind = pst_read_choice(l, at, json_array_get(m.json, i), names);
		if (kind >= 0)
			kinds |= UINT32_C(1) << kind;
	}
	if (m.json == NULL)
		kinds = default_kinds(l->config);
	l->config->log_kinds = kinds | PST_RECORD_MASK(CONFIG) | PST_RECORD_MASK(LOST);
}

/* Where datagrams go to. */
static void
read_target(struct pst_loader *l, const json_t *log, const char *name, bool local_too, char *out,
	size_t size)
{
	struct pst_event_target target;
	struct pst_member m;
	const char *text;

	pst_member_find(&m, SECTION, SECTION, log, name);
	text = pst_member_text(l, &m);
	if (text == NULL)
		return;
	if (!pst_event_target_parse(text, &target) ||
		(pst_event_target_is_local(&target) && !local_too))
		pst_problem(l, m.at, "not %sADDRESS:PORT: \"%s\"",
			local_too ? "the path of a socket or " : "", text);
	else
		snprintf(out, size, "%s", text);
}

void
pst_load_log(struct pst_loader *l, const json_t *log)
{
	struct pst_config *c = l->config;

	if (log != NULL && !json_is_object(log))
		return; /* that was said */
	read_kinds(l, log);
	read_target(l, log, "syslog", true, c->log_syslog, sizeof(c->log_syslog));
	read_target(l, log, "ipfix", false, c->log_ipfix, sizeof(c->log_ipfix));
}
