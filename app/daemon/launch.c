/* SPDX-License-Identifier: BSD-3-Clause */
#include "launch.h"

#include <sched.h>
#include <time.h>

#include <rte_launch.h>
#include <rte_pause.h>

#define PAUSES 64
#define YIELDS 64
#define SLEEP_NS 50000

void
pst_idle(struct pst_idler *idler, uint32_t done, bool sleeps)
{
	const struct timespec nap = { .tv_nsec = SLEEP_NS };

	if (done > 0) {
		idler->rounds = 0;
		return;
	}
	if (!sleeps || idler->rounds < PAUSES) {
		idler->rounds++;
		rte_pause();
	} else if (idler->rounds < PAUSES + YIELDS) {
		idler->rounds++;
		sched_yield();
	} else {
		nanosleep(&nap, NULL);
	}
}

static int
lcore_index(const uint32_t *ids, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (ids[i] == rte_lcore_id())
			return i;
	}
	return -1;
}

static int
run_worker(void *arg)
{
	struct pst_launch *l = arg;
	int k = lcore_index(l->config->lcores.workers, l->config->lcores.n_workers);
	struct pst_worker *w = l->appliance->workers[k];
	struct pst_idler idler = { 0 };

	pst_lcore_set_role(PST_ROLE_WORKER, k);
	while (!atomic_load_explicit(&l->stop_workers, memory_order_relaxed))
		pst_idle(&idler, pst_worker_poll(w, pst_clock_now(l->clock)), l->sleeps);
	atomic_fetch_sub(&l->running_workers, 1);
	return 0;
}

static int
run_editor(void *arg)
{
	struct pst_launch *l = arg;
	int e = lcore_index(l->config->lcores.editors, l->config->lcores.n_editors);
	struct pst_runtime *rt = l->appliance->runtimes[e];
	struct pst_idler idler = { 0 };

	pst_lcore_set_role(PST_ROLE_EDITOR, e);
	while (!atomic_load_explicit(&l->stop_editors, memory_order_relaxed))
		pst_idle(&idler, pst_runtime_poll(rt, pst_clock_now(l->clock)), l->sleeps);
	atomic_fetch_sub(&l->running_editors, 1);
	return 0;
}

int
pst_launch_start(struct pst_launch *l)
{
	const struct pst_config *c = l->config;
	int ret;

	for (uint32_t k = 0; k < c->lcores.n_workers; k++) {
		ret = rte_eal_remote_launch(run_worker, l, c->lcores.workers[k]);
		if (ret < 0)
			return ret;
		atomic_fetch_add(&l->running_workers, 1);
	}
	for (uint32_t e = 0; e < c->lcores.n_editors; e++) {
		ret = rte_eal_remote_launch(run_editor, l, c->lcores.editors[e]);
		if (ret < 0)
			return ret;
		atomic_fetch_add(&l->running_editors, 1);
	}
	return 0;
}

static void
wait_all(const uint32_t *ids, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		rte_eal_wait_lcore(ids[i]);
}

void
pst_launch_stop(struct pst_launch *l)
{
	/* an editor may wait for a worker, so editors go first; its wait is bounded */
	atomic_store(&l->stop_editors, true);
	wait_all(l->config->lcores.editors, l->config->lcores.n_editors);
	atomic_store(&l->stop_workers, true);
	wait_all(l->config->lcores.workers, l->config->lcores.n_workers);
}
