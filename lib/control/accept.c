/* SPDX-License-Identifier: BSD-3-Clause */
/* Which of the two text formats an Accept header wants (RFC 9110, section 12.5.1). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/http.h"

#define OPENMETRICS "application/openmetrics-text"
#define PLAIN "text/plain"

/* A piece of the header. */
struct piece {
	const char *at;
	size_t len;
};

/* The next piece, cut at that character, without the spaces around it; *rest is behind the cut. */
static struct piece
next_piece(const char **rest, const char *end, char cut)
{
	const char *at = *rest, *stop = memchr(at, cut, end - at);
	struct piece piece;

	*rest = stop != NULL ? stop + 1 : end;
	if (stop == NULL)
		stop = end;
	while (at < stop && strchr(" \t", *at) != NULL)
		at++;
	while (stop > at && strchr(" \t", stop[-1]) != NULL)
		stop--;
	piece = (struct piece){ at, stop - at };
	return piece;
}

static bool
is_text(struct piece piece, const char *text)
{
	return piece.len == strlen(text) && strncasecmp(piece.at, text, piece.len) == 0;
}

/* The value of a parameter "NAME=VALUE"; false when it is another. */
static bool
is_parameter(struct piece piece, const char *name, struct piece *value)
{
	size_t len = strlen(name);

	if (piece.len <= len || strncasecmp(piece.at, name, len) != 0 || piece.at[len] != '=')
		return false;
	*value = (struct piece){ piece.at + len + 1, piece.len - len - 1 };
	return true;
}

static double
weight_of(struct piece value)
{
	char text[8] = "";

	if (value.len >= sizeof(text))
		return 0;
	memcpy(text, value.at, value.len);
	return strtod(text, NULL);
}

/* How much a type is wanted, 0 to 1; of OpenMetrics only what we speak. */
static void
weigh(struct piece range, double *openmetrics, double *plain)
{
	const char *at = range.at, *end = range.at + range.len;
	struct piece type = next_piece(&at, end, ';'), value;
	double weight = 1;

	while (at < end) {
		struct piece parameter = next_piece(&at, end, ';');

		if (is_parameter(parameter, "q", &value))
			weight = weight_of(value);
		else if (is_text(type, OPENMETRICS) && is_parameter(parameter, "version", &value) &&
			 !is_text(value, "1.0.0") && !is_text(value, "0.0.1"))
			return;
	}
	if (is_text(type, OPENMETRICS) && weight > *openmetrics)
		*openmetrics = weight;
	if ((is_text(type, PLAIN) || is_text(type, "text/*")) && weight > *plain)
		*plain = weight;
}

enum pst_metrics_format
pst_http_format(const char *accept)
{
	const char *at = accept, *end = accept != NULL ? accept + strlen(accept) : NULL;
	double openmetrics = 0, plain = 0;

	while (at < end)
		weigh(next_piece(&at, end, ','), &openmetrics, &plain);
	return openmetrics > 0 && openmetrics >= plain ? PST_METRICS_OPENMETRICS
						       : PST_METRICS_PROMETHEUS;
}
