/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * postern: start, wire, wait, stop.
 */
#define PST_LOG_MODULE PST_LOGTYPE_MAIN
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_random.h>

#include "appliance.h"
#include "args.h"
#include "base/log.h"
#include "config/load.h"
#include "control/server.h"
#include "editors.h"
#include "events.h"
#include "launch.h"
#include "links.h"
#include "monitor.h"
#include "notify.h"
#include "operate.h"
#include "portplan.h"
#include "ports.h"
#include "prepare.h"
#include "reload.h"

#define EXIT_BAD_CONFIG 2
#define MBUF_CACHE 256
#define MBUFS_MIN 4096u
#define MBUF_OVERHEAD 384u /* beside the room: the mbuf itself, what its pool keeps, headroom */
#define L2_MOST 18u        /* an Ethernet header with a tag */
#define LINK_WAIT_MS 10000

static volatile sig_atomic_t stop_signal, reload_signal;

/* All there is, from first to last started. */
struct postern {
	struct pst_config *config; /* that runs; the reload's own once there is one */
	struct pst_clock clock;
	struct pst_eal_args eal;
	struct rte_mempool *mbufs;
	struct pst_steer steer;
	struct pst_ports ports;
	struct pst_appliance *appliance;
	struct pst_launch launch;
	struct pst_links links;
	struct pst_operate operate;
	struct pst_reload reload;
	struct pst_control *control;
	struct pst_notify notify;
	struct pst_monitor monitor;
	struct pst_daemon_events events;
	struct pst_eventlog *eventlog;
};

static void
on_signal(int number)
{
	if (number == SIGHUP)
		reload_signal = 1;
	else
		stop_signal = number;
}

static void
catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void
fail(const char *what)
{
	fprintf(stderr, "postern: %s\n", what);
}

/* Of those that are built in, NULL at the end. */
static const char *const *
editor_names(void)
{
	static const char *names[64];

	for (uint32_t n = 0; pst_editors[n] != NULL && n < RTE_DIM(names) - 1; n++)
		names[n] = pst_editors[n]->name;
	return names;
}

/* The config, its problems told; warnings too, unless it only answers a question or prepares. */
static int
load_config(struct pst_config *config, const struct pst_args *args)
{
	struct pst_problems problems;
	int ret;

	ret = pst_config_load(args->config, editor_names(), config, &problems);
	if (ret < 0 || (args->whose == NULL && !args->prepare))
		pst_problems_print(&problems, stderr);
	pst_problems_fini(&problems);
	return ret;
}

/* The EAL leaves its run-time folder behind, empty once its own exit handlers ran. */
static char runtime_dir[PATH_MAX];

static void
remove_runtime_dir(void)
{
	if (runtime_dir[0] != 0)
		rmdir(runtime_dir);
}

static int
start_eal(struct postern *p, const struct pst_args *args)
{
	char error[512], *argv[PST_EAL_ARGS_MAX + 1];

	if (pst_eal_args_make(&p->eal, args, p->config, error, sizeof(error)) < 0) {
		fail(error);
		return -EINVAL;
	}
	if (getenv("JOURNAL_STREAM") != NULL)
		rte_openlog_stream(stderr); /* not to syslog too: the journal has both */
	memcpy(argv, p->eal.argv, sizeof(argv)); /* the EAL changes what it is given */
	atexit(remove_runtime_dir);              /* before the EAL's: it runs after them */
	if (rte_eal_init(p->eal.argc, argv) < 0) {
		fprintf(stderr, "postern: the EAL does not start: %s\n", rte_strerror(rte_errno));
		return -rte_errno;
	}
	snprintf(runtime_dir, sizeof(runtime_dir), "%s", rte_eal_get_runtime_dir());
	pst_log_init(pst_log_level_of(p->config->log_level));
	pst_lcore_set_role(PST_ROLE_MAIN, 0);
	pst_clock_init(&p->clock);
	return 0;
}

/* The bytes of a packet that an mbuf holds: the largest MTU that is asked for, or 1500 and more. */
static uint32_t
room_of(const struct pst_config *c)
{
	uint32_t room = RTE_MBUF_DEFAULT_DATAROOM;

	for (uint32_t i = 0; i < c->n_ifaces; i++)
		room = RTE_MAX(room, c->ifaces[i].mtu + L2_MOST);
	return room;
}

/* Enough for full queues and rings; a part of the memory where there is little. */
static uint32_t
count_mbufs(const struct pst_config *c)
{
	uint32_t want = 16384 * (c->lcores.n_workers + 1);
	uint32_t room = c->memory.megabytes / 4 * ((1 << 20) / (room_of(c) + MBUF_OVERHEAD + RTE_PKTMBUF_HEADROOM));

	if (room < MBUFS_MIN)
		room = MBUFS_MIN;
	return RTE_MIN(want, room) - 1;
}

