/* SPDX-License-Identifier: BSD-3-Clause */
/* BindForClient: its arguments, the addresses, the ports. */
#include <errno.h>

#include "suite.h"

static void
r01_traffic_to_the_proxy_address_reaches_the_client(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;
	struct pkt in;

	(void)state;
	probe_start(p, NULL);
	args = probe_args(p, PST_TCP, 1, 0);
	probe_bind(p, &args);
	assert_int_equal(p->ret, 0);
	assert_int_equal(pst_session_flags(p->session), 0); /* SecureNAT */
	in = probe_packet(PST_TCP, SERVER, 20, p->at.ip, p->at.port, TCP_SYN);
	assert_true(probe_reaches(p, &in, 3000));
	assert_true(probe_connect(p, SERVER, 20, p->at.port));
	pst_connection_kill(p->handles[0]);
	probe_stop(p);
}

static void
r04_n_addresses_make_n_handles(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;

	(void)state;
	probe_start(p, NULL);
	args = probe_args(p, PST_UDP, 5, PST_FLAG_TIMEOUT);
	probe_bind(p, &args);
	assert_int_equal(p->ret, 0);
	for (int i = 0; i < 5; i++) {
		assert_non_null(p->handles[i]);
		for (int k = 0; k < i; k++)
			assert_ptr_not_equal(p->handles[i], p->handles[k]);
	}
	assert_null(p->handles[5]);
	probe_stop(p);
}

static void
set_client(struct probe *p)
{
	struct pst_endpoint client = { CLIENT, 4321 };

	p->ret = pst_connection_set_client_address(p->handles[0], &client);
}

static void
r05_a_client_address_may_be_set_later(void **state)
{
	struct pst_endpoint unset = { 0, 0 };
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;
	struct pkt syn;

	(void)state;
	probe_start(p, NULL);
	args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT);
	args.client_addresses = &unset;
	probe_bind(p, &args);
	assert_int_equal(p->ret, 0);
	probe_do(p, set_client);
	assert_int_equal(p->ret, 0);
	syn = probe_packet(PST_TCP, SERVER, 20, OUTSIDE, p->at.port, TCP_SYN);
	assert_true(probe_reaches(p, &syn, 4321));
	probe_stop(p);
}

static void
r06_port_0_yields_a_free_port_and_says_which(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;
	uint16_t first;

	(void)state;
	probe_start(p, NULL);
	args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT);
	probe_bind(p, &args);
	assert_int_equal(p->ret, 0);
	assert_int_equal(p->at.ip, OUTSIDE);
	assert_in_range(p->at.port, 1024, 65535);
	first = p->at.port;
	args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT);
	probe_bind(p, &args);
	assert_int_equal(p->ret, 0);
	assert_int_not_equal(p->at.port, first);
	assert_true(probe_connect(p, SERVER, 20, first));
	assert_true(probe_connect(p, SERVER, 21, p->at.port));
	probe_stop(p);
}

static void
r07_no_other_address_answers_on_that_port(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;
	struct pkt syn;

	(void)state;
	for (uint32_t k = 0; k < 2; k++) {
		p = fresh_probe();
		probe_start(p, NULL);
		args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT);
		p->at.ip = OUTSIDE + k;
		probe_bind(p, &args);
		assert_int_equal(p->ret, 0);
		assert_int_equal(p->at.ip, OUTSIDE + k);
		syn = probe_packet(PST_TCP, SERVER, 20, OUTSIDE + 1 - k, p->at.port, TCP_SYN);
		probe_dropped(p, BOX_OUTSIDE, &syn, PST_DROP_NO_MAPPING);
		syn.dst = OUTSIDE + k;
		assert_true(probe_reaches(p, &syn, 3000));
		probe_stop(p);
	}
}

