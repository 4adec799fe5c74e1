/* SPDX-License-Identifier: BSD-3-Clause */
#include "topview.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "format.h"

#define BAR 20 /* of a worker's load */
#define SECTIONS 4
#define COUNT_MAX 32

static void __attribute__((format(printf, 2, 3)))
add(struct pst_view *view, const char *format, ...)
{
	unsigned int most = view->height != 0 && view->height < PST_VIEW_LINES_MAX
				    ? view->height
				    : PST_VIEW_LINES_MAX;
	char *line = view->lines[view->n];
	va_list args;
	size_t end;

	if (view->n == most)
		return;
	va_start(args, format);
	vsnprintf(line, PST_VIEW_COLUMNS_MAX + 1, format, args);
	va_end(args);
	if (view->width < PST_VIEW_COLUMNS_MAX)
		line[view->width] = '\0';
	for (char *c = line; *c != '\0'; c++) {
		if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
			*c = '?';
	}
	for (end = strlen(line); end > 0 && line[end - 1] == ' '; end--)
		line[end - 1] = '\0';
	view->n++;
}

static double
real(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static const char *
text(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s != NULL ? s : "-";
}

/* "1,048,576" */
static const char *
count(char out[COUNT_MAX], const json_t *object, const char *key)
{
	char digits[COUNT_MAX];
	int len = snprintf(digits, sizeof(digits), "%lld",
		    (long long)json_integer_value(json_object_get(object, key))),
	    n = 0;

	for (int i = 0; i < len && n < COUNT_MAX - 2; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			out[n++] = ',';
		out[n++] = digits[i];
	}
	out[n] = '\0';
	return out;
}

/* "0", "999", "1.20 k", "13.5 M" */
static const char *
per_s(char out[COUNT_MAX], const json_t *object, const char *key)
{
	static const char units[] = " kMGT";
	double n = real(object, key);
	int unit = 0;

	for (; n >= 999.5 && unit < 4; unit++)
		n /= 1000;
	if (unit == 0)
		snprintf(out, COUNT_MAX, "%.0f", n);
	else
		snprintf(out, COUNT_MAX, "%.*f %c",
			n < 9.995   ? 2
			: n < 99.95 ? 1
				    : 0,
			n, units[unit]);
	return out;
}

static void
add_head(struct pst_view *view, const json_t *rates)
{
	char up[PST_FORMAT_MAX], a[COUNT_MAX], b[COUNT_MAX], c[COUNT_MAX], d[COUNT_MAX];

	add(view, "postern %s, %s, up %s", text(rates, "version"),
		json_is_true(json_object_get(rates, "ready")) ? "ready" : "not ready yet",
		pst_format_seconds(up, json_integer_value(json_object_get(rates, "uptime_s"))));
	add(view, "packets/s    received %-9s sent %-9s dropped %-9s held %s",
		per_s(a, rates, "received_per_s"), per_s(b, rates, "sent_per_s"),
		per_s(c, rates, "dropped_per_s"), count(d, rates, "held"));
	add(view, "connections  %-12s new/s %-8s", count(a, rates, "connections"),
		per_s(b, rates, "connections_per_s"));
	add(view, "             binds %-12s listeners %-9s clients %s", count(a, rates, "binds"),
		count(b, rates, "listeners"), count(c, rates, "clients"));
}

static void
add_interface(struct pst_view *view, const json_t *row)
{
	char a[COUNT_MAX], b[COUNT_MAX], c[COUNT_MAX], d[COUNT_MAX], e[COUNT_MAX];

	add(view, "%-18.18s %-5s %10s %10s %10s %10s %8s", text(row, "name"), text(row, "link"),
		per_s(a, row, "rx_packets_per_s"), per_s(b, row, "rx_bits_per_s"),
		per_s(c, row, "tx_packets_per_s"), per_s(d, row, "tx_bits_per_s"),
		per_s(e, row, "missed_per_s"));
}

static void
add_worker(struct pst_view *view, const json_t *row)
{
	double load = real(row, "load");
	char bar[BAR + 1], a[COUNT_MAX], b[COUNT_MAX], c[COUNT_MAX];

	for (int i = 0; i < BAR; i++)
		bar[i] = i < load * BAR ? '#' : '.';
	bar[BAR] = '\0';
	add(view, "%-7lld %5lld  %s %3.0f %% %11s %13s %9s",
		(long long)json_integer_value(json_object_get(row, "worker")),
		(long long)json_integer_value(json_object_get(row, "lcore")), bar, load * 100,
		per_s(a, row, "received_per_s"), count(b, row, "connections"),
		per_s(c, row, "connections_per_s"));
}

static void
add_ports(struct pst_view *view, const json_t *row)
{
	double used = real(row, "used"), free = real(row, "free");
	char a[COUNT_MAX], b[COUNT_MAX], c[COUNT_MAX];

	add(view, "%-18s %-8s %5.1f %% %12s %12s %12s", text(row, "address"), text(row, "protocol"),
		used + free > 0 ? 100 * used / (used + free) : 0, count(a, row, "used"),
		count(b, row, "free"), count(c, row, "resting"));
}

static void
add_drop(struct pst_view *view, const json_t *row)
{
	char a[COUNT_MAX], b[COUNT_MAX];

	add(view, "%-30.30s %11s %15s", text(row, "reason"), per_s(a, row, "per_s"),
		count(b, row, "total"));
}

static const struct section {
	const char *key, *titles;
	void (*add)(struct pst_view *view, const json_t *row);
} sections[SECTIONS] = {
	{ "interfaces",
		"INTERFACE          LINK     RX PKT/S   RX BIT/S   TX PKT/S   TX BIT/S MISSED/S",
		add_interface },
	{ "workers",
		"WORKER  LCORE  LOAD                        RECEIVED/S   CONNECTIONS     NEW/S",
		add_worker },
	{ "ports", "OUTSIDE ADDRESS    PROTOCOL   PORTS         USED         FREE      RESTING",
		add_ports },
	{ "drops", "DROPPED                                 /S           TOTAL", add_drop },
};

/* How many sections there is room for: a blank line, titles and a row each. */
static int
count_shown(const struct pst_view *view)
{
	unsigned int room = view->height > view->n ? view->height - view->n : 0;

	return view->height == 0 || room >= 3 * SECTIONS ? SECTIONS : (int)room / 3;
}

/* How many rows each of them gets of those that there is room for: in turn, one each. */
static void
share_out(const struct pst_view *view, const json_t *rates, int shown, size_t rows[SECTIONS])
{
	size_t want[SECTIONS], room = SIZE_MAX;
	bool more = true;

	for (int s = 0; s < shown; s++) {
		want[s] = json_array_size(json_object_get(rates, sections[s].key));
		rows[s] = 0;
	}
	if (view->height != 0)
		room = view->height - view->n - 2 * shown;
	while (more && room > 0) {
		more = false;
		for (int s = 0; s < shown && room > 0; s++) {
			if (rows[s] == want[s])
				continue;
			rows[s]++;
			room--;
			more = true;
		}
	}
}

/* The last line of a section that has more tells how many. */
static void
add_section(struct pst_view *view, const struct section *section, const json_t *rows, size_t n)
{
	size_t all = json_array_size(rows);

	add(view, "%s", "");
	add(view, "%s", section->titles);
	for (size_t i = 0; i < n; i++) {
		if (i + 1 == n && n < all)
			add(view, "(%zu more)", all - i);
		else
			section->add(view, json_array_get(rows, i));
	}
}

void
pst_view_make(struct pst_view *view, const json_t *rates)
{
	size_t rows[SECTIONS];
	int shown;

	view->n = 0;
	add_head(view, rates);
	shown = count_shown(view);
	share_out(view, rates, shown, rows);
	for (int s = 0; s < shown; s++)
		add_section(view, &sections[s], json_object_get(rates, sections[s].key), rows[s]);
}