static int
make_mbufs(struct postern *p)
{
	/* where lcores share a CPU one may be stopped in the middle of the ring */
	p->mbufs = rte_pktmbuf_pool_create_by_ops("pst_mbufs", count_mbufs(p->config), MBUF_CACHE,
		PST_MBUF_PRIV, RTE_PKTMBUF_HEADROOM + room_of(p->config), SOCKET_ID_ANY,
		p->eal.shared_cpus ? "ring_mt_rts" : "ring_mp_mc");
	if (p->mbufs == NULL) {
		fprintf(stderr, "postern: no memory for %u packets: raise memory.megabytes\n",
			count_mbufs(p->config));
		return -ENOMEM;
	}
	return 0;
}

static void
fill_ifaces(struct postern *p, const uint16_t *mtus, struct pst_appliance_params *params)
{
	for (uint32_t i = 0; i < p->config->n_ifaces; i++) {
		const struct pst_port *port = &p->ports.ports[p->ports.of_iface[i]];
		struct pst_appliance_iface *f = &params->ifaces[i];

		f->port = port->id;
		f->virtual_port = port->is_virtual;
		f->n_rx = port->n_rx;
		f->n_tx = port->n_tx;
		f->mtu = mtus[i];
		rte_eth_macaddr_get(port->id, &f->mac);
	}
}

static uint64_t
now_of(void *ctx)
{
	return pst_clock_now(ctx);
}

/* What pst_bind_for_client() runs while a worker serves it. */
static void
wait_a_bit(void *ctx)
{
	struct pst_idler idler = { 0 };

	(void)ctx;
	pst_idle(&idler, 0, true);
	sched_yield();
}

static int
build(struct postern *p)
{
	struct pst_appliance_params params = { .config = p->config,
		.mbufs = p->mbufs,
		.seed = rte_rand(),
		.now_ms = pst_clock_now(&p->clock),
		.idle = wait_a_bit,
		.now = now_of,
		.ctx = &p->clock };
	uint16_t mtus[PST_IFACES_MAX];
	char error[512];

	pst_steer_init(&p->steer, p->config->lcores.n_workers);
	if (pst_ports_open(&p->ports, p->config, &p->steer, p->mbufs, error, sizeof(error)) < 0 ||
		pst_ports_set_mtus(&p->ports, p->config, room_of(p->config), mtus, error,
			sizeof(error)) < 0) {
		fail(error);
		return -ENODEV;
	}
	fill_ifaces(p, mtus, &params);
	params.eventlog = p->eventlog;
	p->appliance = pst_appliance_create(&params, error, sizeof(error));
	if (p->appliance == NULL) {
		fail(error);
		return -ENOMEM;
	}
	if (pst_ports_start(&p->ports, error, sizeof(error)) < 0) {
		fail(error);
		return -EIO;
	}
	return 0;
}

/* All lcores go by another config: what runs is shown from it. */
static void
applied(void *ctx, const struct pst_config *config)
{
	struct postern *p = ctx;

	p->launch.config = config;
	pst_operate_refresh(&p->operate, config, p->control);
}

static int
open_events(struct postern *p)
{
	char error[512];

	p->eventlog = pst_daemon_events_open(&p->events, p->config, &p->appliance,
		pst_clock_now(&p->clock), error, sizeof(error));
	if (p->eventlog == NULL)
		fail(error);
	return p->eventlog != NULL ? 0 : -EIO;
}

static int
open_control(struct postern *p)
{
	char error[256];

	pst_reload_init(&p->reload, p->appliance, p->config, editor_names());
	p->config = NULL;
	p->reload.applied = applied;
	p->reload.ctx = p;
	pst_operate_init(&p->operate, &p->reload, &p->clock, p->appliance, &p->ports);
	p->control = pst_operate_open(&p->operate, error, sizeof(error));
	if (p->control == NULL ||
		pst_monitor_open(&p->monitor, p->reload.running, error, sizeof(error)) < 0) {
		fail(error);
		return -EIO;
	}
	return 0;
}

static int
launch(struct postern *p)
{
	p->launch.appliance = p->appliance;
	p->launch.config = p->reload.running;
	p->launch.clock = &p->clock;
	p->links = (struct pst_links){ .ports = &p->ports, .appliance = p->appliance };
	p->launch.sleeps = p->reload.running->lcores.idle == PST_IDLE_SLEEP ||
		(p->reload.running->lcores.idle == PST_IDLE_AUTO && p->eal.shared_cpus);
	return pst_launch_start(&p->launch);
}

static void
start_notify(struct postern *p)
{
	p->notify.pulse.n = p->appliance->n_workers;
	for (uint32_t w = 0; w < p->appliance->n_workers; w++)
		p->notify.pulse.loops[w] = &pst_worker_stats(p->appliance->workers[w])->loops;
	pst_notify_init(&p->notify, pst_clock_now(&p->clock));
}

