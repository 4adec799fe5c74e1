/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sample: all figures of the appliance at one moment, copied out.
 *
 * Main takes it between two of its rounds: it reads what the lcores publish and asks nobody, so a
 * sample costs a worker nothing. It points to nothing that may go away, so that any thread can
 * work on it for as long as it takes: metrics.h makes text and JSON of it.
 */
#pragma once

#include "control/params.h"

#define PST_SAMPLE_POOLS 768 /* 256 addresses, three protocols */
#define PST_SAMPLE_EVENTS 512
#define PST_SAMPLE_MEMPOOLS 16

struct pst_sample_iface {
	char name[PST_NAME_MAX];
	struct pst_iface_stats counts;
	bool known; /* there is a port: what follows is of that */
	bool up;
	uint32_t mbps; /* 0: not known */
	uint16_t mtu;
	bool has_port_stats;
	uint64_t missed, receive_errors, send_errors, no_mbuf;
};

struct pst_sample_process {
	double cpu_seconds, started; /* the latter in seconds since 1970 */
	uint64_t resident_bytes, virtual_bytes;
	uint32_t fds, fds_most, threads;
};

struct pst_sample {
	uint64_t up_ms;
	uint64_t tsc_hz;
	bool ready;
	struct pst_account account;

	struct pst_sample_iface ifaces[PST_STAT_IFACES];
	uint32_t n_ifaces;

	struct pst_worker_stats workers[PST_WORKERS_MAX];
	double load[PST_WORKERS_MAX];
	uint32_t n_workers;

	struct pst_editor_stats editors[PST_EDITORS_MAX]; /* editor lcores */
	uint32_t n_editors;

	/* what editors count of themselves; both names are the program's own text */
	struct {
		const char *editor, *event;
		uint64_t n;
	} events[PST_SAMPLE_EVENTS];
	uint32_t n_events;

	struct pst_control_pool pools[PST_SAMPLE_POOLS];
	uint32_t n_pools;

	uint64_t heap_bytes, heap_used_bytes;
	struct {
		char name[32];
		uint32_t size, used;
	} mempools[PST_SAMPLE_MEMPOOLS];
	uint32_t n_mempools;

	struct pst_sample_process process;
};

/* Main. */
void pst_sample_fill(struct pst_sample *s, const struct pst_control_view *view);

/* What the kernel says of this process; what it does not say is 0. */
void pst_sample_fill_process(struct pst_sample_process *p);
