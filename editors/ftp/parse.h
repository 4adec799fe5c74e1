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
	PST_FTP_UNPARSED,  /* PORT, EPRT, 227 or 229, but not as the RFCs have it */
	PST_FTP_PASV,      /* the server's 227 */
	PST_FTP_EPSV,      /* the server's 229 */
};

struct pst_ftp_command {
	enum pst_ftp_verb verb;
	struct pst_endpoint endpoint; /* PORT, EPRT, PASV; EPSV has a port alone */
	uint32_t at, len;             /* where in the line the address stands */
	uint8_t delimiter;            /* EPRT, EPSV */
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

/* Is a line that begins with these bytes a 227 or 229 of one line, or may it become one? */
bool pst_ftp_may_have_reply_address(const uint8_t *line, uint32_t len);

/*
 * Read a server's whole line, its LF included, as a reply with an address:
 *
 *	227 Entering Passive Mode (10,0,0,8,6,17)
 *	229 Entering Extended Passive Mode (|||1553|)
 *
 * In 227 the first six numbers that stand alone are the address, with or
 * without parentheses (RFC 1123, section 4.1.2.6); any, also zeros. In 229
 * family and address must be empty and the port not 0 (RFC 2428, section 3).
 * What is to be replaced is without the parentheses.
 *
 * A line within a multi-line reply can look the same and means nothing: ask
 * pst_ftp_replies_at_start() before its first byte is taken.
 */
void pst_ftp_parse_reply(const uint8_t *line, uint32_t len, struct pst_ftp_command *reply);

/*
 * Does a client that begins like this speak FTP? Three or four letters, then a
 * space or the line's end, and not a word of HTTP, SMTP or SIP. Five bytes always do.
 */
enum pst_ftp_answer pst_ftp_is_client(const uint8_t *bytes, uint32_t len);

/* Does this line ask for TLS (RFC 4217)? Nine bytes always do. */
enum pst_ftp_answer pst_ftp_is_auth_tls(const uint8_t *line, uint32_t len);

/* Write an address as the command or reply has it. Returns its length. */
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

/* Does the next byte begin a reply: after the greeting's line, in no multi-line reply? */
bool pst_ftp_replies_at_start(const struct pst_ftp_replies *replies);
