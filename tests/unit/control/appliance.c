/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "appliance.h"
#include "chan/tap.h"

#define ROUNDS_MOST 1000000

static const char *const ftp_counters[] = { "commands", "edits", NULL };

static const struct pst_editor ftp = {
	.name = "ftp",
	.protocol_name = "FTP client",
	.protocol = { { 0x93, 0x19, 0x6b, 0x9c, [15] = 1 } },
	.ports = { { PST_TCP, 21 } },
	.default_on = true,
	.counters = ftp_counters,
};

static const struct pst_editor sip = {
	.name = "sip",
	.protocol_name = "SIP",
	.protocol = { { 2 } },
	.ports = { { PST_TCP, 5060 }, { PST_UDP, 5060 }, { PST_UDP, 5070 } },
};

static const struct pst_editor *const editors[] = { &ftp, &sip, NULL };
static const char *const protocol_names[] = { "FTP client", "SIP" };
static const char *const commands[] = { "reload", NULL };

static const char *
state_name(uint8_t protocol, uint8_t state)
{
	return protocol == PST_TCP && state == 3 ? "established" : NULL;
}

static uint32_t
count(const struct pst_ipset *set)
{
	return set->n;
}

static void
range(const struct pst_ipset *set, uint32_t i, uint32_t *first, uint32_t *last)
{
	*first = set->ranges[i].first;
	*last = set->ranges[i].last;
}

static void
unref(struct pst_ipset *set)
{
	set->references--;
}

static uint64_t
editor_counter(void *ctx, uint32_t editor, uint32_t counter)
{
	(void)ctx;
	return 100 * editor + 10 + counter;
}

static int
iface(void *ctx, uint32_t i, struct pst_control_iface *out)
{
	(void)ctx;
	if (i > 0)
		return -ENODEV;
	*out = (struct pst_control_iface){
		.mac = { 2, 0, 0, 0, 0, 1 },
		.up = true,
		.mbps = 10000,
		.mtu = 1492,
		.rss = "programmed",
		.has_port_stats = true,
		.port_stats = { .ipackets = 7, .ibytes = 700, .imissed = 1 },
	};
	return 0;
}

static int
neighbour(void *ctx, uint32_t i, struct pst_control_neighbour *out)
{
	static const struct pst_control_neighbour rows[] = {
		{ .ip = 0x0a000009,
			.has_mac = true,
			.mac = { 2, 0, 0, 0, 0, 9 },
			.state = "reachable",
			.age_ms = 2500 },
		{ .ip = 0xc63364fe, .iface = 1, .state = "asked", .held = 3 },
	};

	(void)ctx;
	if (i >= RTE_DIM(rows))
		return -ENOENT;
	*out = rows[i];
	return 0;
}

static int
pool(void *ctx, uint32_t i, struct pst_control_pool *out)
{
	static const struct pst_control_pool rows[] = {
		{ 0xc6336414, PST_TCP, 12, 64500 },
		{ 0xc6336414, PST_UDP, 3, 64509 },
		{ 0xc6336414, PST_ICMP, 0, 64512 },
	};

	(void)ctx;
	if (i >= RTE_DIM(rows))
		return -ENOENT;
	*out = rows[i];
	return 0;
}

static int
command(void *ctx, const char *name, json_t *request, json_t **result, char *error, size_t size)
{
	struct appliance *a = ctx;

	a->commands++;
	if (json_is_true(json_object_get(request, "fail"))) {
		snprintf(error, size, "%s: not now", name);
		return -EBUSY;
	}
	if (a->is_slow)
		return a->commands;
	*result = json_pack("{s:i}", "generation", 2);
	return 0;
}

static int
late_answer(void *ctx, int ticket, json_t **result, char *error, size_t size)
{
	struct appliance *a = ctx;

	if (!a->is_done)
		return -EINPROGRESS;
	if (a->problem != NULL) {
		*result = json_pack("[s]", a->problem);
		snprintf(error, size, "refused");
		return -EINVAL;
	}
	*result = json_pack("{s:i}", "ticket", ticket);
	return 0;
}

static void
fill_config(struct pst_config *config)
{
	config->n_ifaces = 2;
	config->ifaces[0] = (struct pst_config_iface){ .name = "inside",
		.device = "net_af_packet0,iface=lan0",
		.zone = PST_ZONE_INTERNAL,
		.ip = 0x0a000001,
		.prefix_len = 24 };
	config->ifaces[1] = (struct pst_config_iface){ .name = "outside",
		.device = "0000:03:00.0",
		.zone = PST_ZONE_EXTERNAL,
		.ip = 0xc6336401,
		.prefix_len = 24,
		.mtu = 1500,
		.vlan = 5 };
	config->nat.port_first = 1024;
	config->nat.port_last = 65535;
	config->nat.n_pools = 1;
	config->nat.pools[0] = (struct pst_config_pool){ .clients = { { 0x0a000900, 0x0a0009ff } },
		.n_clients = 1,
		.addresses = { { 0xc6336414, 0xc6336417 } },
		.n_addresses = 1 };
	config->n_rules = 1;
	config->rules[0] = (struct pst_config_rule){ .name = "no irc",
		.n_protocols = 1,
		.protocols = { "irc" },
		.n_clients = 1,
		.clients = { { 0x0a000900, 0x0a0009ff } } };
	config->n_protocols = 1;
	config->protocols[0] = (struct pst_config_protocol){ .name = "my-ftp",
		.id = { { 0xaa, [15] = 0xbb } },
		.transport = PST_TCP,
		.n_ports = 1,
		.ports = { 2121 },
		.editor = "ftp" };
	config->n_editors = 1;
	config->editors[0] = (struct pst_config_editor){ .name = "sip", .enabled = true };
}

