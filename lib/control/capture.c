/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/capture.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pcap/pcap.h>

#include "base/clock.h"
#include "chan/tap.h"
#include "control/capture_file.h"

#define RECORDS 2048 /* of a worker's that wait to be written */
#define SNAP_MIN 64
#define L2_MOST 18
#define MTU 1500
#define INSNS_MOST 2048

enum state {
	STARTING, /* workers are given their taps */
	COPYING,
	STOPPING, /* they are to give them back */
	WRITING,  /* what is left */
};

struct pst_capture {
	struct pst_control_params params;
	enum state state;
	uint32_t asked, answered; /* workers, in this state */
	uint64_t seconds, end_ms;
	bool is_stopped;
	struct pst_tap *taps[PST_WORKERS_MAX];
	struct bpf_program filter;
	struct pst_capture_file file;
};

static int
refuse(char *error, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, size, format, args);
	va_end(args);
	return -EINVAL;
}

static bool
matches(const void *filter, const uint8_t *frame, uint32_t len, uint32_t caplen)
{
	return bpf_filter(filter, frame, len, caplen) != 0;
}

/* What is asked for. */

/* A number from `least` on; what it is when it is left out. */
static int
parse_number(const json_t *request, const char *key, uint64_t least, uint64_t most, uint64_t *n,
	char *error, size_t size)
{
	const json_t *json = json_object_get(request, key);

	if (json == NULL)
		return 0;
	if (!json_is_integer(json) || json_integer_value(json) < (json_int_t)least ||
		json_integer_value(json) > (json_int_t)most)
		return refuse(error, size, "\"%s\" is a number from %llu to %llu", key,
			(unsigned long long)least, (unsigned long long)most);
	*n = json_integer_value(json);
	return 0;
}

static bool
read_insn(const json_t *row, struct bpf_insn *insn)
{
	json_int_t n[4];

	if (json_array_size(row) != 4)
		return false;
	for (int k = 0; k < 4; k++) {
		if (!json_is_integer(json_array_get(row, k)))
			return false;
		n[k] = json_integer_value(json_array_get(row, k));
	}
	*insn = (struct bpf_insn){ .code = n[0], .jt = n[1], .jf = n[2], .k = n[3] };
	return true;
}

static int
parse_filter(struct pst_capture *c, const json_t *request, char *error, size_t size)
{
	const json_t *rows = json_object_get(request, "filter"), *row;
	bool good = true;
	size_t i;

	if (rows == NULL)
		return 0;
	if (json_array_size(rows) == 0 || json_array_size(rows) > INSNS_MOST)
		return refuse(error, size, "\"filter\" is a list of BPF instructions");
	c->filter.bf_insns = calloc(json_array_size(rows), sizeof(struct bpf_insn));
	if (c->filter.bf_insns == NULL)
		return refuse(error, size, "%s", strerror(ENOMEM));
	json_array_foreach(rows, i, row) good &= read_insn(row, &c->filter.bf_insns[i]);
	c->filter.bf_len = json_array_size(rows);
	if (!good || !bpf_validate(c->filter.bf_insns, c->filter.bf_len))
		return refuse(error, size, "\"filter\" is no sound BPF program");
	return 0;
}

static int
parse_iface(const struct pst_control_params *p, const json_t *request, uint16_t *iface,
	char *error, size_t size)
{
	const json_t *name = json_object_get(request, "interface");

	*iface = PST_TAP_ANY_IFACE;
	if (name == NULL)
		return 0;
	for (uint32_t i = 0; json_is_string(name) && i < p->config->n_ifaces; i++) {
		if (strcmp(json_string_value(name), p->config->ifaces[i].name) == 0)
			*iface = i;
	}
	if (*iface == PST_TAP_ANY_IFACE)
		return refuse(error, size, "no interface \"%.40s\"",
			json_is_string(name) ? json_string_value(name) : "");
	return 0;
}

/* The largest frame that there may be. */
static uint64_t
largest_frame(const struct pst_control_params *p)
{
	struct pst_control_iface know;
	uint64_t most = MTU;

	for (uint32_t i = 0; i < p->config->n_ifaces; i++) {
		most = RTE_MAX(most, p->config->ifaces[i].mtu);
		if (p->iface != NULL && p->iface(p->ctx, i, &know) == 0)
			most = RTE_MAX(most, know.mtu);
	}
	return most + L2_MOST;
}

static int
create_taps(struct pst_capture *c, uint16_t iface, uint32_t snap)
{
	static uint32_t serial;

	serial++;
	for (uint32_t w = 0; w < c->params.n_workers; w++) {
		char name[RTE_RING_NAMESIZE];
		struct pst_tap_params tap = { .name = name,
			.worker = w,
			.n_workers = c->params.n_workers,
			.records = RECORDS,
			.snap = snap,
			.iface = iface,
			.matches = matches,
			.filter = c->filter.bf_insns,
			.socket = SOCKET_ID_ANY };

		snprintf(name, sizeof(name), "pst-tap%u-%u", serial, w);
		c->taps[w] = pst_tap_create(&tap);
		if (c->taps[w] == NULL)
			return -ENOMEM;
	}
	return 0;
}

