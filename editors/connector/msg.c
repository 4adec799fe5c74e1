/* SPDX-License-Identifier: BSD-3-Clause */
#include "connector/msg.h"

#include <stdio.h>
#include <string.h>

#include "common/text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct word {
	const char *text;
	enum pst_connector_verb verb;
};

/* An address follows. */
static const struct word announcing[] = {
	{ "LISTEN ", PST_CONNECTOR_LISTEN },
	{ "CONNECT ", PST_CONNECTOR_CONNECT },
	{ "CLOSE ", PST_CONNECTOR_CLOSE },
	{ "AT ", PST_CONNECTOR_AT },
};

/* The line's end follows. */
static const struct word plain[] = {
	{ "BYE", PST_CONNECTOR_BYE },
	{ "OK", PST_CONNECTOR_OK },
	{ "NO", PST_CONNECTOR_NO },
};

bool
pst_connector_may_have_address(const uint8_t *bytes, uint32_t len)
{
	for (unsigned int i = 0; i < COUNT(announcing); i++) {
		if (pst_text_may_begin(bytes, len, announcing[i].text))
			return true;
	}
	return false;
}

/* This word whole, in any case. */
static bool
read_word(const uint8_t **at, const uint8_t *end, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(end - *at) < len || !pst_text_may_begin(*at, len, word))
		return false;
	*at += len;
	return true;
}

static bool
is_line_end(const uint8_t *at, const uint8_t *end)
{
	if (at < end && *at == '\r')
		at++;
	return end - at == 1 && *at == '\n';
}

static bool
read_protocol(const uint8_t **at, const uint8_t *end, enum pst_proto *protocol)
{
	if (read_word(at, end, "TCP "))
		*protocol = PST_TCP;
	else if (read_word(at, end, "UDP "))
		*protocol = PST_UDP;
	else
		return false;
	return true;
}

/* IP:PORT that n ports fit at, or the one that is nowhere. */
static bool
read_address(const uint8_t **at, const uint8_t *end, unsigned int n, struct pst_endpoint *endpoint)
{
	uint32_t port;

	if (!pst_text_ipv4(at, end, &endpoint->ip) || !pst_text_char(at, end, ':') ||
		!pst_text_number(at, end, 65535, &port))
		return false;
	endpoint->port = port;
	if (pst_endpoint_is_unset(endpoint))
		return true;
	return endpoint->ip != 0 && port != 0 && port + n - 1 <= 65535;
}

static const struct {
	const char *text;
	uint32_t word;
} words[] = {
	{ " MANY", PST_CONNECTOR_MANY },
	{ " STAY", PST_CONNECTOR_STAY },
	{ " SLOW", PST_CONNECTOR_SLOW },
	{ " MUTE", PST_CONNECTOR_MUTE },
	{ " ALL", PST_CONNECTOR_ALL },
	{ " NONE", PST_CONNECTOR_NONE },
};

static void
read_words(const uint8_t **at, const uint8_t *end, uint32_t *found)
{
	for (unsigned int i = 0; i < COUNT(words); i++) {
		if (!read_word(at, end, words[i].text))
			continue;
		*found |= words[i].word;
		i = -1; /* any may come next */
	}
}

/* What follows the word: protocol, N, IP:PORT, LISTEN's further words, the end. */
static bool
read_announcement(const uint8_t *bytes, const uint8_t *at, const uint8_t *end,
	enum pst_connector_verb verb, struct pst_connector_line *line)
{
	const uint8_t *start;
	uint32_t n;

	if (!read_protocol(&at, end, &line->protocol) ||
		!pst_text_number(&at, end, PST_CONNECTOR_N_MAX, &n) || n == 0 ||
		!pst_text_char(&at, end, ' '))
		return false;
	start = at;
	if (!read_address(&at, end, n, &line->endpoint))
		return false;
	line->n = n;
	line->at = start - bytes;
	line->len = at - start;
	if (verb == PST_CONNECTOR_LISTEN)
		read_words(&at, end, &line->words);
	return is_line_end(at, end) && (verb != PST_CONNECTOR_CLOSE || n == 1);
}

static enum pst_connector_verb
plain_verb(const uint8_t *bytes, const uint8_t *end)
{
	for (unsigned int i = 0; i < COUNT(plain); i++) {
		const uint8_t *at = bytes;

		if (!read_word(&at, end, plain[i].text))
			continue;
		if (is_line_end(at, end) || (plain[i].verb == PST_CONNECTOR_NO && *at == ' '))
			return plain[i].verb;
	}
	return PST_CONNECTOR_OTHER;
}

void
pst_connector_parse(const uint8_t *bytes, uint32_t len, struct pst_connector_line *line)
{
	struct pst_connector_line found = { .verb = PST_CONNECTOR_OTHER };
	const uint8_t *end = bytes + len;

	*line = found;
	if (len == 0 || len > PST_CONNECTOR_LINE_MAX || pst_text_line(bytes, len) != len)
		return;
	line->verb = plain_verb(bytes, end);
	for (unsigned int i = 0; i < COUNT(announcing); i++) {
		const uint8_t *at = bytes;

		if (!read_word(&at, end, announcing[i].text))
			continue;
		line->verb = PST_CONNECTOR_UNPARSED;
		if (!read_announcement(bytes, at, end, announcing[i].verb, &found))
			return;
		found.verb = announcing[i].verb;
		*line = found;
		return;
	}
}

uint32_t
pst_connector_format_address(
	const struct pst_endpoint *endpoint, char buf[PST_CONNECTOR_ADDRESS_MAX])
{
	char ip[PST_TEXT_IPV4_MAX];

	pst_text_format_ipv4(ip, endpoint->ip);
	return snprintf(buf, PST_CONNECTOR_ADDRESS_MAX, "%s:%u", ip, endpoint->port);
}