static void
fill_params(struct appliance *a)
{
	a->params = (struct pst_control_params){
		.socket = a->socket,
		.config = &a->config,
		.started = 1000,
		.n_workers = WORKERS,
		.worker_lcores = { 1, 2 },
		.editor_stats = { &a->editor },
		.editor_lcores = { 3 },
		.n_editors = 1,
		.main_account = &a->main_account,
		.editors = editors,
		.editor_counter = editor_counter,
		.protocol_names = protocol_names,
		.n_protocols = RTE_DIM(protocol_names),
		.state_name = state_name,
		.ipset_count = count,
		.ipset_range = range,
		.ipset_unref = unref,
		.iface = iface,
		.neighbour = neighbour,
		.pool = pool,
		.commands = commands,
		.command = command,
		.answer = late_answer,
		.ctx = a,
	};
	for (uint32_t i = 0; i < WORKERS; i++)
		a->params.worker_stats[i] = &a->workers[i];
}

void
appliance_start(struct appliance *a, uint32_t records)
{
	appliance_start_logging(a, records, NULL);
}

void
appliance_start_logging(struct appliance *a, uint32_t records, struct pst_eventlog *eventlog)
{
	char error[256] = "", name[32];
	static int number;

	memset(a, 0, sizeof(*a));
	strcpy(a->folder, "/tmp/postern-test-XXXXXX");
	assert_non_null(mkdtemp(a->folder));
	snprintf(a->socket, sizeof(a->socket), "%s/control.sock", a->folder);
	a->now = 5000;
	a->chunk = PST_SHOW_ROWS;
	a->set = (struct pst_ipset){ .n = 1, .ranges = { { 0xcb007109, 0xcb00710a } } };
	fill_config(&a->config);
	fill_params(a);
	a->params.eventlog = eventlog;
	if (records == 0)
		return;
	for (uint32_t i = 0; i < WORKERS; i++) {
		snprintf(name, sizeof(name), "main-%d-%u", number++, i);
		a->params.workers[i] = pst_chan_create(
			&(struct pst_chan_params){ .name = name, .records = records });
		assert_non_null(a->params.workers[i]);
	}
	a->control = pst_control_create(&a->params, error, sizeof(error));
	assert_string_equal(error, "");
	assert_non_null(a->control);
}

void
appliance_stop(struct appliance *a)
{
	if (a->control != NULL) {
		a->stuck = false;
		appliance_step_workers(a);
		pst_control_destroy(a->control);
		assert_int_not_equal(access(a->socket, F_OK), 0);
	}
	for (uint32_t i = 0; i < WORKERS && a->params.workers[i] != NULL; i++) {
		assert_int_equal(a->params.workers[i]->n_free, a->params.workers[i]->n_records);
		pst_chan_destroy(a->params.workers[i]);
	}
	assert_int_equal(a->set.references, 0);
	assert_int_equal(rmdir(a->folder), 0);
}

int
appliance_setup(void **state)
{
	static struct appliance appliance;

	*state = &appliance;
	appliance_start(&appliance, 1);
	return 0;
}

int
appliance_teardown(void **state)
{
	appliance_stop(*state);
	return 0;
}

static void
fill_row(uint32_t worker, uint32_t i, struct pst_show_row *row)
{
	*row = (struct pst_show_row){
		.protocol = PST_TCP,
		.state = 3,
		.inside = { 0x0a000009, 1000 + i % 50000 },
		.outside = { 0xc6336401, 2000 + i % 50000 },
		.remote = { 0xcb007109, 80 },
		.packets = { i, 1 },
		.bytes = { 100, 200 },
		.expires_ms = 1500,
		.editor = -1,
		.protocol_index = -1,
		.ref = { i, worker },
	};
}

/* All packets are the last worker's. */
static void
answer_explain(struct appliance *a, uint32_t worker, struct pst_req *req)
{
	struct pst_explain *x = &req->explain, question = *x;

	a->explains++;
	if (worker != WORKERS - 1) {
		x->verdict = PST_EXPLAIN_ELSEWHERE;
		x->worker = WORKERS - 1;
	} else {
		*x = a->explained;
		x->source = question.source;
		x->destination = question.destination;
		x->protocol = question.protocol;
		x->worker = worker;
		if (x->has_listener) {
			x->listener.has_filter = true;
			x->listener.filter = &a->set;
			a->set.references++;
		}
	}
}