/* Of the runs of this client's worker, and of another's. */
static void
r08_a_fixed_port_is_bound_exactly(void **state)
{
	static const uint16_t ports[] = { 1024, 20001, 40000, 65535 };
	struct pst_bind_for_client args;
	struct pkt syn;

	(void)state;
	for (uint32_t k = 0; k < RTE_DIM(ports); k++) {
		struct probe *p = fresh_probe();

		probe_start(p, NULL);
		args = probe_args(p, PST_UDP, 1, PST_FLAG_TIMEOUT);
		p->at.port = ports[k];
		probe_bind(p, &args);
		assert_int_equal(p->ret, 0);
		assert_int_equal(p->at.port, ports[k]);
		syn = probe_packet(PST_UDP, SERVER, 20, OUTSIDE, ports[k], 0);
		assert_true(probe_reaches(p, &syn, 3000));
		probe_stop(p);
	}
}

static void
r09_a_fixed_port_is_for_n_of_1(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;

	(void)state;
	probe_start(p, NULL);
	args = probe_args(p, PST_TCP, 2, PST_FLAG_TIMEOUT);
	p->at.port = 20000;
	probe_bind(p, &args);
	assert_int_equal(p->ret, -EINVAL);
	args.n = 1;
	probe_bind(p, &args);
	assert_int_equal(p->ret, 0);
	probe_stop(p);
}

static void
r10_only_tcp_and_udp_are_accepted(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;

	(void)state;
	probe_start(p, NULL);
	for (int proto = 0; proto < 256; proto++) {
		args = probe_args(p, proto, 1, PST_FLAG_TIMEOUT);
		probe_bind(p, &args);
		assert_int_equal(
			p->ret, proto == PST_TCP || proto == PST_UDP ? 0 : -EINVAL);
	}
	probe_stop(p);
}

static void
r11_the_ports_are_consecutive(void **state)
{
	static const uint32_t sizes[] = { 2, 3, 7, 16 };
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;
	struct pst_endpoint name;

	(void)state;
	probe_start(p, NULL);
	for (uint32_t k = 0; k < RTE_DIM(sizes); k++) {
		args = probe_args(p, PST_UDP, sizes[k], PST_FLAG_TIMEOUT);
		probe_bind(p, &args);
		assert_int_equal(p->ret, 0);
		for (uint32_t i = 0; i < sizes[k]; i++) {
			struct pkt in = probe_packet(
				PST_UDP, SERVER, 20, OUTSIDE, p->at.port + i, 0);

			pst_connection_external_name(p->handles[i], &name);
			assert_int_equal(name.port, p->at.port + i);
			/* another source each time: the client's ports are the same */
			in.sport = 100 * k + i + 1;
			assert_true(probe_reaches(p, &in, 3000 + i));
		}
	}
	probe_stop(p);
}

static void
r12_the_lowest_port_is_a_multiple_of_n(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;

	(void)state;
	probe_start(p, NULL);
	for (uint32_t n = 2; n <= 100; n = n * 3 / 2 + 1) {
		for (int again = 0; again < 5; again++) {
			args = probe_args(p, PST_TCP, n, PST_FLAG_TIMEOUT);
			probe_bind(p, &args);
			assert_int_equal(p->ret, 0);
			assert_int_equal(p->at.port % n, 0);
		}
	}
	probe_stop(p);
}

static void
r13_the_address_returned_is_the_lowest(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;
	struct pkt in;
	struct pst_endpoint name;

	(void)state;
	probe_start(p, NULL);
	args = probe_args(p, PST_TCP, 8, PST_FLAG_TIMEOUT);
	probe_bind(p, &args);
	assert_int_equal(p->ret, 0);
	for (int i = 0; i < 8; i++) {
		pst_connection_external_name(p->handles[i], &name);
		assert_true(name.port >= p->at.port);
	}
	pst_connection_external_name(p->handles[0], &name);
	assert_int_equal(name.port, p->at.port);
	in = probe_packet(PST_TCP, SERVER, 20, p->at.ip, p->at.port, TCP_SYN);
	assert_true(probe_reaches(p, &in, 3000)); /* the first of the client's */
	probe_stop(p);
}

static void
kill_the_second(struct probe *p)
{
	pst_connection_kill(p->handles[1]);
}

