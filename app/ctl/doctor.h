/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * posternctl doctor: is this machine fit for its configuration? Each check finds something, says
 * whether it is well, and if not what to type. It reads the configuration, /sys and /proc, below
 * a root, and asks the appliance where one runs: a machine can be looked at before the first start,
 * and a mounted image without any.
 */
#pragma once

#include <sys/types.h>

#include "base/machine.h"
#include "ctl.h"

#define PST_DOCTOR_ROLE 64 /* workers or editors at most */
#define PST_DOCTOR_LCORES (2 * PST_DOCTOR_ROLE + 1)

enum pst_doctor_state {
	PST_DOCTOR_OK,
	PST_DOCTOR_WARNING, /* it works, not at its best */
	PST_DOCTOR_WRONG,   /* it does not work */
};

/* What a check needs of the configuration; its defaults filled in. */
struct pst_doctor_config {
	uint32_t main, workers[PST_DOCTOR_ROLE], editors[PST_DOCTOR_ROLE];
	uint32_t n_workers, n_editors;
	bool hugepages;
	uint32_t megabytes;
	const char *socket;
	const json_t *interfaces;	    /* an object of objects with "device" */
	uint32_t lcores[PST_DOCTOR_LCORES]; /* all */
	uint32_t n_lcores;
};

struct pst_doctor {
	const char *root;
	struct pst_doctor_config config;
	pid_t pid;	/* of the appliance that runs; 0: none */
	json_t *status; /* its interfaces; NULL: it was not asked */
	json_t *findings;
	uint32_t counts[PST_DOCTOR_WRONG + 1];
};

/* A finding, and then, line by line, what to type about it. */
void pst_doctor_find(struct pst_doctor *d, enum pst_doctor_state state, const char *check,
	const char *text, ...) __attribute__((format(printf, 4, 5)));
void pst_doctor_advise(struct pst_doctor *d, const char *line, ...)
	__attribute__((format(printf, 2, 3)));

/* Fill a config in from JSON, as far as that has it. It lives as long as the JSON. */
void pst_doctor_configure(struct pst_doctor_config *config, const json_t *json);
/* Look; findings are added. */
void pst_doctor_memory(struct pst_doctor *d);
void pst_doctor_cpus(struct pst_doctor *d);
void pst_doctor_devices(struct pst_doctor *d);
