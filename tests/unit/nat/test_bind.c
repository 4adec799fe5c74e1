/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "eal.h"
#include "filter/ipfilter.h"
#include "nat/bind.h"

#define CAPACITY 5000
#define ADMITTED 8
#define NOW_MS 1000
#define SERVER UINT32_C(0xc6120009)

static struct pst_conn_table conns;
static struct pst_bind_table t;

static void
start(bool keeps_remotes)
{
	struct pst_bind_params params = { .conns = &conns,
		.capacity = CAPACITY,
		.admitted = ADMITTED,
		.keeps_remotes = keeps_remotes,
		.seed = 7,
		.socket = SOCKET_ID_ANY };

	assert_int_equal(pst_conn_table_init(&conns, 2 * CAPACITY, 7, NOW_MS, SOCKET_ID_ANY), 0);
	assert_int_equal(pst_bind_table_init(&t, &params), 0);
}

static void
finish(void)
{
	assert_int_equal(pst_slots_used(&t.slots), 0);
	assert_int_equal(t.by_inside.count, 0);
	assert_int_equal(t.by_bind.count, 0);
	assert_int_equal(pst_slots_used(&t.admitted_slots), 0);
	pst_bind_table_fini(&t);
	pst_conn_table_fini(&conns);
}

static uint64_t
client_end(uint32_t n, uint8_t proto)
{
	return pst_key_end(rte_cpu_to_be_32(0x0a000001 + n), rte_cpu_to_be_16(5000), proto);
}

static uint64_t
our_end(uint32_t n, uint8_t proto)
{
	return pst_key_end(
		rte_cpu_to_be_32(0xc6120001), proto == 47 ? 0 : rte_cpu_to_be_16(1024 + n), proto);
}

static uint32_t
add(struct pst_flow_key key, enum pst_bind_kind kind)
{
	const struct pst_bind bind = { .first = PST_SLOT_NONE, .kind = kind };

	return pst_bind_add(&t, key, bind);
}

/* A connection to that server, put in front of the bind's. */
static uint32_t
connect(uint32_t b, uint32_t n, uint8_t proto, uint32_t server)
{
	uint32_t i = pst_conn_open(&conns,
		pst_key_end(rte_cpu_to_be_32(server), rte_cpu_to_be_16(53), proto),
		client_end(n, PST_WAY_OUT), (our_end(n, proto) & ~UINT64_C(0xffff)) | PST_WAY_IN,
		NOW_MS);

	assert_int_not_equal(i, PST_SLOT_NONE);
	conns.hot[i].next = t.entries[b].first;
	t.entries[b].first = i;
	t.entries[b].connections++;
	return i;
}

static void
disconnect(uint32_t b, uint32_t i)
{
	assert_int_equal(t.entries[b].first, i);
	t.entries[b].first = conns.hot[i].next;
	t.entries[b].connections--;
	pst_conn_unlink(&conns, i);
	pst_conn_free(&conns, i);
}

static struct pst_flow_key
key_of(uint32_t n, uint8_t proto, uint64_t remote)
{
	return (struct pst_flow_key){ client_end(n, proto), remote };
}

/* Whichever of its connections is the first. */
static void
its_ends_are_those_of_its_connections(void **state)
{
	struct pst_flow_key key = key_of(1, PST_UDP, 0);
	uint32_t b, first, second;

	(void)state;
	start(false);
	b = add(key, PST_BIND_POOLED);
	assert_int_equal(pst_bind_lookup(&t, key), PST_FLOW_NONE);
	first = connect(b, 1, PST_UDP, SERVER);
	second = connect(b, 1, PST_UDP, SERVER + 1);
	for (int k = 0; k < 2; k++) {
		assert_int_equal(pst_bind_lookup(&t, key), b);
		assert_int_equal(pst_bind_lookup(&t, key_of(2, PST_UDP, 0)), PST_FLOW_NONE);
		assert_int_equal(pst_bind_lookup(&t, key_of(1, PST_TCP, 0)), PST_FLOW_NONE);
		assert_int_equal(pst_bind_end(&t, b, PST_WAY_OUT), key.a);
		assert_int_equal(pst_bind_end(&t, b, PST_WAY_IN), our_end(1, PST_UDP));
		if (k == 0)
			disconnect(b, second);
	}
	disconnect(b, first);
	pst_bind_del(&t, b, key);
	finish();
}

/* Where mapping depends on the remote end, that is the bind's own, not its connections'. */
static void
a_remote_end_is_kept_where_it_counts(void **state)
{
	uint64_t remote = pst_key_end(rte_cpu_to_be_32(SERVER), rte_cpu_to_be_16(53), 0);
	struct pst_flow_key key = key_of(1, PST_UDP, remote);
	uint32_t b, i;

	(void)state;
	start(true);
	b = add(key, PST_BIND_POOLED);
	i = connect(b, 1, PST_UDP, SERVER + 5); /* somebody else, from outside */
	assert_int_equal(pst_bind_lookup(&t, key), b);
	assert_int_equal(pst_bind_key(&t, b, &conns.hot[i]).b, remote);
	disconnect(b, i);
	pst_bind_del(&t, b, key);
	finish();
}

