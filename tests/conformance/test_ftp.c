/* SPDX-License-Identifier: BSD-3-Clause */
/* What the FTP editor does with the API, for plain hosts and for Firewall clients. */
#include "suite.h"

#include "ftp/ftp.h"

struct ftp {
	uint32_t client, server; /* the next numbers, as their senders have them */
	uint32_t seen;		 /* the next of the client, as the server has it */
	struct pst_endpoint outside; /* the client's, as the server sees it */
};

static struct ftp ftp;

static void
connect_ftp(struct probe *p)
{
	struct pkt in = probe_packet(PST_TCP, CLIENT, 7000, SERVER, 21, TCP_SYN), out;

	in.seq = 100;
	assert_true(box_pass_through(&p->box, BOX_INSIDE, &in, &out));
	ftp = (struct ftp){ 101, 501, 101, { out.src, out.sport } };
	in = probe_packet(PST_TCP, SERVER, 21, out.src, out.sport, TCP_SYN | TCP_ACK);
	in.seq = 500;
	in.ack = 101;
	assert_true(box_pass_through(&p->box, BOX_OUTSIDE, &in, &out));
	in = probe_packet(PST_TCP, CLIENT, 7000, SERVER, 21, TCP_ACK);
	in.seq = 101;
	in.ack = 501;
	assert_true(box_pass_through(&p->box, BOX_INSIDE, &in, &out));
}

/* A line of the client; what the server gets. */
static const char *
say(struct probe *p, const char *line)
{
	static char got[256];
	struct pkt in = probe_packet(PST_TCP, CLIENT, 7000, SERVER, 21, TCP_ACK | TCP_PSH), out;
	struct rte_mbuf *m;

	in.seq = ftp.client;
	in.ack = 501;
	in.data = line;
	in.len = strlen(line);
	box_put(&p->box, BOX_INSIDE, &in);
	box_settle(&p->box);
	m = box_get(&p->box, BOX_OUTSIDE);
	assert_non_null(m);
	assert_true(pkt_read(m, &out));
	snprintf(got, sizeof(got), "%.*s", (int)out.len, (const char *)out.data);
	ftp.client += in.len;
	ftp.seen = out.seq + out.len;
	rte_pktmbuf_free(m);
	in = probe_packet(PST_TCP, SERVER, 21, ftp.outside.ip, ftp.outside.port, TCP_ACK);
	in.seq = 501;
	in.ack = ftp.seen;
	assert_true(box_pass_through(&p->box, BOX_OUTSIDE, &in, &out));
	return got;
}

static struct pst_endpoint
announced(const char *line)
{
	unsigned int h[4], n[2];

	assert_int_equal(
		sscanf(line, "PORT %u,%u,%u,%u,%u,%u", &h[0], &h[1], &h[2], &h[3], &n[0], &n[1]),
		6);
	return (struct pst_endpoint){ IP(h[0], h[1], h[2], h[3]), n[0] << 8 | n[1] };
}

static void
r46_the_server_sees_the_proxy_address(void **state)
{
	struct probe *p = fresh_probe();
	struct pkt in;

	(void)state;
	probe_start(p, NULL);
	connect_ftp(p);
	p->at = announced(say(p, "PORT 10,1,1,7,6,17\r\n"));
	assert_true(p->at.ip == OUTSIDE || p->at.ip == OUTSIDE + 1);
	assert_int_equal(p->at.ip, ftp.outside.ip); /* that of the control connection */
	in = probe_packet(PST_TCP, SERVER, 20, p->at.ip, p->at.port, TCP_SYN);
	assert_true(probe_reaches(p, &in, 6 << 8 | 17));
	probe_stop(p);
}

static void
r60_the_endpoint_is_the_servers_alone(void **state)
{
	struct probe *p = fresh_probe();
	struct pkt in;

	(void)state;
	probe_start(p, NULL);
	connect_ftp(p);
	p->at = announced(say(p, "PORT 10,1,1,7,6,17\r\n"));
	in = probe_packet(PST_TCP, SECOND, 20, p->at.ip, p->at.port, TCP_SYN);
	probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_IP_FILTER);
	in.src = SERVER;
	assert_true(probe_reaches(p, &in, 6 << 8 | 17));
	probe_stop(p);
}

