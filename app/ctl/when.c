/* SPDX-License-Identifier: BSD-3-Clause */
#include "when.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define MS_PER_S 1000

/* What is left of a text. */
struct cursor {
	const char *at, *end;
};

static bool
take(struct cursor *c, const char *any_of)
{
	if (c->at == c->end || *c->at == 0 || strchr(any_of, *c->at) == NULL)
		return false;
	c->at++;
	return true;
}

/* So many digits, from low to high. */
static bool
number(struct cursor *c, int digits, int low, int high, int *value)
{
	*value = 0;
	for (; digits > 0; digits--) {
		if (c->at == c->end || *c->at < '0' || *c->at > '9')
			return false;
		*value = *value * 10 + *c->at++ - '0';
	}
	return *value >= low && *value <= high;
}

static bool
date_and_time(struct cursor *c, struct tm *tm)
{
	bool fits = number(c, 4, 1970, 9999, &tm->tm_year) && take(c, "-") &&
		    number(c, 2, 1, 12, &tm->tm_mon) && take(c, "-") &&
		    number(c, 2, 1, 31, &tm->tm_mday) && take(c, "Tt ") &&
		    number(c, 2, 0, 23, &tm->tm_hour) && take(c, ":") &&
		    number(c, 2, 0, 59, &tm->tm_min) && take(c, ":") &&
		    number(c, 2, 0, 60, &tm->tm_sec); /* 60: a leap second */

	tm->tm_year -= 1900;
	tm->tm_mon--;
	return fits;
}

/* ".125", of any length. */
static bool
fraction(struct cursor *c, struct pst_when *when)
{
	uint32_t unit = MS_PER_S;
	const char *first;

	when->ms = 0;
	when->span_ms = unit;
	if (!take(c, ".,"))
		return true;
	for (first = c->at; c->at != c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
		unit /= 10;
		when->ms += (*c->at - '0') * unit;
		when->span_ms = unit > 0 ? unit : 1;
	}
	return c->at != first;
}

/* How far east, in seconds. */
static bool
offset(struct cursor *c, int *east)
{
	int sign = *c->at == '-' ? -1 : 1, hours, minutes;

	if (take(c, "Zz")) {
		*east = 0;
		return true;
	}
	if (!take(c, "+-") || !number(c, 2, 0, 23, &hours) || !take(c, ":") ||
		!number(c, 2, 0, 59, &minutes))
		return false;
	*east = sign * (hours * 3600 + minutes * 60);
	return true;
}

/* Days since 1970 of a day of the Gregorian calendar, whose years begin in March here. */
static int64_t
days_of(const struct tm *tm)
{
	int64_t year = tm->tm_year + 1900 - (tm->tm_mon < 2);
	int64_t month = (tm->tm_mon + 10) % 12;

	return year * 365 + year / 4 - year / 100 + year / 400 + (month * 306 + 5) / 10 +
	       tm->tm_mday - 1 - 719468;
}

static bool
is_day(const struct tm *tm)
{
	struct tm next = { .tm_year = tm->tm_year + tm->tm_mon / 11,
		.tm_mon = (tm->tm_mon + 1) % 12,
		.tm_mday = 1 };

	return days_of(tm) < days_of(&next);
}

bool
pst_when_parse(const char *text, size_t len, bool local, struct pst_when *when)
{
	struct cursor c = { text, text + len };
	struct tm tm = { .tm_isdst = -1 };
	int64_t seconds;
	int east = 0;

	if (!date_and_time(&c, &tm) || !is_day(&tm) || !fraction(&c, when))
		return false;
	if (c.at == c.end && local) {
		seconds = mktime(&tm);
	} else {
		if (c.at == c.end || !offset(&c, &east) || c.at != c.end)
			return false;
		seconds = days_of(&tm) * 86400 + tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec -
			  east;
	}
	if (seconds < 0)
		return false;
	when->ms += seconds * UINT64_C(1000);
	return true;
}

const char *
pst_when_format(uint64_t ms, char text[PST_WHEN_TEXT])
{
	time_t seconds = ms / MS_PER_S;
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(text, PST_WHEN_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, PST_WHEN_TEXT - n, ".%03uZ", (unsigned int)(ms % MS_PER_S));
	return text;
}