static void
r14_a_handle_is_its_ports(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;
	struct pkt in;

	(void)state;
	probe_start(p, NULL);
	args = probe_args(p, PST_UDP, 4, 0);
	probe_bind(p, &args);
	probe_do(p, kill_the_second);
	for (int i = 0; i < 4; i++) {
		in = probe_packet(PST_UDP, SERVER, 20, OUTSIDE, p->at.port + i, 0);
		if (i == 1)
			probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_NO_MAPPING);
		else
			assert_true(probe_reaches(p, &in, 3000 + i));
	}
	for (int i = 0; i < 4; i++) {
		if (i != 1)
			pst_connection_kill(p->handles[i]);
	}
	probe_stop(p);
}

static void
r15_client_addresses_need_not_be_consecutive(void **state)
{
	struct pst_endpoint clients[3] = { { CLIENT, 9000 }, { CLIENT, 33 }, { CLIENT, 700 } };
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;

	(void)state;
	probe_start(p, NULL);
	args = probe_args(p, PST_UDP, 3, PST_FLAG_TIMEOUT);
	args.client_addresses = clients;
	probe_bind(p, &args);
	assert_int_equal(p->ret, 0);
	for (int i = 0; i < 3; i++) {
		struct pkt in = probe_packet(PST_UDP, SERVER, 20, OUTSIDE, p->at.port + i, 0);

		assert_true(probe_reaches(p, &in, clients[i].port));
	}
	probe_stop(p);
}

static void
r22_timeout_excludes_allow_multiple(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;

	(void)state;
	probe_start(p, NULL);
	args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT | PST_FLAG_ALLOW_MULTIPLE);
	probe_bind(p, &args);
	assert_int_equal(p->ret, -EINVAL);
	args.protocol = PST_UDP;
	probe_bind(p, &args);
	assert_int_equal(p->ret, -EINVAL);
	probe_stop(p);
}

static void
r25_bidirectional_is_for_udp(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;

	(void)state;
	probe_start(p, NULL);
	args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT | PST_FLAG_BIDIRECTIONAL);
	probe_bind(p, &args);
	assert_int_equal(p->ret, -EINVAL);
	args.protocol = PST_UDP;
	probe_bind(p, &args);
	assert_int_equal(p->ret, 0);
	probe_stop(p);
}

static void
r29_an_address_in_use_is_an_error(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;

	(void)state;
	for (uint32_t port = 20000; port <= 50000; port += 30000) { /* of either worker */
		p = fresh_probe();
		probe_start(p, NULL);
		args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT);
		p->at.port = port;
		probe_bind(p, &args);
		assert_int_equal(p->ret, 0);
		probe_bind(p, &args);
		assert_int_equal(p->ret, -EADDRINUSE);
		args.protocol = PST_UDP; /* another protocol's port is another one */
		probe_bind(p, &args);
		assert_int_equal(p->ret, 0);
		probe_stop(p);
	}
}

static void
r30_an_address_of_nobodys_is_not_available(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;

	(void)state;
	probe_start(p, NULL);
	args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT);
	p->at.ip = IP(198, 18, 0, 200);
	probe_bind(p, &args);
	assert_int_equal(p->ret, -EADDRNOTAVAIL);
	p->at = (struct pst_endpoint){ IP(198, 18, 0, 200), 20000 };
	probe_bind(p, &args);
	assert_int_equal(p->ret, -EADDRNOTAVAIL);
	probe_stop(p);
}

static void
r76_a_block_is_all_or_nothing(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;
	struct pst_config c;
	struct pkt in;

	(void)state;
	probe_config(&c, 1);
	c.nat.pool[0].last = c.nat.pool[0].first;
	c.nat.port_first = 30000;
	c.nat.port_last = 30007;
	probe_start(p, &c);
	args = probe_args(p, PST_UDP, 1, PST_FLAG_TIMEOUT);
	p->at.port = 30001; /* of the first block of four */
	probe_bind(p, &args);
	assert_int_equal(p->ret, 0);
	args = probe_args(p, PST_UDP, 4, PST_FLAG_TIMEOUT);
	probe_bind(p, &args);
	assert_int_equal(p->ret, 0);
	assert_int_equal(p->at.port, 30004);
	args = probe_args(p, PST_UDP, 4, PST_FLAG_TIMEOUT);
	probe_bind(p, &args);
	assert_int_equal(p->ret, -ENOSPC);
	for (uint16_t port = 30000; port < 30004; port++) { /* nothing of it stayed bound */
		if (port == 30001)
			continue;
		in = probe_packet(PST_UDP, SERVER, 20, OUTSIDE, port, 0);
		probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_NO_MAPPING);
	}
	probe_stop(p);
}

