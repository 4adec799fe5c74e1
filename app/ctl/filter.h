/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which rows of a table are meant, as an operator writes it: options, as conntrack has them,
 * or the same words without dashes, as ss does.
 *
 *	show connections --client 10.0.0.7 --state established
 *	show connections tcp client 10.0.0.7 state established dport 443
 *
 * What the words mean is checked by the appliance, which knows its editors and states.
 */
#pragma once

#include "ctl.h"

/* Options of a command that takes filters. */
/* clang-format off */
#define PST_FILTER_OPTIONS \
	{ "client", "ADDRESS", "of this client: 10.0.0.7, 10.0.0.0/24, 10.0.0.1-10.0.0.9,\n" \
	  "with or without its port: 10.0.0.7:5060", 0, "@clients client" }, \
	{ "protocol", "NAME", "tcp, udp, icmp, gre, esp, sctp or a number; as a word,\n" \
	  "tcp alone will do", 'p', "tcp udp icmp gre esp sctp" }, \
	{ "state", "NAME", "in this state, such as established, or in one of several:\n" \
	  "syn-sent,syn-received", 0, "@connections state" }, \
	{ "port", "PORT", "with this port, inside, outside or remote; or one of\n" \
	  "5000-5999", 0 }, \
	{ "remote", "ADDRESS", "to or from this remote address", 'd' }, \
	{ "outside", "ADDRESS", "seen as this outside address", 0, "@pools address" }, \
	{ "editor", "NAME", "that this editor is for", 0, "@editors name" }, \
	{ "path", "PATH", "fast, or by way of an editor", 0, "fast editor" }, \
	{ "worker", "NUMBER", "of this worker", 0, "@pools worker" }, \
	{ "src", "ADDRESS", "the same as --client", 0, "@clients client" }, \
	{ "dst", "ADDRESS", "the same as --remote", 0 }, \
	{ "sport", "PORT", "with this port of the client", 0 }, \
	{ "dport", "PORT", "with this remote port", 0 }
/* clang-format on */

/*
 * Note the words from words[first] on as options of the command: pairs, or one word for an
 * option without value. PST_CTL_OK or PST_CTL_USAGE.
 */
enum pst_ctl_exit pst_filter_words(
	struct pst_ctl_args *args, unsigned int first, const struct pst_ctl_option *options);

/* Completion: what the words may be. */
void pst_filter_offer(const struct pst_ctl_option *options);

/* Of the options that were given, the filter; *filter NULL: there is none. */
enum pst_ctl_exit pst_filter_make(const struct pst_ctl_args *args, json_t **filter);