static void
notify(struct postern *p, uint64_t now)
{
	char status[128];

	if (!pst_notify_is_due(&p->notify, now))
		return;
	pst_operate_summary(&p->operate, status, sizeof(status));
	pst_notify_poll(&p->notify, now, status);
}

static uint32_t
main_round(struct postern *p)
{
	uint64_t now = pst_clock_now(&p->clock);
	uint32_t done;

	if (reload_signal) {
		reload_signal = 0;
		pst_eventlog_reopen(p->eventlog, now);
		pst_reload_by_signal(&p->reload);
	}
	pst_links_poll(&p->links, now);
	pst_operate_watch(&p->operate, now);
	notify(p, now);
	done = pst_appliance_poll(p->appliance, now);
	done += pst_reload_poll(&p->reload, now);
	done += pst_eventlog_poll(p->eventlog, now);
	done += pst_control_poll(p->control, now);
	return done + pst_monitor_poll(&p->monitor, p->control);
}

static void
say_ready(struct postern *p)
{
	PST_LOG(NOTICE, "IPv6 is not carried: its packets are dropped, and counted as \"%s\"",
		pst_drop_names[PST_DROP_IPV6]);
	pst_control_set_ready(p->control, true);
	printf("postern: ready\n");
	fflush(stdout);
	pst_notify_ready(&p->notify);
}

static void
run(struct postern *p)
{
	uint64_t give_up = pst_clock_now(&p->clock) + LINK_WAIT_MS;
	struct pst_idler idler = { 0 };
	bool ready = false, warned = false;

	start_notify(p);
	while (!stop_signal) {
		/* main has time: it always gives its CPU away */
		pst_idle(&idler, main_round(p), true);
		if (ready)
			continue;
		ready = pst_ports_are_up(&p->ports);
		if (ready) {
			say_ready(p);
		} else if (!warned && pst_clock_now(&p->clock) > give_up) {
			warned = true;
			PST_LOG(WARNING, "still waiting for a link");
		}
	}
	pst_notify_stopping(&p->notify);
	PST_LOG(NOTICE, "stopping on signal %d", (int)stop_signal);
}

static void
free_config(struct pst_config *config)
{
	if (config != NULL)
		pst_config_fini(config);
	free(config);
}

static void
stop(struct postern *p)
{
	struct pst_account sum;

	if (p->launch.appliance != NULL) {
		pst_launch_stop(&p->launch);
		pst_appliance_drain(p->appliance, pst_clock_now(&p->clock));
		pst_appliance_account(p->appliance, &sum);
		PST_LOG(INFO, "received %" PRIu64 ", sent %" PRIu64 ", unaccounted %" PRId64,
			sum.received, sum.sent, pst_account_held(&sum));
	}
	pst_monitor_close(&p->monitor, p->control);
	pst_control_destroy(p->control);
	pst_ports_close(&p->ports);
	while (p->eventlog != NULL && pst_eventlog_poll(p->eventlog, pst_clock_now(&p->clock)) > 0)
		;
	pst_appliance_destroy(p->appliance);
	pst_eventlog_destroy(p->eventlog, pst_clock_now(&p->clock));
	rte_mempool_free(p->mbufs);
	rte_eal_cleanup();
	pst_eal_args_fini(&p->eal);
	pst_reload_fini(&p->reload);
	free_config(p->config);
}

/* What needs the configuration alone. */
static int
answer(const struct pst_config *config, const struct pst_args *args)
{
	char error[512];
	int ret;

	if (args->prepare)
		return pst_prepare(config, "", stdout, stderr) == 0 ? 0 : 1;
	if (args->whose != NULL)
		ret = pst_daemon_plan_print(config, args->whose, error, sizeof(error));
	else
		ret = pst_daemon_plan_check(config, error, sizeof(error));
	if (ret < 0) {
		fail(error);
		return args->whose != NULL ? 1 : EXIT_BAD_CONFIG;
	}
	if (args->check)
		printf("%s: good\n", args->config);
	return 0;
}

int
main(int argc, char **argv)
{
	static struct postern p;
	struct pst_args args;
	int ret = pst_args_parse(&args, argc, argv);

	if (ret != 0)
		return ret - 1;
	p.config = calloc(1, sizeof(*p.config));
	if (p.config == NULL || load_config(p.config, &args) < 0) {
		free(p.config);
		return EXIT_BAD_CONFIG;
	}
	if (args.check || args.prepare || args.whose != NULL) {
		ret = answer(p.config, &args);
		free_config(p.config);
		return ret;
	}
	catch_signals();
	if (start_eal(&p, &args) < 0)
		return 1;
	ret = make_mbufs(&p);
	if (ret == 0)
		ret = open_events(&p);
	if (ret == 0)
		ret = build(&p);
	if (ret == 0)
		ret = open_control(&p);
	if (ret == 0)
		ret = launch(&p);
	if (ret == 0)
		run(&p);
	stop(&p);
	return ret == 0 ? 0 : 1;
}
