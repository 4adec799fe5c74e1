/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <rte_common.h>

#include "nat/fsm.h"

#define F 0x01
#define S 0x02
#define R 0x04
#define P 0x08
#define A 0x10
#define U 0x20
#define E 0x40

#define ORIG PST_DIR_ORIG
#define REPLY PST_DIR_REPLY

/* A packet, and the state that it leaves. */
struct step {
	enum pst_dir dir;
	uint8_t flags;
	uint8_t state;
};

static void
play(const struct step *steps, size_t n)
{
	uint8_t state = PST_STATE_NONE;

	for (size_t i = 0; i < n; i++) {
		state = pst_fsm_next(PST_TCP, state, steps[i].dir, steps[i].flags);
		if (state != steps[i].state)
			fail_msg("packet %zu: %s and not %s", i + 1, pst_state_names[state],
				pst_state_names[steps[i].state]);
	}
}

#define PLAY(...)                                                                                  \
	do {                                                                                       \
		static const struct step steps[] = { __VA_ARGS__ };                                \
                                                                                                   \
		play(steps, RTE_DIM(steps));                                                       \
	} while (0)

/* clang-format off */
#define HANDSHAKE \
	{ ORIG, S, PST_TCP_SYN_SENT }, \
	{ REPLY, S | A, PST_TCP_SYN_RECEIVED }, \
	{ ORIG, A, PST_TCP_ESTABLISHED }
/* clang-format on */

static void
a_connection_opens_talks_and_closes(void **state)
{
	(void)state;
	PLAY(HANDSHAKE, { ORIG, P | A, PST_TCP_ESTABLISHED }, { REPLY, P | A, PST_TCP_ESTABLISHED },
		{ ORIG, F | A, PST_TCP_FIN_ORIG }, { REPLY, A, PST_TCP_FIN_ORIG },
		{ REPLY, P | A, PST_TCP_FIN_ORIG }, { REPLY, F | A, PST_TCP_CLOSING },
		{ ORIG, A, PST_TCP_CLOSING });
	PLAY(HANDSHAKE, { REPLY, F | A | P, PST_TCP_FIN_REPLY }, { ORIG, A, PST_TCP_FIN_REPLY },
		{ ORIG, F | A, PST_TCP_CLOSING }, { REPLY, A, PST_TCP_CLOSING });
}

static void
lost_packets_of_a_handshake_come_again(void **state)
{
	(void)state;
	PLAY({ ORIG, S, PST_TCP_SYN_SENT }, { ORIG, S, PST_TCP_SYN_SENT },
		{ REPLY, S | A, PST_TCP_SYN_RECEIVED }, { REPLY, S | A, PST_TCP_SYN_RECEIVED },
		{ ORIG, S, PST_TCP_SYN_RECEIVED }, { ORIG, P | A, PST_TCP_ESTABLISHED },
		{ REPLY, S | A, PST_TCP_ESTABLISHED });
}

static void
explicit_congestion_notification_opens_too(void **state)
{
	(void)state;
	PLAY({ ORIG, S | E | 0x80, PST_TCP_SYN_SENT }, { REPLY, S | A | E, PST_TCP_SYN_RECEIVED },
		{ ORIG, A, PST_TCP_ESTABLISHED }, { ORIG, U | A, PST_TCP_ESTABLISHED },
		{ ORIG, F | A | U, PST_TCP_FIN_ORIG });
}

/* RFC 5382 REQ-2 */
static void
simultaneous_open_works(void **state)
{
	(void)state;
	PLAY({ ORIG, S, PST_TCP_SYN_SENT }, { REPLY, S, PST_TCP_SYN_CROSSED },
		{ ORIG, S | A, PST_TCP_SYN_ANSWERED }, { REPLY, S | A, PST_TCP_ESTABLISHED },
		{ REPLY, A, PST_TCP_ESTABLISHED });
	PLAY({ ORIG, S, PST_TCP_SYN_SENT }, { REPLY, S, PST_TCP_SYN_CROSSED },
		{ REPLY, S | A, PST_TCP_SYN_RECEIVED }, { ORIG, S | A, PST_TCP_ESTABLISHED });
	/* our answer is lost behind us, and comes again */
	PLAY({ ORIG, S, PST_TCP_SYN_SENT }, { REPLY, S, PST_TCP_SYN_CROSSED },
		{ ORIG, S | A, PST_TCP_SYN_ANSWERED }, { REPLY, S, PST_TCP_SYN_ANSWERED },
		{ ORIG, S | A, PST_TCP_SYN_ANSWERED }, { REPLY, P | A, PST_TCP_ESTABLISHED });
}

