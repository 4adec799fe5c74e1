/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line of postern-bench, and the EAL's arguments.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PST_BENCH_EAL_MAX 64

struct pst_bench_options {
	const char *mode; /* "forward", "setup", "bind", "edit" or "show" */
	const char *transport; /* "udp" or "tcp" */
	uint32_t flows;
	uint32_t connections; /* of the tables; 0: by the flows */
	uint32_t packet_size; /* on the wire: four more than in the mbuf; 0: IMIX */
	const char *vlan; /* "inside" or "outside": that side is tagged; or "none" */
	uint32_t workers;
	uint32_t filters, rules;
	uint32_t seconds;
	bool load; /* bind: while the worker forwards */
	bool json;
	char **eal; /* what followed "--" */
	int n_eal;
};

/*
 * Read the command line. Returns 0 to go on, else the exit status plus one (1 after
 * --help, 3 after an error), having printed what there is to say.
 */
int pst_bench_options_read(struct pst_bench_options *options, int argc, char **argv);

/* Tell the traffic maker through the environment; what is set there already stays. */
int pst_bench_options_export(const struct pst_bench_options *options, const char *report);

struct pst_bench_eal {
	int argc;
	char *argv[PST_BENCH_EAL_MAX + 1]; /* NULL at the end; allocated */
};

/* The EAL's arguments: the user's own, and ours for what those leave open. 0 or -errno. */
int pst_bench_eal_make(struct pst_bench_eal *eal, const struct pst_bench_options *options,
	const char *program);
/* The same by hand: one more argument; so much memory, in large pages if there are so many. */
__attribute__((format(printf, 2, 3))) int pst_bench_eal_add(
	struct pst_bench_eal *eal, const char *format, ...);
int pst_bench_eal_add_memory(struct pst_bench_eal *eal, uint32_t megabytes);
void pst_bench_eal_fini(struct pst_bench_eal *eal);
