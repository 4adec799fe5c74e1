/* SPDX-License-Identifier: BSD-3-Clause */
/* The event log, as the config wants it. */
#pragma once

#include "appliance.h"
#include "eventlog/eventlog.h"

/* What the log's names are made of; it has to live as long as the log. */
struct pst_daemon_events {
	struct pst_appliance *const *appliance; /* NULL behind it, as long as there is none */
	/* the config may go before the log does */
	char file[sizeof(((struct pst_config *)NULL)->log_events)];
	char iface_names[PST_IFACES_MAX][PST_NAME_MAX];
	const char *ifaces[PST_IFACES_MAX];
	const char *editors[PST_EDITOR_SWITCHES_MAX];
	uint32_t n_editors;
};

/* NULL, with a text in error. */
struct pst_eventlog *pst_daemon_events_open(struct pst_daemon_events *e,
	const struct pst_config *config, struct pst_appliance *const *appliance, uint64_t now_ms,
	char *error, size_t size);