static void
simultaneous_close_works(void **state)
{
	(void)state;
	PLAY(HANDSHAKE, { ORIG, F | A, PST_TCP_FIN_ORIG }, { ORIG, F | A, PST_TCP_FIN_ORIG },
		{ REPLY, F | A, PST_TCP_CLOSING }, { ORIG, A, PST_TCP_CLOSING },
		{ REPLY, A, PST_TCP_CLOSING }, { REPLY, R, PST_TCP_CLOSING });
}

static void
a_close_right_behind_the_handshake_works(void **state)
{
	(void)state;
	PLAY({ ORIG, S, PST_TCP_SYN_SENT }, { REPLY, S | A, PST_TCP_SYN_RECEIVED },
		{ ORIG, F | A, PST_TCP_FIN_ORIG }, { REPLY, F | A, PST_TCP_CLOSING });
	PLAY({ ORIG, S, PST_TCP_SYN_SENT }, { REPLY, S | A, PST_TCP_SYN_RECEIVED },
		{ REPLY, F | A, PST_TCP_FIN_REPLY }, { ORIG, A, PST_TCP_FIN_REPLY },
		{ ORIG, F | A, PST_TCP_CLOSING });
}

static void
refused_connection_can_be_tried_again(void **state)
{
	(void)state;
	PLAY({ ORIG, S, PST_TCP_SYN_SENT }, { REPLY, R | A, PST_TCP_REFUSED },
		{ REPLY, A, PST_TCP_REFUSED }, { ORIG, A, PST_TCP_REFUSED },
		{ ORIG, S, PST_TCP_SYN_SENT }, { REPLY, S | A, PST_TCP_SYN_RECEIVED },
		{ ORIG, R, PST_TCP_REFUSED });
	/* a forged RST does not keep the server's answer out */
	PLAY({ ORIG, S, PST_TCP_SYN_SENT }, { REPLY, R | A, PST_TCP_REFUSED },
		{ REPLY, S | A, PST_TCP_SYN_RECEIVED }, { ORIG, A, PST_TCP_ESTABLISHED });
}

static void
forged_reset_is_got_over(void **state)
{
	(void)state;
	PLAY(HANDSHAKE, { REPLY, R, PST_TCP_RESET_REPLY }, { ORIG, A, PST_TCP_RESET_REPLY },
		{ REPLY, R, PST_TCP_RESET_REPLY }, { REPLY, P | A, PST_TCP_ESTABLISHED });
	PLAY(HANDSHAKE, { ORIG, R | A, PST_TCP_RESET_ORIG }, { REPLY, A, PST_TCP_RESET_ORIG },
		{ REPLY, R, PST_TCP_RESET_ORIG }, { ORIG, F | A, PST_TCP_FIN_ORIG });
}

static void
syn_on_a_finished_connection_starts_a_new_one(void **state)
{
	(void)state;
	PLAY(HANDSHAKE, { ORIG, F | A, PST_TCP_FIN_ORIG }, { REPLY, F | A, PST_TCP_CLOSING },
		HANDSHAKE, { REPLY, R, PST_TCP_RESET_REPLY }, HANDSHAKE);
	PLAY(HANDSHAKE, { ORIG, F | A, PST_TCP_FIN_ORIG }, { REPLY, F | A, PST_TCP_CLOSING },
		{ REPLY, S, PST_TCP_SYN_CROSSED }, { ORIG, S | A, PST_TCP_SYN_ANSWERED },
		{ REPLY, A, PST_TCP_ESTABLISHED });
}

static void
syn_on_a_living_connection_moves_nothing(void **state)
{
	(void)state;
	PLAY(HANDSHAKE, { ORIG, S, PST_TCP_ESTABLISHED }, { REPLY, S, PST_TCP_ESTABLISHED },
		{ REPLY, S | A, PST_TCP_ESTABLISHED }, { ORIG, F | A, PST_TCP_FIN_ORIG },
		{ ORIG, S, PST_TCP_FIN_ORIG }, { REPLY, S, PST_TCP_FIN_ORIG });
}

static bool
is_sound(uint8_t flags)
{
	static const uint8_t sound[] = { S, S | A, A, F | A, R, R | A };
	uint8_t kind = flags & (F | S | R | A);

	return memchr(sound, kind, sizeof(sound)) != NULL;
}

