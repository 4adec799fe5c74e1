/* SPDX-License-Identifier: BSD-3-Clause */
#include "rates.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "call.h"

static double
clock_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static enum pst_ctl_exit
show(const char *socket, const char *what, json_t **result)
{
	return pst_call(socket, json_pack("{s:s,s:s}", "command", "show", "what", what), result);
}

enum pst_ctl_exit
pst_look_take(struct pst_look *look, const char *socket)
{
	enum pst_ctl_exit code;

	memset(look, 0, sizeof(*look));
	code = show(socket, "pools", &look->pools);
	if (code == PST_CTL_OK)
		code = show(socket, "interfaces", &look->interfaces);
	if (code == PST_CTL_OK)
		code = pst_call(socket, json_pack("{s:s}", "command", "status"), &look->status);
	look->at = clock_s();
	if (code != PST_CTL_OK)
		pst_look_fini(look);
	return code;
}

void
pst_look_fini(struct pst_look *look)
{
	json_decref(look->status);
	json_decref(look->interfaces);
	json_decref(look->pools);
	memset(look, 0, sizeof(*look));
}

static json_int_t
number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static json_int_t
sum_of(const json_t *object)
{
	json_t *all = (json_t *)(uintptr_t)object, *n;
	json_int_t sum = 0;
	const char *key;

	json_object_foreach(all, key, n) sum += json_integer_value(n);
	return sum;
}

static double
rate(json_int_t before, json_int_t now, double seconds)
{
	return now > before && seconds > 0 ? (now - before) / seconds : 0;
}

/* What one key has gained. */
static double
rate_of(const json_t *before, const json_t *now, const char *key, double seconds)
{
	return rate(number(before, key), number(now, key), seconds);
}

/* The row that has the same text or number under a key. */
static const json_t *
find_row(const json_t *rows, const char *key, const json_t *value)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		if (json_equal(json_object_get(row, key), (json_t *)(uintptr_t)value))
			return row;
	}
	return NULL;
}

static json_t *
interfaces(const struct pst_look *before, const struct pst_look *now, double s)
{
	json_t *array = json_array();
	const json_t *row, *old;
	size_t i;

	json_array_foreach(now->interfaces, i, row)
	{
		const json_t *port = json_object_get(row, "port"), *old_port;

		old = find_row(before->interfaces, "name", json_object_get(row, "name"));
		old_port = json_object_get(old, "port");
		json_array_append_new(array,
			json_pack("{s:O,s:O,s:O,s:f,s:f,s:f,s:f,s:f}", "name",
				json_object_get(row, "name"), "zone", json_object_get(row, "zone"),
				"link", json_object_get(row, "link"), "rx_packets_per_s",
				rate_of(old, row, "rx_packets", s), "rx_bits_per_s",
				8 * rate_of(old, row, "rx_bytes", s), "tx_packets_per_s",
				rate_of(old, row, "tx_packets", s), "tx_bits_per_s",
				8 * rate_of(old, row, "tx_bytes", s), "missed_per_s",
				rate_of(old_port, port, "imissed", s)));
	}
	return array;
}

static json_t *
workers(const struct pst_look *before, const struct pst_look *now, double s)
{
	json_t *array = json_array();
	const json_t *row, *old;
	size_t i;

	json_array_foreach(json_object_get(now->status, "workers"), i, row)
	{
		old = find_row(json_object_get(before->status, "workers"), "worker",
			json_object_get(row, "worker"));
		json_array_append_new(array,
			json_pack("{s:O,s:O,s:O,s:f,s:O,s:f}", "worker",
				json_object_get(row, "worker"), "lcore",
				json_object_get(row, "lcore"), "load", json_object_get(row, "load"),
				"received_per_s", rate_of(old, row, "received", s), "connections",
				json_object_get(row, "connections"), "connections_per_s",
				rate_of(old, row, "connections_total", s)));
	}
	return array;
}

/* All workers' share of an address and a protocol together. */
static json_t *
ports(const struct pst_look *now)
{
	static const char *const sums[] = { "used", "free", "resting" };
	json_t *array = json_array(), *row, *same = NULL, *one;
	size_t i, k;

	json_array_foreach(now->pools, i, row)
	{
		json_t *address = json_object_get(row, "address");
		json_t *protocol = json_object_get(row, "protocol");

		same = NULL;
		json_array_foreach(array, k, one)
		{
			if (json_equal(json_object_get(one, "address"), address) &&
				json_equal(json_object_get(one, "protocol"), protocol))
				same = one;
		}
		if (same == NULL) {
			same = json_pack("{s:O,s:O}", "address", address, "protocol", protocol);
			json_array_append_new(array, same);
		}
		for (k = 0; k < sizeof(sums) / sizeof(sums[0]); k++)
			json_object_set_new(same, sums[k],
				json_integer(number(same, sums[k]) + number(row, sums[k])));
	}
	return array;
}

static int
compare_drops(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	double dx = json_real_value(json_object_get(x, "per_s"));
	double dy = json_real_value(json_object_get(y, "per_s"));

	if (dx != dy)
		return dx > dy ? -1 : 1;
	return number(x, "total") > number(y, "total") ? -1
						       : number(x, "total") < number(y, "total");
}

/* Those that happened, what happens now first. */
static json_t *
drops(const struct pst_look *before, const struct pst_look *now, double s)
{
	json_t *old = json_object_get(json_object_get(before->status, "account"), "dropped");
	json_t *all = json_object_get(json_object_get(now->status, "account"), "dropped"), *n;
	json_t **rows = calloc(json_object_size(all) + 1, sizeof(*rows)), *array = json_array();
	const char *reason;
	size_t count = 0;

	json_object_foreach(all, reason, n)
	{
		if (json_integer_value(n) > 0 && rows != NULL)
			rows[count++] = json_pack("{s:s,s:f,s:O}", "reason", reason, "per_s",
				rate_of(old, all, reason, s), "total", n);
	}
	if (count > 0)
		qsort(rows, count, sizeof(*rows), compare_drops);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, rows[i]);
	free(rows);
	return array;
}

static json_int_t
sum_workers(const struct pst_look *look, const char *key)
{
	json_int_t sum = 0;
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(look->status, "workers"), i, row) sum +=
		number(row, key);
	return sum;
}

json_t *
pst_rates(const struct pst_look *before, const struct pst_look *now)
{
	const json_t *old = json_object_get(before->status, "account");
	const json_t *account = json_object_get(now->status, "account");
	double s = now->at - before->at;

	return json_pack("{s:O,s:O,s:O,s:f, s:f,s:f,s:f,s:O, s:I,s:f,s:I,s:I,s:I, s:o,s:o,s:o,s:o}",
		"version", json_object_get(now->status, "version"), "ready",
		json_object_get(now->status, "ready"), "uptime_s",
		json_object_get(now->status, "uptime_s"), "interval_s", s, "received_per_s",
		rate_of(old, account, "received", s), "sent_per_s",
		rate_of(old, account, "sent", s), "dropped_per_s",
		rate(sum_of(json_object_get(old, "dropped")),
			sum_of(json_object_get(account, "dropped")), s),
		"held", json_object_get(account, "held"), "connections",
		sum_workers(now, "connections"), "connections_per_s",
		rate(sum_workers(before, "connections_total"),
			sum_workers(now, "connections_total"), s),
		"binds", sum_workers(now, "binds"), "listeners", sum_workers(now, "listeners"),
		"clients", sum_workers(now, "clients"), "interfaces", interfaces(before, now, s),
		"workers", workers(before, now, s), "ports", ports(now), "drops",
		drops(before, now, s));
}
