/* SPDX-License-Identifier: BSD-3-Clause */
/* posternctl top: what goes on, a second at a time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rates.h"
#include "screen.h"
#include "topview.h"

#define INTERVAL_MOST 3600

static const struct pst_ctl_option options[] = {
	{ "interval", "SECONDS", "between two looks (1)", 'i' },
	{ "once", NULL, "print one screen as text, and end", 0 },
	{ "count", "N", "print so many as text, and end", 'c' },
	{ NULL },
};

struct top {
	const struct pst_ctl_args *args;
	double interval;      /* s */
	unsigned long prints; /* as text; 0: a live screen */
	struct pst_look last;
	json_t *rates; /* NULL: there was only one look yet */
	struct pst_view view;
};

static double
clock_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static enum pst_ctl_exit
complain(const char *option, const char *value, const char *want)
{
	fprintf(stderr, "posternctl: --%s: not %s: \"%s\"\n", option, want, value);
	return PST_CTL_USAGE;
}

static enum pst_ctl_exit
read_options(struct top *top)
{
	const char *interval = pst_ctl_option(top->args, "interval");
	const char *count = pst_ctl_option(top->args, "count");
	char *end;

	top->interval = 1;
	if (interval != NULL) {
		top->interval = strtod(interval, &end);
		if (end == interval || *end != '\0' || !(top->interval >= 0.1) ||
			top->interval > INTERVAL_MOST)
			return complain("interval", interval, "a number of seconds, 0.1 to 3600");
	}
	top->prints = pst_ctl_option(top->args, "once") != NULL;
	if (count != NULL) {
		errno = 0;
		top->prints = strtoul(count, &end, 10);
		if (errno != 0 || end == count || *end != '\0' || count[0] == '-' ||
			top->prints == 0)
			return complain("count", count, "a number of screens");
	}
	if (top->prints == 0 && top->args->json)
		top->prints = 1;
	if (top->args->words[1] == NULL)
		return PST_CTL_OK;
	fprintf(stderr, "posternctl: top takes options alone; see top --help\n");
	return PST_CTL_USAGE;
}

/* Look again: what went on since the last time. */
static enum pst_ctl_exit
look(struct top *top)
{
	struct pst_look now;
	enum pst_ctl_exit code = pst_look_take(&now, top->args->socket);

	if (code != PST_CTL_OK)
		return code;
	json_decref(top->rates);
	top->rates = top->last.status != NULL ? pst_rates(&top->last, &now) : NULL;
	pst_look_fini(&top->last);
	top->last = now;
	return PST_CTL_OK;
}

static void
wait_until(double due)
{
	double left = due - clock_s();
	struct timespec t = { .tv_sec = left };

	t.tv_nsec = (left - t.tv_sec) * 1e9;
	if (left > 0)
		nanosleep(&t, NULL);
}

static void
print(struct top *top, bool first)
{
	if (top->args->json) {
		json_dumpf(top->rates, stdout, JSON_REAL_PRECISION(9) | JSON_COMPACT);
		printf("\n");
		return;
	}
	top->view.width = PST_VIEW_COLUMNS_MAX;
	top->view.height = 0;
	pst_view_make(&top->view, top->rates);
	if (!first)
		printf("\n");
	for (unsigned int i = 0; i < top->view.n; i++)
		printf("%s\n", top->view.lines[i]);
}

static enum pst_ctl_exit
print_all(struct top *top)
{
	double due = clock_s();
	enum pst_ctl_exit code = look(top);

	for (unsigned long n = 0; code == PST_CTL_OK && n < top->prints; n++) {
		wait_until(due += top->interval);
		code = look(top);
		if (code == PST_CTL_OK)
			print(top, n == 0);
		fflush(stdout);
	}
	return code;
}

static void
draw(struct top *top)
{
	static const char *lines[PST_VIEW_LINES_MAX];

	pst_screen_size(&top->view.width, &top->view.height);
	if (top->rates == NULL) {
		lines[0] = "postern: the first look";
		pst_screen_draw(1, lines);
		return;
	}
	pst_view_make(&top->view, top->rates);
	for (unsigned int i = 0; i < top->view.n; i++)
		lines[i] = top->view.lines[i];
	pst_screen_draw(top->view.n, lines);
}

/* Keys until the next look is due. False: enough. */
static bool
watch_keys(struct top *top, double due)
{
	for (;;) {
		double left = due - clock_s();
		int key = pst_screen_key(left > 0 ? (int)(left * 1000) + 1 : 0);

		if (key == PST_SCREEN_NONE && clock_s() >= due)
			return true;
		if (key == 'q' || key == 'Q' || key == PST_SCREEN_END)
			return false;
		if (key == ' ')
			return true;
		if (key == PST_SCREEN_RESIZED)
			draw(top);
	}
}

static enum pst_ctl_exit
live(struct top *top)
{
	enum pst_ctl_exit code = look(top); /* whether there is anything to look at */

	if (code != PST_CTL_OK)
		return code;
	if (pst_screen_enter() < 0) {
		fprintf(stderr, "posternctl: top wants a terminal; --once prints one screen\n");
		return PST_CTL_USAGE;
	}
	do {
		draw(top);
	} while (watch_keys(top, top->last.at + top->interval) && (code = look(top)) == PST_CTL_OK);
	pst_screen_leave();
	if (code != PST_CTL_OK)
		code = look(top); /* it says why, on the screen that stays */
	return code;
}

static enum pst_ctl_exit
run(const struct pst_ctl_args *args)
{
	static struct top top;
	enum pst_ctl_exit code;

	top.args = args;
	code = read_options(&top);
	if (code == PST_CTL_OK)
		code = top.prints > 0 ? print_all(&top) : live(&top);
	json_decref(top.rates);
	pst_look_fini(&top.last);
	return code;
}

static void
print_more(void)
{
	printf("\nOn the screen: q ends it, blank looks at once. With --json each look is a "
	       "document\non a line of its own, the first alone unless --count is given.\n");
}

const struct pst_ctl_command pst_ctl_top = {
	.name = "top",
	.help = "a live screen of what goes on",
	.options = options,
	.print_more = print_more,
	.run = run,
};
