/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FTP control connection: the words, without the doing (RFC 959, RFC 2428).
 *
 * Only whole lines are commands here; what a line begins with can be asked
 * earlier. Replies are read a byte at a time, so how a stream was cut into
 * segments cannot matter.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pst_types.h"

#define PST_FTP_ADDRESS_MAX 32 /* longest written address, and to spare */

enum pst_ftp_verb {
	PST_FTP_OTHER,
	PST_FTP_PORT,
	PST_FTP_EPRT,
	PST_FTP_EPRT_IPV6, /* not for us to edit */
	PST_FTP_UNPARSED,  /* PORT or EPRT, but not as the RFCs have it */
};

struct pst_ftp_command {
	enum pst_ftp_verb verb;
	struct pst_endpoint endpoint; /* PORT, EPRT */
	uint32_t at, len;             /* where in the line the address stands */
	uint8_t delimiter;            /* EPRT */
};

enum pst_ftp_answer {
	PST_FTP_NO,
	PST_FTP_YES,
	PST_FTP_NOT_YET, /* too few bytes to say */
};

/* Does a line that begins with these bytes carry an address, or may it yet? */
bool pst_ftp_may_have_address(const uint8_t *line, uint32_t len);

/* Read a whole line, its LF included. */
void pst_ftp_parse_command(const uint8_t *line, uint32_t len, struct pst_ftp_command *command);

/*
 * Does a client that begins like this speak FTP? Three or four letters, then a
 * space or the line's end, and not a word of HTTP, SMTP or SIP. Five bytes always do.
 */
enum pst_ftp_answer pst_ftp_is_client(const uint8_t *bytes, uint32_t len);

/* Does this line ask for TLS (RFC 4217)? Nine bytes always do. */
enum pst_ftp_answer pst_ftp_is_auth_tls(const uint8_t *line, uint32_t len);

/* Write an address as the command has it. Returns its length. */
uint32_t pst_ftp_format_address(const struct pst_ftp_command *command,
	const struct pst_endpoint *endpoint, char buf[PST_FTP_ADDRESS_MAX]);

/* A server's side; all zero at the start. */
struct pst_ftp_replies {
	uint8_t head[4];   /* of the line that is being read */
	uint32_t head_len;
	uint16_t multi;    /* the code of an open multi-line reply, or 0 */
	bool greeted;      /* the first bytes looked like FTP */
};

/*
 * Take the server's next byte. Returns the code when it ends a reply, 0 when it
 * does not, -EPROTO when the stream did not begin as FTP does.
 */
int pst_ftp_reply_byte(struct pst_ftp_replies *replies, uint8_t byte);
