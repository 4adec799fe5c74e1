/* SPDX-License-Identifier: BSD-3-Clause */
#include "tftp/msg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A literal's own zero is the last byte's. */
#define WITH_ZERO(s) s, sizeof(s)
#define WITHOUT_ZERO(s) s, sizeof(s) - 1

static const struct {
	const char *bytes;
	uint32_t len;
	enum pst_tftp_op op;
} datagrams[] = {
	{ WITH_ZERO("\0\1boot.bin\0octet"), PST_TFTP_RRQ },
	{ WITH_ZERO("\0\2boot.bin\0netascii"), PST_TFTP_WRQ },
	{ WITH_ZERO("\0\2someone\0mail"), PST_TFTP_WRQ },
	{ WITH_ZERO("\0\1a\0OcTeT"), PST_TFTP_RRQ },
	{ WITH_ZERO("\0\1a\0NETASCII"), PST_TFTP_RRQ },
	{ WITH_ZERO("\0\1a b/\xff\0octet"), PST_TFTP_RRQ },
	{ WITH_ZERO("\0\1a\0octet\0blksize\0001468"), PST_TFTP_RRQ },
	{ WITH_ZERO("\0\1a\0octet\0tsize\0000\0timeout\0003"), PST_TFTP_RRQ },
	{ WITH_ZERO("\0\1a\0octet\0multicast\0"), PST_TFTP_RRQ },
	{ WITH_ZERO("\0\1a\0octet\0blksize"), PST_TFTP_INVALID },
	{ WITHOUT_ZERO("\0\1a\0octet\0blksize\0001468"), PST_TFTP_INVALID },
	{ WITH_ZERO("\0\1a\0octet\0"), PST_TFTP_INVALID },
	{ WITH_ZERO("\0\1a\0octet\0\0"), PST_TFTP_INVALID },
	{ WITHOUT_ZERO("\0\1a\0octet\0x"), PST_TFTP_INVALID },
	{ WITHOUT_ZERO("\0\1a\0octet"), PST_TFTP_INVALID },
	{ WITH_ZERO("\0\1a\0octets"), PST_TFTP_INVALID },
	{ WITH_ZERO("\0\1a\0octe"), PST_TFTP_INVALID },
	{ WITH_ZERO("\0\1a\0binary"), PST_TFTP_INVALID },
	{ WITH_ZERO("\0\1a\0"), PST_TFTP_INVALID },
	{ WITH_ZERO("\0\1a"), PST_TFTP_INVALID },
	{ WITHOUT_ZERO("\0\1a"), PST_TFTP_INVALID },
	{ WITH_ZERO("\0\1\0octet"), PST_TFTP_INVALID },
	{ WITH_ZERO("\0\1"), PST_TFTP_INVALID },
	{ WITHOUT_ZERO("\0\1"), PST_TFTP_INVALID },
	{ WITHOUT_ZERO("\0\2"), PST_TFTP_INVALID },
	{ WITHOUT_ZERO("\0\3\0\1data"), PST_TFTP_DATA },
	{ WITHOUT_ZERO("\0\4\0\0"), PST_TFTP_ACK },
	{ WITH_ZERO("\0\5\0\1File not found"), PST_TFTP_ERROR },
	{ WITH_ZERO("\0\6blksize\0001468"), PST_TFTP_OACK },
	{ WITHOUT_ZERO("\0\0"), PST_TFTP_INVALID },
	{ WITHOUT_ZERO("\0\7\0\0"), PST_TFTP_INVALID },
	{ WITH_ZERO("\1\1a\0octet"), PST_TFTP_INVALID },
	{ WITHOUT_ZERO("\1\4\0\0"), PST_TFTP_INVALID },
	{ WITHOUT_ZERO("\4"), PST_TFTP_INVALID },
	{ WITHOUT_ZERO(""), PST_TFTP_INVALID },
};

/* From memory of its own, so that reading too far is seen. */
static enum pst_tftp_op
parse(const char *bytes, uint32_t len)
{
	uint8_t *data = len > 0 ? malloc(len) : NULL;
	enum pst_tftp_op op;

	if (len > 0) {
		assert_non_null(data);
		memcpy(data, bytes, len);
	}
	op = pst_tftp_parse(data, len);
	free(data);
	return op;
}

static void
datagrams_are_read_as_the_rfcs_have_them(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < COUNT(datagrams); i++)
		assert_int_equal(parse(datagrams[i].bytes, datagrams[i].len), datagrams[i].op);
}

static void
a_request_has_512_bytes_at_most(void **state)
{
	static const char tail[] = "\0octet";
	char data[PST_TFTP_REQUEST_MAX + 1];
	size_t tail_at = PST_TFTP_REQUEST_MAX - sizeof(tail);

	(void)state;
	memset(data, 'a', sizeof(data));
	memcpy(data, "\0\1", 2);
	memcpy(data + tail_at, tail, sizeof(tail));
	assert_int_equal(parse(data, PST_TFTP_REQUEST_MAX), PST_TFTP_RRQ);
	data[tail_at] = 'a';
	memcpy(data + tail_at + 1, tail, sizeof(tail));
	assert_int_equal(parse(data, PST_TFTP_REQUEST_MAX + 1), PST_TFTP_INVALID);
}

static void
a_request_cut_anywhere_is_none(void **state)
{
	static const char whole[] = "\0\1a\0octet\0tsize\0000";
	/* after the mode it is one without options */
	const uint32_t without_options = sizeof("\0\1a\0octet");

	(void)state;
	assert_int_equal(parse(whole, sizeof(whole)), PST_TFTP_RRQ);
	for (uint32_t len = 0; len < sizeof(whole); len++)
		assert_int_equal(parse(whole, len),
			len == without_options ? PST_TFTP_RRQ : PST_TFTP_INVALID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams_are_read_as_the_rfcs_have_them),
		cmocka_unit_test(a_request_has_512_bytes_at_most),
		cmocka_unit_test(a_request_cut_anywhere_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
