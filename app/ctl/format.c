/* SPDX-License-Identifier: BSD-3-Clause */
#include "format.h"

#include <stdio.h>

#define MINUTE 60
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

const char *
pst_format_bytes(char text[PST_FORMAT_MAX], uint64_t bytes)
{
	static const char *const units[] = { "kB", "MB", "GB", "TB", "PB", "EB" };
	double n = bytes / 1000.0;
	int unit = 0;

	if (bytes < 1000) {
		snprintf(text, PST_FORMAT_MAX, "%u B", (unsigned int)bytes);
		return text;
	}
	for (; n >= 999.5 && unit < 5; unit++)
		n /= 1000;
	snprintf(text, PST_FORMAT_MAX, "%.*f %s",
		n < 9.995   ? 2
		: n < 99.95 ? 1
			    : 0,
		n, units[unit]);
	return text;
}

const char *
pst_format_seconds(char text[PST_FORMAT_MAX], uint64_t seconds)
{
	unsigned long long s = seconds;

	if (s < 2 * MINUTE)
		snprintf(text, PST_FORMAT_MAX, "%llu s", s);
	else if (s < 2 * HOUR)
		snprintf(text, PST_FORMAT_MAX, "%llu min %02llu s", s / MINUTE, s % MINUTE);
	else if (s < 2 * DAY)
		snprintf(text, PST_FORMAT_MAX, "%llu h %02llu min", s / HOUR, s % HOUR / MINUTE);
	else
		snprintf(text, PST_FORMAT_MAX, "%llu d %02llu h", s / DAY, s % DAY / HOUR);
	return text;
}