static void
what_is_not_translated_and_what_has_no_ports_have_keys_of_their_own(void **state)
{
	static const struct {
		uint8_t proto;
		enum pst_bind_kind kind;
		bool by_peer;
	} cases[] = {
		{ PST_UDP, PST_BIND_ROUTED, false },
		{ 47, PST_BIND_PORTLESS, true },
		{ 47, PST_BIND_ROUTED, true },
		{ 47, PST_BIND_WHOLE, true },
	};

	(void)state;
	start(false);
	for (unsigned int k = 0; k < RTE_DIM(cases); k++) {
		struct pst_flow_key key = key_of(1, cases[k].proto, PST_BIND_BYPASS);
		uint32_t b, i;

		if (cases[k].by_peer)
			key.b = pst_key_end(rte_cpu_to_be_32(SERVER), 0, 0);
		b = add(key, cases[k].kind);
		i = connect(b, 1, cases[k].proto, SERVER);
		assert_int_equal(pst_bind_lookup(&t, key), b);
		assert_int_equal(pst_bind_lookup(&t, key_of(1, cases[k].proto, 0)), PST_FLOW_NONE);
		disconnect(b, i);
		pst_bind_del(&t, b, key);
	}
	finish();
}

static void
a_full_table_says_so_and_each_is_found(void **state)
{
	static uint32_t binds[CAPACITY], first[CAPACITY];

	(void)state;
	start(false);
	for (uint32_t n = 0; n < CAPACITY; n++) {
		binds[n] = add(key_of(n, PST_UDP, 0), PST_BIND_POOLED);
		assert_int_not_equal(binds[n], PST_SLOT_NONE);
		first[n] = connect(binds[n], n, PST_UDP, SERVER);
	}
	assert_int_equal(add(key_of(CAPACITY, PST_UDP, 0), PST_BIND_POOLED),
		PST_SLOT_NONE);
	for (uint32_t n = 0; n < CAPACITY; n++)
		assert_int_equal(pst_bind_lookup(&t, key_of(n, PST_UDP, 0)), binds[n]);
	for (uint32_t n = 0; n < CAPACITY; n++) {
		disconnect(binds[n], first[n]);
		pst_bind_del(&t, binds[n], key_of(n, PST_UDP, 0));
	}
	finish();
}

static struct pst_ipset *
set_of(uint32_t ip)
{
	struct pst_ipfilter *filter = pst_ipfilter_create();
	struct pst_ipset *set;

	assert_non_null(filter);
	assert_int_equal(pst_ipfilter_include(filter, ip, ip), 0);
	set = pst_ipset_create(filter);
	pst_ipfilter_destroy(filter);
	assert_non_null(set);
	return set;
}

static void
a_few_binds_admit_others_besides(void **state)
{
	uint32_t binds[ADMITTED + 1];
	struct pst_ipset *last = set_of(SERVER);

	(void)state;
	start(false);
	for (uint32_t n = 0; n <= ADMITTED; n++)
		binds[n] = add(key_of(n, PST_UDP, 0), PST_BIND_POOLED);
	for (uint32_t n = 0; n < ADMITTED; n++) {
		assert_null(pst_bind_admitted(&t, binds[n]));
		assert_int_equal(pst_bind_admit(&t, binds[n], set_of(n)), 0);
		assert_int_equal(pst_bind_admit(&t, binds[n], set_of(SERVER + n)), 0);
	}
	assert_int_equal(pst_bind_admit(&t, binds[ADMITTED], last), -ENOMEM);
	assert_null(pst_bind_admitted(&t, binds[ADMITTED]));
	for (uint32_t n = 0; n < ADMITTED; n++) {
		assert_true(pst_ipset_has(pst_bind_admitted(&t, binds[n]), SERVER + n));
		assert_false(pst_ipset_has(pst_bind_admitted(&t, binds[n]), n));
	}
	/* with one of them gone there is room */
	pst_bind_del(&t, binds[3], key_of(3, PST_UDP, 0));
	assert_int_equal(pst_bind_admit(&t, binds[ADMITTED], last), 0);
	assert_true(pst_ipset_has(pst_bind_admitted(&t, binds[ADMITTED]), SERVER));
	for (uint32_t n = 0; n <= ADMITTED; n++) {
		if (n != 3)
			pst_bind_del(&t, binds[n], key_of(n, PST_UDP, 0));
	}
	finish();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_ends_are_those_of_its_connections),
		cmocka_unit_test(a_remote_end_is_kept_where_it_counts),
		cmocka_unit_test(what_is_not_translated_and_what_has_no_ports_have_keys_of_their_own),
		cmocka_unit_test(a_full_table_says_so_and_each_is_found),
		cmocka_unit_test(a_few_binds_admit_others_besides),
	};

	test_eal_init(64);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
