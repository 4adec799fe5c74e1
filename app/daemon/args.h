/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line, and the EAL's arguments: what the config implies, and
 * what the operator wrote after "--", which wins.
 */
#pragma once

#include "config/config.h"

#define PST_DEFAULT_CONFIG "/etc/postern/postern.json"
#define PST_EAL_ARGS_MAX 256

struct pst_args {
	const char *config; /* path */
	bool check;
	bool prepare;
	const char *whose; /* an outside endpoint, or a client; NULL: not asked */
	char **eal; /* after "--" */
	int n_eal;
};

/*
 * Read the command line. Returns 0 to go on, else the exit status plus 1
 * (--help and --version: 1; a usage error: 3), having printed what there is to say.
 */
int pst_args_parse(struct pst_args *args, int argc, char **argv);

struct pst_eal_args {
	int argc;
	char *argv[PST_EAL_ARGS_MAX + 1]; /* NULL at the end; allocated */
	bool shared_cpus;                 /* lcores share CPUs */
};

/*
 * Make the EAL's arguments. 0, or -EINVAL with one line in error: what the
 * config and the command line both say, and differently.
 */
int pst_eal_args_make(struct pst_eal_args *out, const struct pst_args *args,
	const struct pst_config *config, char *error, size_t size);
void pst_eal_args_fini(struct pst_eal_args *args);

/*
 * "1@0,2@1,...": which CPU each lcore runs on. With a CPU for each lcore's
 * number those; else they share, workers apart first. Returns true when they share.
 */
bool pst_lcore_map(const struct pst_config *config, const int *cpus, uint32_t n_cpus, char *map,
	size_t size);