/* Rows are worth their number; the filter is not looked at, but for the floor. */
static void
answer_show(struct appliance *a, uint32_t worker, struct pst_req *req)
{
	uint32_t at = req->show.cursor, n = 0;

	for (; at < a->rows[worker] && n < a->chunk; at++) {
		struct pst_show_row *row = &req->show.rows[n];

		fill_row(worker, at, row);
		row->worth = pst_show_worth(&req->show.wanted, at);
		if (row->worth < req->show.wanted.floor)
			continue;
		n++;
		if (req->show.table == PST_SHOW_LISTENERS) {
			row->has_filter = 1;
			row->filter = &a->set;
			a->set.references++;
		}
	}
	a->copied += n;
	req->show.count = n;
	req->show.cursor = at < a->rows[worker] ? at : 0;
}

/* Connections are as many as rows, and each worker has a listener; both go by the chunk. */
static void
answer_end(struct appliance *a, uint32_t worker, struct pst_req *req)
{
	uint32_t all = req->show.table == PST_SHOW_CONNECTIONS ? a->rows[worker] : 1;
	uint32_t n = RTE_MIN(a->rows[worker] > 0 ? all - req->show.cursor : 0, a->chunk);

	req->show.count = n;
	req->show.cursor = req->show.cursor + n < all && n > 0 ? req->show.cursor + n : 0;
}

/* From the first interface, dropped. */
static void
answer_tap(struct appliance *a, uint32_t worker, struct pst_req *req)
{
	union {
		struct pst_tap_record record;
		uint8_t room[4096];
	} copy = { .record = { .id = 1, .len = 60, .caplen = 60, .fate = PST_TAP_DROPPED,
			   .to = PST_DROP_RULE } };

	a->taps[worker] = req->tap;
	for (uint32_t k = 0; req->tap != NULL && k < a->tapped; k++)
		pst_tap_write(req->tap, &copy.record);
	pst_chan_reply(a->params.workers[worker], &req, 1);
}

static void
answer(struct appliance *a, uint32_t worker, struct pst_req *req)
{
	if (req->type == PST_REQ_EXPLAIN) {
		answer_explain(a, worker, req);
		pst_chan_reply(a->params.workers[worker], &req, 1);
		return;
	}
	if (req->type == PST_REQ_TAP) {
		answer_tap(a, worker, req);
		return;
	}
	a->asked++;
	req->result = a->result;
	if (req->type != PST_REQ_KILL_CONN)
		a->wanted = req->show.wanted;
	switch (req->type) {
	case PST_REQ_SHOW:
		answer_show(a, worker, req);
		break;
	case PST_REQ_END:
		answer_end(a, worker, req);
		break;
	case PST_REQ_KILL_CONN:
		if (req->conn.ref.index >= a->rows[worker])
			req->result = -ESHUTDOWN;
		break;
	default:
		fail_msg("main asks for %d", req->type);
	}
	pst_chan_reply(a->params.workers[worker], &req, 1);
}

void
appliance_step_workers(struct appliance *a)
{
	struct pst_req *req;

	for (uint32_t i = 0; i < WORKERS && !a->stuck; i++) {
		while ((req = pst_chan_request(a->params.workers[i])) != NULL)
			answer(a, i, req);
	}
}

void
appliance_step(struct appliance *a)
{
	a->now += a->ticks;
	pst_control_poll(a->control, a->now);
	appliance_step_workers(a);
}

int
appliance_connect(struct appliance *a)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(addr.sun_path, a->socket);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

void
appliance_send(struct appliance *a, int fd, const char *text)
{
	size_t len = strlen(text);

	for (int i = 0; len > 0 && i < ROUNDS_MOST; i++) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n > 0) {
			text += n;
			len -= n;
		} else
			assert_int_equal(errno, EAGAIN);
		appliance_step(a);
	}
	assert_int_equal(len, 0);
}

char *
appliance_receive(struct appliance *a, int fd)
{
	size_t len = 0, size = 4096;
	char *line = malloc(size), *end;
	ssize_t n;

	for (int i = 0; i < ROUNDS_MOST; i++) {
		appliance_step(a);
		if (size - len < 2)
			line = realloc(line, size *= 2);
		/* look first: what is behind the newline is the next line's */
		n = recv(fd, line + len, size - len - 1, MSG_PEEK);
		if (n == 0 || (n < 0 && errno != EAGAIN)) {
			free(line);
			return NULL;
		}
		if (n < 0)
			continue;
		end = memchr(line + len, '\n', n);
		if (end != NULL)
			n = end + 1 - (line + len);
		assert_int_equal(recv(fd, line + len, n, 0), n);
		len += n;
		if (end != NULL) {
			line[len - 1] = '\0';
			return line;
		}
	}
	fail_msg("no answer");
	return NULL;
}

json_t *
appliance_ask(struct appliance *a, const char *request)
{
	int fd = appliance_connect(a);
	json_t *json;
	char *line;

	appliance_send(a, fd, request);
	appliance_send(a, fd, "\n");
	line = appliance_receive(a, fd);
	assert_non_null(line);
	json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	free(line);
	close(fd);
	appliance_step(a);
	return json;
}