static void
flags_that_make_no_sense_move_nothing(void **state)
{
	(void)state;
	for (int flags = 0; flags < 256; flags++) {
		assert_int_equal(pst_tcp_event(flags) != PST_TCP_EV_NONE, is_sound(flags));
		for (uint8_t s = 0; s < PST_TCP_STATES && !is_sound(flags); s++) {
			assert_int_equal(pst_fsm_next(PST_TCP, s, ORIG, flags), s);
			assert_int_equal(pst_fsm_next(PST_TCP, s, REPLY, flags), s);
			assert_false(pst_fsm_refreshes(PST_TCP, s, ORIG, flags, true));
		}
	}
}

static bool
is_half_closed(uint8_t state)
{
	return state == PST_TCP_FIN_ORIG || state == PST_TCP_FIN_REPLY;
}

/* What has to hold of one step from one state to the next. */
static void
check_step(uint8_t before, enum pst_dir dir, uint8_t flags, uint8_t after)
{
	enum pst_tcp_event event = pst_tcp_event(flags);

	assert_true(after < PST_TCP_STATES);
	assert_non_null(pst_state_names[after]);
	if (before != PST_STATE_NONE)
		assert_int_not_equal(after, PST_STATE_NONE);
	if (before == after)
		return;
	if (before == PST_TCP_ESTABLISHED || is_half_closed(before))
		assert_true(event == PST_TCP_EV_FIN || event == PST_TCP_EV_RST);
	if (after == PST_TCP_CLOSING)
		assert_true(is_half_closed(before) && event == PST_TCP_EV_FIN);
	if (after == PST_TCP_RESET_ORIG || after == PST_TCP_RESET_REPLY)
		assert_int_equal(dir, after == PST_TCP_RESET_ORIG ? ORIG : REPLY);
}

/* Every sequence of events of this length; `seen` gathers the states. */
static void
explore(uint8_t before, int length, bool *seen)
{
	static const uint8_t flags[] = { 0, S, S | A, A, F | A, R };

	seen[before] = true;
	for (size_t i = 0; i < RTE_DIM(flags) && length > 0; i++) {
		for (int dir = ORIG; dir < PST_DIRS; dir++) {
			uint8_t after = pst_fsm_next(PST_TCP, before, dir, flags[i]);

			check_step(before, dir, flags[i], after);
			explore(after, length - 1, seen);
		}
	}
}

static void
no_sequence_leaves_the_table(void **state)
{
	bool seen[PST_TCP_STATES] = { false };

	(void)state;
	explore(PST_STATE_NONE, 6, seen);
	for (int s = 0; s < PST_TCP_STATES; s++)
		assert_true(seen[s]);
}

/* Nobody who sends from one side alone can make a connection last for hours. */
static void
one_side_alone_never_establishes(void **state)
{
	static const uint8_t flags[] = { 0, S, S | A, A, F | A, R };

	(void)state;
	for (uint32_t code = 0; code < 6 * 6 * 6 * 6 * 6 * 6; code++) {
		for (int dir = ORIG; dir < PST_DIRS; dir++) {
			uint8_t s = PST_STATE_NONE;

			for (uint32_t rest = code, i = 0; i < 6; i++, rest /= 6) {
				s = pst_fsm_next(PST_TCP, s, dir, flags[rest % 6]);
				assert_int_not_equal(
					pst_fsm_timeout(PST_TCP, s), PST_TIMEOUT_TCP_ESTABLISHED);
			}
		}
	}
}

static void
states_run_on_their_timers(void **state)
{
	(void)state;
	assert_int_equal(pst_fsm_timeout(PST_TCP, PST_STATE_NONE), PST_TIMEOUT_TCP_OPENING);
	assert_int_equal(pst_fsm_timeout(PST_UDP, PST_STATE_NONE), PST_TIMEOUT_UDP);
	assert_int_equal(pst_fsm_timeout(PST_ICMP, PST_STATE_NONE), PST_TIMEOUT_ICMP);
	assert_int_equal(pst_fsm_timeout(PST_TCP, PST_TCP_SYN_RECEIVED), PST_TIMEOUT_TCP_OPENING);
	assert_int_equal(pst_fsm_timeout(PST_TCP, PST_TCP_FIN_REPLY), PST_TIMEOUT_TCP_ESTABLISHED);
	assert_int_equal(pst_fsm_timeout(PST_TCP, PST_TCP_CLOSING), PST_TIMEOUT_TCP_CLOSING);
	assert_int_equal(pst_fsm_timeout(PST_TCP, PST_TCP_REFUSED), PST_TIMEOUT_TCP_CLOSING);
	assert_int_equal(pst_fsm_timeout(PST_UDP, PST_UDP_ASSURED), PST_TIMEOUT_UDP);
	assert_int_equal(pst_fsm_timeout(PST_ICMP, PST_ICMP_QUERY), PST_TIMEOUT_ICMP);
}

