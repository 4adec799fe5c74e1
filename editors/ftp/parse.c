/* SPDX-License-Identifier: BSD-3-Clause */
#include "ftp/parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"

#define VERB_LEN 5 /* "PORT " */
#define CODE_LEN 4 /* "227 " */

bool
pst_ftp_may_have_address(const uint8_t *line, uint32_t len)
{
	return pst_text_may_begin(line, len, "PORT ") || pst_text_may_begin(line, len, "EPRT ");
}

/* h1,h2,h3,h4,p1,p2 (RFC 959, section 4.1.2). */
static bool
read_six(const uint8_t **at, const uint8_t *end, struct pst_endpoint *endpoint)
{
	uint32_t n[6];

	for (int i = 0; i < 6; i++) {
		if (i > 0 && !pst_text_char(at, end, ','))
			return false;
		if (!pst_text_number(at, end, 255, &n[i]))
			return false;
	}
	endpoint->ip = n[0] << 24 | n[1] << 16 | n[2] << 8 | n[3];
	endpoint->port = n[4] << 8 | n[5];
	return true;
}

static enum pst_ftp_verb
read_port(const uint8_t **at, const uint8_t *end, struct pst_ftp_command *command)
{
	return read_six(at, end, &command->endpoint) ? PST_FTP_PORT : PST_FTP_UNPARSED;
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool
is_delimiter(uint8_t c)
{
	return c >= 33 && c <= 126 && !is_digit(c);
}

/* |family|address|port| with any delimiter (RFC 2428, section 2). */
static enum pst_ftp_verb
read_eprt(const uint8_t **at, const uint8_t *end, struct pst_ftp_command *command)
{
	uint32_t family, port;
	uint8_t d;

	/* A dot would be within the address. */
	if (*at >= end || !is_delimiter(**at) || **at == '.')
		return PST_FTP_UNPARSED;
	d = *(*at)++;
	if (!pst_text_number(at, end, 9, &family) || !pst_text_char(at, end, d))
		return PST_FTP_UNPARSED;
	if (family == 2)
		return PST_FTP_EPRT_IPV6;
	if (family != 1 || !pst_text_ipv4(at, end, &command->endpoint.ip) ||
		!pst_text_char(at, end, d) || !pst_text_number(at, end, 65535, &port) ||
		!pst_text_char(at, end, d))
		return PST_FTP_UNPARSED;
	command->endpoint.port = port;
	command->delimiter = d;
	return PST_FTP_EPRT;
}

/* Blanks, then CR LF or LF alone. */
static bool
is_line_end(const uint8_t *at, const uint8_t *end)
{
	while (at < end && *at == ' ')
		at++;
	if (at < end && *at == '\r')
		at++;
	return end - at == 1 && *at == '\n';
}

void
pst_ftp_parse_command(const uint8_t *line, uint32_t len, struct pst_ftp_command *command)
{
	const uint8_t *end = line + len, *start, *at;
	enum pst_ftp_verb verb;

	memset(command, 0, sizeof(*command));
	command->verb = PST_FTP_OTHER;
	if (len < VERB_LEN || !pst_ftp_may_have_address(line, len))
		return;
	start = line + VERB_LEN;
	while (start < end && *start == ' ')
		start++;
	at = start;
	if (line[0] == 'P' || line[0] == 'p')
		verb = read_port(&at, end, command);
	else
		verb = read_eprt(&at, end, command);
	if ((verb == PST_FTP_PORT || verb == PST_FTP_EPRT) && !is_line_end(at, end))
		verb = PST_FTP_UNPARSED;
	command->verb = verb;
	command->at = start - line;
	command->len = at - start;
}

bool
pst_ftp_may_have_reply_address(const uint8_t *line, uint32_t len)
{
	return pst_text_may_begin(line, len, "227 ") || pst_text_may_begin(line, len, "229 ");
}

static bool
is_of_run(uint8_t c)
{
	return is_digit(c) || c == ',';
}

/*
 * Texts differ, and not all have parentheses: the numbers are looked for
 * (RFC 1123, section 4.1.2.6). A longer run of them is something else.
 */
static bool
find_pasv(const uint8_t *at, const uint8_t *line, const uint8_t *end, struct pst_ftp_command *reply)
{
	while (at < end) {
		const uint8_t *start = at;

		if (read_six(&at, end, &reply->endpoint) && (at == end || !is_of_run(*at))) {
			reply->at = start - line;
			reply->len = at - start;
			return true;
		}
		at = start + 1;
		while (is_of_run(*start) && at < end && is_of_run(*at))
			at++;
	}
	return false;
}

/* |||port| with any delimiter, its first two fields empty (RFC 2428, section 3). */
static bool
read_epsv(const uint8_t **at, const uint8_t *end, struct pst_ftp_command *reply)
{
	uint32_t port;
	uint8_t d;

	if (*at >= end || !is_delimiter(**at))
		return false;
	d = *(*at)++;
	if (!pst_text_char(at, end, d) || !pst_text_char(at, end, d) ||
		!pst_text_number(at, end, 65535, &port) || port == 0 || !pst_text_char(at, end, d))
		return false;
	reply->endpoint.port = port;
	reply->delimiter = d;
	return true;
}

/* Its parentheses are not optional; the text may have others. */
static bool
find_epsv(const uint8_t *at, const uint8_t *line, const uint8_t *end, struct pst_ftp_command *reply)
{
	for (; at < end; at++) {
		const uint8_t *p = at;

		if (!pst_text_char(&p, end, '(') || !read_epsv(&p, end, reply))
			continue;
		if (p < end && *p == ')') {
			reply->at = at + 1 - line;
			reply->len = p - (at + 1);
			return true;
		}
	}
	return false;
}

void
pst_ftp_parse_reply(const uint8_t *line, uint32_t len, struct pst_ftp_command *reply)
{
	struct pst_ftp_command found = { .verb = PST_FTP_OTHER };
	const uint8_t *end = line + len;

	*reply = found;
	if (len <= CODE_LEN || pst_text_line(line, len) != len ||
		!pst_ftp_may_have_reply_address(line, len))
		return;
	reply->verb = PST_FTP_UNPARSED;
	if (line[2] == '7' && find_pasv(line + CODE_LEN, line, end, &found))
		found.verb = PST_FTP_PASV;
	if (line[2] == '9' && find_epsv(line + CODE_LEN, line, end, &found))
		found.verb = PST_FTP_EPSV;
	if (found.verb != PST_FTP_OTHER)
		*reply = found;
}

static bool
is_letter(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* First words of other protocols that have an FTP command's shape. */
static const char *const foreign[] = { "GET", "PUT", "PRI", "HEAD", "POST", "HELO", "EHLO",
	"LHLO", "ACK", "BYE", "NICK" };

enum pst_ftp_answer
pst_ftp_is_client(const uint8_t *bytes, uint32_t len)
{
	uint32_t n = 0;

	while (n < len && n < 5 && is_letter(bytes[n]))
		n++;
	if (n == 5)
		return PST_FTP_NO;
	if (n == len)
		return PST_FTP_NOT_YET;
	if (n < 3 || (bytes[n] != ' ' && bytes[n] != '\r' && bytes[n] != '\n'))
		return PST_FTP_NO;
	for (unsigned int i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		if (strlen(foreign[i]) == n && pst_text_may_begin(bytes, n, foreign[i]))
			return PST_FTP_NO;
	}
	return PST_FTP_YES;
}

enum pst_ftp_answer
pst_ftp_is_auth_tls(const uint8_t *line, uint32_t len)
{
	if (!pst_text_may_begin(line, len, "AUTH TLS") &&
		!pst_text_may_begin(line, len, "AUTH SSL"))
		return PST_FTP_NO;
	if (len <= strlen("AUTH TLS"))
		return PST_FTP_NOT_YET;
	/* Its end, or a kind of it: TLS-C, TLS-P */
	return is_letter(line[8]) ? PST_FTP_NO : PST_FTP_YES;
}

uint32_t
pst_ftp_format_address(const struct pst_ftp_command *command, const struct pst_endpoint *endpoint,
	char buf[PST_FTP_ADDRESS_MAX])
{
	char ip[PST_TEXT_IPV4_MAX];
	uint8_t d = command->delimiter;

	pst_text_format_ipv4(ip, endpoint->ip);
	if (command->verb == PST_FTP_EPRT)
		return snprintf(buf, PST_FTP_ADDRESS_MAX, "%c1%c%s%c%u%c", d, d, ip, d,
			endpoint->port, d);
	if (command->verb == PST_FTP_EPSV)
		return snprintf(buf, PST_FTP_ADDRESS_MAX, "%c%c%c%u%c", d, d, d, endpoint->port, d);
	for (char *dot = strchr(ip, '.'); dot != NULL; dot = strchr(dot, '.'))
		*dot = ',';
	return snprintf(buf, PST_FTP_ADDRESS_MAX, "%s,%u,%u", ip, endpoint->port >> 8,
		endpoint->port & 255);
}

/* The code the line begins with, or 0. */
static uint16_t
line_code(const struct pst_ftp_replies *r)
{
	if (r->head_len < 3 || r->head[0] < '1' || r->head[0] > '6' || !is_digit(r->head[1]) ||
		!is_digit(r->head[2]))
		return 0;
	return (r->head[0] - '0') * 100 + (r->head[1] - '0') * 10 + (r->head[2] - '0');
}

static int
end_line(struct pst_ftp_replies *r)
{
	uint16_t code = line_code(r);
	uint8_t mark = r->head_len > 3 ? r->head[3] : ' ';

	r->head_len = 0;
	if (code == 0)
		return 0;
	if (r->multi != 0) {
		/* Only its own code and a space end it (RFC 959, section 4.2). */
		if (code != r->multi || mark != ' ')
			return 0;
		r->multi = 0;
		return code;
	}
	if (mark == '-') {
		r->multi = code;
		return 0;
	}
	return mark == ' ' || mark == '\r' ? code : 0;
}

/* Could the first line, as far as it is here, begin a reply? */
static bool
is_greeting(const struct pst_ftp_replies *r)
{
	uint8_t last = r->head[r->head_len - 1];

	if (r->head_len == 4)
		return last == ' ' || last == '-';
	if (r->head_len == 1)
		return last >= '1' && last <= '5';
	return is_digit(last);
}

int
pst_ftp_reply_byte(struct pst_ftp_replies *replies, uint8_t byte)
{
	if (!replies->greeted) {
		replies->head[replies->head_len++] = byte;
		if (!is_greeting(replies))
			return -EPROTO;
		replies->greeted = replies->head_len == 4;
		return 0;
	}
	if (byte == '\n')
		return end_line(replies);
	if (replies->head_len < sizeof(replies->head))
		replies->head[replies->head_len++] = byte;
	return 0;
}

bool
pst_ftp_replies_at_start(const struct pst_ftp_replies *replies)
{
	return replies->greeted && replies->multi == 0 && replies->head_len == 0;
}
