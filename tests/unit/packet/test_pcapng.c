/* SPDX-License-Identifier: BSD-3-Clause */
/* The blocks word by word, as draft-ietf-opsawg-pcapng has them, in this machine's order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <rte_common.h>

#include "packet/pcapng.h"

static uint8_t buf[4096];

static void
words_are(size_t len, const uint32_t *words, size_t n)
{
	assert_int_equal(len, n * 4);
	for (size_t i = 0; i < n; i++) {
		uint32_t word;

		memcpy(&word, buf + i * 4, sizeof(word));
		if (word != words[i])
			fail_msg("word %zu is %08x, not %08x", i, word, words[i]);
	}
}

/* Two numbers of 16 bits, an option's code and length. */
static uint32_t
two(uint16_t first, uint16_t second)
{
	uint16_t both[] = { first, second };
	uint32_t word;

	memcpy(&word, both, sizeof(word));
	return word;
}

static uint32_t
text(const char *four)
{
	uint32_t word = 0;

	memcpy(&word, four, strnlen(four, 4));
	return word;
}

static void
a_section_begins_the_file(void **state)
{
	const uint32_t words[] = { 0x0a0d0d0a, 40, 0x1a2b3c4d, two(1, 0), UINT32_MAX, UINT32_MAX,
		two(4, 3), text("abc"), two(0, 0), 40 };

	(void)state;
	words_are(pst_pcapng_section(buf, sizeof(buf), "abc"), words, RTE_DIM(words));
}

/* The filter behind a 0, which says that it is in libpcap's language. */
static void
an_interface_has_its_name(void **state)
{
	const uint8_t filter[4] = { 0, 't', 'c', 'p' };
	uint32_t language;
	uint32_t words[] = { 1, 52, two(1, 0), 128, two(2, 6), text("insi"), text("de"), two(9, 1),
		text("\x09"), two(11, 4), 0, two(0, 0), 52 };

	(void)state;
	memcpy(&language, filter, sizeof(language));
	words[10] = language;
	words_are(pst_pcapng_iface(buf, sizeof(buf), "inside", NULL, "tcp", 128), words,
		RTE_DIM(words));
}

static void
a_packet_has_comment_direction_and_id(void **state)
{
	const struct pst_pcapng_packet p = { .iface = 2,
		.ns = 0x1122334455667788,
		.caplen = 5,
		.len = 60,
		.dir = PST_PCAPNG_OUT,
		.id = 7,
		.comment = "dropped",
		.bytes = (const uint8_t *)"abcde" };
	const uint32_t words[] = { 6, 76, 2, 0x11223344, 0x55667788, 5, 60, text("abcd"), text("e"),
		two(1, 7), text("drop"), text("ped"), two(2, 4), 2, two(5, 8), 7, 0, two(0, 0),
		76 };

	(void)state;
	words_are(pst_pcapng_packet(buf, sizeof(buf), &p), words, RTE_DIM(words));
}

/* Whatever the room, it is filled in whole or not at all. */
static void
what_does_not_fit_is_not_begun(void **state)
{
	const struct pst_pcapng_packet p = {
		.caplen = 6, .len = 6, .comment = "x", .id = 1, .bytes = (const uint8_t *)"abcdef"
	};
	size_t whole = pst_pcapng_packet(buf, sizeof(buf), &p);

	(void)state;
	for (size_t room = 0; room < whole; room++) {
		memset(buf, 0xee, sizeof(buf));
		assert_int_equal(pst_pcapng_packet(buf, room, &p), 0);
		assert_int_equal(buf[room], 0xee);
	}
	assert_int_equal(pst_pcapng_packet(buf, whole, &p), whole);
	assert_int_equal(pst_pcapng_section(buf, 8, NULL), 0);
	assert_int_equal(pst_pcapng_iface(buf, 8, "inside", NULL, NULL, 64), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_section_begins_the_file),
		cmocka_unit_test(an_interface_has_its_name),
		cmocka_unit_test(a_packet_has_comment_direction_and_id),
		cmocka_unit_test(what_does_not_fit_is_not_begun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