static void
reset_refreshes_nothing(void **state)
{
	(void)state;
	for (uint8_t s = 0; s < PST_TCP_STATES; s++) {
		assert_false(pst_fsm_refreshes(PST_TCP, s, ORIG, R, true));
		assert_false(pst_fsm_refreshes(PST_TCP, s, REPLY, R | A, true));
	}
	assert_true(pst_fsm_refreshes(PST_TCP, PST_TCP_ESTABLISHED, REPLY, P | A, true));
	assert_true(pst_fsm_refreshes(PST_TCP, PST_TCP_FIN_ORIG, REPLY, A, true));
	assert_false(pst_fsm_refreshes(PST_TCP, PST_TCP_CLOSING, REPLY, A, true));
	assert_false(pst_fsm_refreshes(PST_TCP, PST_TCP_RESET_REPLY, ORIG, A, true));
}

static void
inbound_refreshes_only_if_the_setting_says_so(void **state)
{
	(void)state;
	assert_true(pst_fsm_refreshes(PST_UDP, PST_UDP_ASSURED, REPLY, 0, true));
	assert_false(pst_fsm_refreshes(PST_UDP, PST_UDP_ASSURED, REPLY, 0, false));
	assert_false(pst_fsm_refreshes(PST_TCP, PST_TCP_ESTABLISHED, REPLY, A, false));
	assert_true(pst_fsm_refreshes(PST_ICMP, PST_ICMP_QUERY, ORIG, 0, true));
	assert_false(pst_fsm_refreshes(PST_ICMP, PST_ICMP_QUERY, REPLY, 0, true));
}

static void
udp_is_assured_when_it_was_answered(void **state)
{
	uint8_t s = PST_STATE_NONE;

	(void)state;
	assert_int_equal(pst_fsm_next(PST_UDP, s, REPLY, 0), PST_STATE_NONE);
	s = pst_fsm_next(PST_UDP, s, ORIG, 0);
	assert_int_equal(s, PST_UDP_NEW);
	assert_int_equal(pst_fsm_next(PST_UDP, s, ORIG, 0), PST_UDP_NEW);
	s = pst_fsm_next(PST_UDP, s, REPLY, 0);
	assert_int_equal(s, PST_UDP_ASSURED);
	assert_int_equal(pst_fsm_next(PST_UDP, s, ORIG, 0xff), PST_UDP_ASSURED);
	assert_int_equal(pst_fsm_next(PST_UDP, s, REPLY, 0xff), PST_UDP_ASSURED);
}

static void
icmp_query_stays_one(void **state)
{
	uint8_t s = pst_fsm_next(PST_ICMP, PST_STATE_NONE, ORIG, 0);

	(void)state;
	assert_int_equal(s, PST_ICMP_QUERY);
	assert_int_equal(pst_fsm_next(PST_ICMP, s, REPLY, 0), PST_ICMP_QUERY);
	assert_int_equal(pst_fsm_next(PST_ICMP, s, ORIG, 0), PST_ICMP_QUERY);
}

static void
every_state_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < PST_STATES; i++) {
		assert_non_null(pst_state_names[i]);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(pst_state_names[i], pst_state_names[j]);
	}
	assert_string_equal(pst_state_names[PST_TCP_ESTABLISHED], "established");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_opens_talks_and_closes),
		cmocka_unit_test(lost_packets_of_a_handshake_come_again),
		cmocka_unit_test(explicit_congestion_notification_opens_too),
		cmocka_unit_test(simultaneous_open_works),
		cmocka_unit_test(simultaneous_close_works),
		cmocka_unit_test(a_close_right_behind_the_handshake_works),
		cmocka_unit_test(refused_connection_can_be_tried_again),
		cmocka_unit_test(forged_reset_is_got_over),
		cmocka_unit_test(syn_on_a_finished_connection_starts_a_new_one),
		cmocka_unit_test(syn_on_a_living_connection_moves_nothing),
		cmocka_unit_test(flags_that_make_no_sense_move_nothing),
		cmocka_unit_test(no_sequence_leaves_the_table),
		cmocka_unit_test(one_side_alone_never_establishes),
		cmocka_unit_test(states_run_on_their_timers),
		cmocka_unit_test(reset_refreshes_nothing),
		cmocka_unit_test(inbound_refreshes_only_if_the_setting_says_so),
		cmocka_unit_test(udp_is_assured_when_it_was_answered),
		cmocka_unit_test(icmp_query_stays_one),
		cmocka_unit_test(every_state_has_a_name_of_its_own),
	};

	return cmocka_run_group_tests_name("nat-fsm", tests, NULL, NULL);
}
