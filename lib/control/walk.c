/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/walk.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <rte_version.h>

#include "base/clock.h"

#define MEGA 1000000

static uint64_t
word_at(const void *base, size_t offset)
{
	return *(const uint64_t *)((const char *)base + offset);
}

const char *
pst_walk_suffix(const struct pst_metric *m)
{
	switch (m->type) {
	case PST_METRIC_COUNTER:
		return "_total";
	case PST_METRIC_INFO:
		return "_info";
	default:
		return "";
	}
}

static struct pst_metric_point
point_of(const struct pst_metric *m, int64_t n)
{
	return (struct pst_metric_point){ .suffix = pst_walk_suffix(m), .n = n };
}

static struct pst_metric_point
labelled(const struct pst_metric *m, const char *name, const char *value, int64_t n)
{
	struct pst_metric_point point = point_of(m, n);

	point.labels[0] = (struct pst_metric_label){ name, value };
	return point;
}

/* A word of the sample itself. */
void
pst_walk_one(const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	struct pst_metric_point point = point_of(m, word_at(s, m->offset));

	put(ctx, &point);
}

void
pst_walk_held(const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	struct pst_metric_point point = point_of(m, pst_account_held(&s->account));

	put(ctx, &point);
}

static void
by_reason(const struct pst_metric *m, const uint64_t *counts, const char *const *names, uint32_t n,
	pst_metric_put put, void *ctx)
{
	for (uint32_t i = 0; i < n; i++) {
		struct pst_metric_point point = labelled(m, "reason", names[i], counts[i]);

		put(ctx, &point);
	}
}

void
pst_walk_dropped(
	const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	by_reason(m, s->account.dropped, pst_drop_names, PST_DROP_COUNT, put, ctx);
}

void
pst_walk_consumed(
	const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	by_reason(m, s->account.consumed, pst_consumed_names, PST_CONSUMED_COUNT, put, ctx);
}

void
pst_walk_originated(
	const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	by_reason(m, s->account.originated, pst_originated_names, PST_ORIGINATED_COUNT, put, ctx);
}

/* Interfaces: words of struct pst_sample_iface, and what is of another type. */

void
pst_walk_ifaces(
	const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	for (uint32_t i = 0; i < s->n_ifaces; i++) {
		const struct pst_sample_iface *f = &s->ifaces[i];
		struct pst_metric_point point =
			labelled(m, "interface", f->name, word_at(f, m->offset));

		put(ctx, &point);
	}
}

void
pst_walk_ports(
	const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	for (uint32_t i = 0; i < s->n_ifaces; i++) {
		const struct pst_sample_iface *f = &s->ifaces[i];
		struct pst_metric_point point =
			labelled(m, "interface", f->name, word_at(f, m->offset));

		if (f->has_port_stats)
			put(ctx, &point);
	}
}

void
pst_walk_up(const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	for (uint32_t i = 0; i < s->n_ifaces; i++) {
		struct pst_metric_point point =
			labelled(m, "interface", s->ifaces[i].name, s->ifaces[i].up);

		put(ctx, &point);
	}
}

void
pst_walk_speed(
	const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	for (uint32_t i = 0; i < s->n_ifaces; i++) {
		const struct pst_sample_iface *f = &s->ifaces[i];
		struct pst_metric_point point =
			labelled(m, "interface", f->name, (int64_t)f->mbps * MEGA / 8);

		if (f->up && f->mbps > 0)
			put(ctx, &point);
	}
}

void
pst_walk_mtu(const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	for (uint32_t i = 0; i < s->n_ifaces; i++) {
		struct pst_metric_point point =
			labelled(m, "interface", s->ifaces[i].name, s->ifaces[i].mtu);

		if (s->ifaces[i].known)
			put(ctx, &point);
	}
}

/* Workers. */

static const char *
number_text(char text[12], uint32_t n)
{
	snprintf(text, 12, "%u", n);
	return text;
}

void
pst_walk_workers(
	const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	char text[12];

	for (uint32_t w = 0; w < s->n_workers; w++) {
		struct pst_metric_point point = labelled(
			m, "worker", number_text(text, w), word_at(&s->workers[w], m->offset));

		put(ctx, &point);
	}
}

void
pst_walk_load(const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	char text[12];

	for (uint32_t w = 0; w < s->n_workers; w++) {
		struct pst_metric_point point = labelled(m, "worker", number_text(text, w), 0);

		point.is_real = true;
		point.real = s->load[w];
		put(ctx, &point);
	}
}

/* Ticks of timed loops: of all loops there were so many times more (stats.h). */
void
pst_walk_busy(const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	char text[12];

	for (uint32_t w = 0; w < s->n_workers; w++) {
		struct pst_metric_point point = labelled(m, "worker", number_text(text, w),
			s->workers[w].busy_ticks * PST_TIMED_MEAN);

		put(ctx, &point);
	}
}

void
pst_walk_cycles(
	const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	char text[12];

	for (uint32_t w = 0; w < s->n_workers; w++) {
		struct pst_metric_point point = labelled(m, "worker", number_text(text, w),
			(__uint128_t)s->up_ms * s->tsc_hz / PST_MS_PER_S);

		put(ctx, &point);
	}
}