static void
r77_an_endpoint_without_a_client_forwards_nowhere(void **state)
{
	struct pst_endpoint unset = { 0, 0 };
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;
	struct pkt in;

	(void)state;
	probe_start(p, NULL);
	args = probe_args(p, PST_UDP, 1, PST_FLAG_TIMEOUT);
	args.client_addresses = &unset;
	probe_bind(p, &args);
	in = probe_packet(PST_UDP, SERVER, 20, OUTSIDE, p->at.port, 0);
	probe_dropped(p, BOX_OUTSIDE, &in, PST_DROP_ENDPOINT_UNSET);
	probe_stop(p);
}

static void
r81_an_announced_address_is_the_clients_own(void **state)
{
	struct pst_endpoint others[] = { { OTHER_CLIENT, 3000 }, { SERVER, 3000 },
		{ OUTSIDE, 3000 }, { CLIENT, 0 }, { 0, 3000 } };
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;

	(void)state;
	probe_start(p, NULL);
	for (uint32_t i = 0; i < RTE_DIM(others); i++) {
		args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT);
		args.client_addresses = &others[i];
		probe_bind(p, &args);
		assert_int_equal(p->ret, -EINVAL);
	}
	probe_stop(p);
}

static void
r82_no_addresses_and_wrong_lengths_are_invalid(void **state)
{
	struct probe *p = fresh_probe();
	struct pst_bind_for_client args;

	(void)state;
	probe_start(p, NULL);
	args = probe_args(p, PST_TCP, 0, PST_FLAG_TIMEOUT);
	probe_bind(p, &args);
	assert_int_equal(p->ret, -EINVAL);
	args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT);
	args.client_address_len--;
	probe_bind(p, &args);
	assert_int_equal(p->ret, -EINVAL);
	args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT);
	args.proxy_address_len++;
	probe_bind(p, &args);
	assert_int_equal(p->ret, -EINVAL);
	args = probe_args(p, PST_TCP, 1, PST_FLAG_TIMEOUT);
	probe_bind(p, &args);
	assert_int_equal(p->ret, 0);
	probe_stop(p);
}

RULE_TESTS(cmocka_unit_test(r01_traffic_to_the_proxy_address_reaches_the_client),
	cmocka_unit_test(r04_n_addresses_make_n_handles),
	cmocka_unit_test(r05_a_client_address_may_be_set_later),
	cmocka_unit_test(r06_port_0_yields_a_free_port_and_says_which),
	cmocka_unit_test(r07_no_other_address_answers_on_that_port),
	cmocka_unit_test(r08_a_fixed_port_is_bound_exactly),
	cmocka_unit_test(r09_a_fixed_port_is_for_n_of_1),
	cmocka_unit_test(r10_only_tcp_and_udp_are_accepted),
	cmocka_unit_test(r11_the_ports_are_consecutive),
	cmocka_unit_test(r12_the_lowest_port_is_a_multiple_of_n),
	cmocka_unit_test(r13_the_address_returned_is_the_lowest),
	cmocka_unit_test(r14_a_handle_is_its_ports),
	cmocka_unit_test(r15_client_addresses_need_not_be_consecutive),
	cmocka_unit_test(r22_timeout_excludes_allow_multiple),
	cmocka_unit_test(r25_bidirectional_is_for_udp),
	cmocka_unit_test(r29_an_address_in_use_is_an_error),
	cmocka_unit_test(r30_an_address_of_nobodys_is_not_available),
	cmocka_unit_test(r76_a_block_is_all_or_nothing),
	cmocka_unit_test(r77_an_endpoint_without_a_client_forwards_nowhere),
	cmocka_unit_test(r81_an_announced_address_is_the_clients_own),
	cmocka_unit_test(r82_no_addresses_and_wrong_lengths_are_invalid))