static int
prepare(struct pst_capture *c, const json_t *request, int fd, char *error, size_t size)
{
	uint64_t snap = UINT16_MAX, count = 0;
	uint16_t iface;

	if (c->params.config == NULL ||
		parse_number(request, "count", 1, INT64_MAX, &count, error, size) < 0 ||
		parse_number(request, "snap", SNAP_MIN, UINT16_MAX, &snap, error, size) < 0 ||
		parse_number(request, "seconds", 1, UINT32_MAX, &c->seconds, error, size) < 0 ||
		parse_iface(&c->params, request, &iface, error, size) < 0 ||
		parse_filter(c, request, error, size) < 0)
		return -EINVAL;
	if (fd < 0)
		return refuse(error, size, "\"capture\" comes with a file to write to");
	snap = RTE_MIN(snap, largest_frame(&c->params));
	if (create_taps(c, iface, snap) < 0)
		return refuse(error, size,
			"no memory for a capture: --snap 128 takes less, memory.megabytes gives "
			"more");
	c->file = (struct pst_capture_file){ .fd = fd,
		.taps = c->taps,
		.n_taps = c->params.n_workers,
		.config = c->params.config,
		.expression = json_string_value(json_object_get(request, "expression")),
		.snap = snap,
		.count = count };
	if (pst_capture_file_start(&c->file) < 0)
		return refuse(error, size, "no thread to write a capture");
	return 0;
}

struct pst_capture *
pst_capture_start(const struct pst_control_params *params, const json_t *request, int fd,
	char *error, size_t size)
{
	struct pst_capture *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		refuse(error, size, "%s", strerror(ENOMEM));
		return NULL;
	}
	c->params = *params;
	c->file.fd = -1;
	if (prepare(c, request, fd, error, size) < 0) {
		c->file.fd = -1; /* the caller's */
		pst_capture_destroy(c);
		return NULL;
	}
	return c;
}

/* Its course. */

/* The next workers get a tap, or none; true when all have answered. */
static bool
ask_workers(struct pst_capture *c, bool begin)
{
	for (; c->asked < c->params.n_workers; c->asked++) {
		struct pst_req *req = pst_chan_take(c->params.workers[c->asked]);

		if (req == NULL)
			return false; /* others have them all */
		req->type = PST_REQ_TAP;
		req->result = 0;
		req->abandoned = false;
		req->cookie = (uintptr_t)c;
		req->tap = begin ? c->taps[c->asked] : NULL;
		pst_chan_post(c->params.workers[c->asked], req);
	}
	return c->answered == c->params.n_workers;
}

void
pst_capture_take(struct pst_req *req, struct pst_chan *worker)
{
	((struct pst_capture *)(uintptr_t)req->cookie)->answered++;
	pst_chan_put(worker, req);
}

static void
go_to(struct pst_capture *c, enum state state)
{
	c->state = state;
	c->asked = c->answered = 0;
}

bool
pst_capture_step(struct pst_capture *c, uint64_t now)
{
	switch (c->state) {
	case STARTING:
		if (!ask_workers(c, true))
			return false;
		go_to(c, COPYING);
		c->end_ms = c->seconds != 0 ? now + c->seconds * PST_MS_PER_S : UINT64_MAX;
		pst_capture_file_begin(&c->file);
		return false;
	case COPYING:
		if (c->is_stopped || now >= c->end_ms || pst_capture_file_is_full(&c->file))
			go_to(c, STOPPING);
		return false;
	case STOPPING:
		if (ask_workers(c, false)) {
			go_to(c, WRITING);
			pst_capture_file_finish(&c->file);
		}
		return false;
	default:
		return pst_capture_file_is_done(&c->file);
	}
}

void
pst_capture_stop(struct pst_capture *c)
{
	c->is_stopped = true;
}

void
pst_capture_abort(struct pst_capture *c)
{
	c->is_stopped = true;
	pst_capture_file_abort(&c->file);
}

static uint64_t
lost(const struct pst_capture *c)
{
	uint64_t sum = 0;

	for (uint32_t w = 0; w < c->params.n_workers; w++)
		sum += pst_tap_lost(c->taps[w]);
	return sum;
}

json_t *
pst_capture_result(const struct pst_capture *c, char *error, size_t size)
{
	if (c->file.error != 0 && c->file.error != EPIPE) { /* who reads has had enough */
		refuse(error, size, "the capture can't be written: %s", strerror(c->file.error));
		return NULL;
	}
	return json_pack("{s:I,s:I}", "frames", (json_int_t)c->file.frames, "lost",
		(json_int_t)lost(c));
}

void
pst_capture_destroy(struct pst_capture *c)
{
	if (c == NULL)
		return;
	pst_capture_file_stop(&c->file);
	for (uint32_t w = 0; w < c->params.n_workers; w++)
		pst_tap_destroy(c->taps[w]);
	free(c->filter.bf_insns);
	free(c);
}