static void
map(struct probe *p)
{
	static const struct pst_guid none;
	struct pst_bind_for_client args = probe_args(p, PST_TCP, 1, PST_FLAG_MAP);

	args.protocol_id = none;
	p->at.port = 20000;
	p->ret = pst_bind_for_client(p->session, &args);
}

static void
unmap(struct probe *p)
{
	pst_connection_kill(p->handles[0]);
}

static void
a_firewall_client(struct probe *p)
{
	probe_start(p, NULL);
	probe_do(p, map); /* 198.18.0.1:20000, for its port 3000 */
	assert_int_equal(p->ret, 0);
	connect_ftp(p);
}

static void
r03_of_a_firewall_client_only_inside_addresses_are_edited(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_endpoint proxy;
	struct pkt in;

	(void)state;
	a_firewall_client(p);
	/* outside addresses, its own map's and another's, pass as they are */
	assert_string_equal(say(p, "PORT 198,18,0,1,78,32\r\n"), "PORT 198,18,0,1,78,32\r\n");
	assert_string_equal(say(p, "PORT 198,18,0,1,99,99\r\n"), "PORT 198,18,0,1,99,99\r\n");
	/* an inside address is about to leave by the outside: it gets an endpoint */
	proxy = announced(say(p, "PORT 10,1,1,7,6,17\r\n"));
	assert_int_equal(proxy.ip, ftp.outside.ip);
	in = probe_packet(PST_TCP, SERVER, 20, proxy.ip, proxy.port, TCP_SYN);
	assert_true(probe_reaches(p, &in, 6 << 8 | 17));
	probe_do(p, unmap);
	probe_stop(p);
}

static void
r61_a_map_is_tried_first_and_a_bind_second(void **state)
{
	struct probe *p = fresh_probe();
	uint64_t binds;
	struct pkt in;

	(void)state;
	a_firewall_client(p);
	in = probe_packet(PST_TCP, SERVER, 20, OUTSIDE, 20000, TCP_SYN);
	probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_ENDPOINT_UNAPPROVED);
	binds = pst_runtime_stats(p->box.a->runtimes[0])->binds;
	say(p, "PORT 198,18,0,1,78,32\r\n");
	assert_int_equal(pst_runtime_stats(p->box.a->runtimes[0])->binds, binds); /* approved */
	in.src = SECOND;
	probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_IP_FILTER); /* for the server alone */
	in.src = SERVER;
	assert_true(probe_reaches(p, &in, 3000));
	say(p, "PORT 10,1,1,7,6,17\r\n");
	assert_int_equal(pst_runtime_stats(p->box.a->runtimes[0])->binds, binds + 1);
	probe_do(p, unmap);
	probe_stop(p);
}

static char spied[256];

static void
spy_data(void *context, enum pst_dir dir, const uint8_t *bytes, uint32_t len, bool end,
	struct pst_edit *edit)
{
	(void)context;
	(void)edit;
	(void)end;
	if (dir == PST_DIR_ORIG)
		snprintf(spied, sizeof(spied), "%.*s", (int)len, (const char *)bytes);
}

static const struct pst_data_filter spy = { .data = spy_data };

static int
attach_spy(struct probe *p, uint32_t editor, const struct pst_event *event)
{
	if (editor != 1 || event->type != PST_EVENT_CONNECT_TCP || event->remote.port != 21)
		return 0;
	return pst_connection_attach_data_filter(
		event->connection, &spy, PST_PRIORITY_INTERNAL, p);
}

/* The next class behind NAT sees what leaves, though it was attached first. */
static void
r64_addresses_are_edited_at_the_nat_priority(void **state)
{
	struct probe *p = fresh_probe();

	(void)state;
	hook(p, 1, PST_EVENT_CONNECT_TCP, 21, 21);
	probe_start(p, NULL);
	p->on_event = attach_spy;
	connect_ftp(p);
	announced(say(p, "PORT 10,1,1,7,6,17\r\n"));
	assert_int_equal(announced(spied).ip, ftp.outside.ip);
	probe_stop(p);
}

RULE_TESTS(cmocka_unit_test(r03_of_a_firewall_client_only_inside_addresses_are_edited),
	cmocka_unit_test(r46_the_server_sees_the_proxy_address),
	cmocka_unit_test(r60_the_endpoint_is_the_servers_alone),
	cmocka_unit_test(r61_a_map_is_tried_first_and_a_bind_second),
	cmocka_unit_test(r64_addresses_are_edited_at_the_nat_priority))