void
pst_walk_stages(
	const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	static const char *const names[PST_STAGES] = { [PST_STAGE_FORWARD] = "forward",
		[PST_STAGE_SERVE] = "serve",
		[PST_STAGE_EXPIRE] = "expire",
		[PST_STAGE_REST] = "rest" };
	char text[12];

	for (uint32_t w = 0; w < s->n_workers; w++) {
		for (int i = 0; i < PST_STAGES; i++) {
			struct pst_metric_point point = labelled(m, "worker", number_text(text, w),
				s->workers[w].stage_ticks[i] * PST_TIMED_MEAN);

			point.labels[1] = (struct pst_metric_label){ "stage", names[i] };
			put(ctx, &point);
		}
	}
}

/* Editor lcores, and editors. */

void
pst_walk_editors(
	const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	char text[12];

	for (uint32_t e = 0; e < s->n_editors; e++) {
		struct pst_metric_point point = labelled(m, "editor_lcore", number_text(text, e),
			word_at(&s->editors[e], m->offset));

		put(ctx, &point);
	}
}

void
pst_walk_events(
	const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	for (uint32_t i = 0; i < s->n_events; i++) {
		struct pst_metric_point point =
			labelled(m, "editor", s->events[i].editor, s->events[i].n);

		point.labels[1] = (struct pst_metric_label){ "event", s->events[i].event };
		put(ctx, &point);
	}
}

/* Buckets hold all that took so long at most, the last all there were. */
static void
put_latency(const struct pst_metric *m, const struct pst_latency *l, uint64_t tsc_hz,
	const char *lcore, pst_metric_put put, void *ctx)
{
	struct pst_metric_point point = labelled(m, "editor_lcore", lcore, 0);
	char bound[32];

	point.suffix = "_bucket";
	for (uint32_t i = 0; i <= PST_LATENCY_BOUNDS; i++) {
		snprintf(bound, sizeof(bound), "+Inf");
		if (i < PST_LATENCY_BOUNDS)
			snprintf(bound, sizeof(bound), "%.9g", pst_latency_bounds_ns[i] / 1e9);
		point.labels[1] = (struct pst_metric_label){ "le", bound };
		point.n += l->counts[i];
		put(ctx, &point);
	}
	point.labels[1].name = NULL;
	point.suffix = "_count";
	put(ctx, &point);
	point.suffix = "_sum";
	point.is_real = true;
	point.real = tsc_hz > 0 ? (double)l->ticks / tsc_hz : 0;
	put(ctx, &point);
}

void
pst_walk_latencies(
	const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	char text[12];

	for (uint32_t e = 0; e < s->n_editors; e++)
		put_latency(
			m, &s->editors[e].bind_latency, s->tsc_hz, number_text(text, e), put, ctx);
}

/* Ports of outside addresses. */

static const char *
protocol_name(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	default:
		return "icmp";
	}
}

static void
put_pool(const struct pst_metric *m, const struct pst_control_pool *pool, uint32_t n,
	pst_metric_put put, void *ctx)
{
	struct pst_metric_point point;
	char address[16];

	snprintf(address, sizeof(address), "%u.%u.%u.%u", pool->ip >> 24, pool->ip >> 16 & 255,
		pool->ip >> 8 & 255, pool->ip & 255);
	point = labelled(m, "address", address, n);
	point.labels[1] = (struct pst_metric_label){ "protocol", protocol_name(pool->protocol) };
	put(ctx, &point);
}

void
pst_walk_ports_used(
	const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	for (uint32_t i = 0; i < s->n_pools; i++)
		put_pool(m, &s->pools[i], s->pools[i].used, put, ctx);
}

void
pst_walk_ports_limit(
	const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	for (uint32_t i = 0; i < s->n_pools; i++)
		put_pool(m, &s->pools[i], s->pools[i].used + s->pools[i].free, put, ctx);
}

/* Memory and process. */

void
pst_walk_mempools_used(
	const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	for (uint32_t i = 0; i < s->n_mempools; i++) {
		struct pst_metric_point point =
			labelled(m, "mempool", s->mempools[i].name, s->mempools[i].used);

		put(ctx, &point);
	}
}

void
pst_walk_mempools_limit(
	const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	for (uint32_t i = 0; i < s->n_mempools; i++) {
		struct pst_metric_point point =
			labelled(m, "mempool", s->mempools[i].name, s->mempools[i].size);

		put(ctx, &point);
	}
}

/* A real number of the sample. */
void
pst_walk_real(const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	struct pst_metric_point point = point_of(m, 0);

	point.is_real = true;
	point.real = *(const double *)((const char *)s + m->offset);
	put(ctx, &point);
}

/* One of 32 bits. */
void
pst_walk_short(
	const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	struct pst_metric_point point =
		point_of(m, *(const uint32_t *)((const char *)s + m->offset));

	put(ctx, &point);
}

void
pst_walk_ready(
	const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	struct pst_metric_point point = point_of(m, s->ready);

	put(ctx, &point);
}

void
pst_walk_uptime(
	const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	struct pst_metric_point point = point_of(m, 0);

	point.is_real = true;
	point.real = (double)s->up_ms / PST_MS_PER_S;
	put(ctx, &point);
}

void
pst_walk_build(
	const struct pst_metric *m, const struct pst_sample *s, pst_metric_put put, void *ctx)
{
	struct pst_metric_point point = labelled(m, "version", PST_VERSION, 1);

	(void)s;
	point.labels[1] = (struct pst_metric_label){ "dpdk", rte_version() };
	put(ctx, &point);
}
