/* SPDX-License-Identifier: BSD-3-Clause */
/* One request to the appliance, and its reply. */
#pragma once

#include <signal.h>

#include "ctl.h"

/*
 * Ask, and wait for the answer. Takes the reference to `request`. PST_CTL_OK and *result
 * (a new reference), or what to exit with: the reason is on stderr.
 */
enum pst_ctl_exit pst_call(const char *socket, json_t *request, json_t **result);

/*
 * The same with a file that goes along, until SIGINT or SIGTERM says that it is enough, for as long
 * as it takes.
 */
enum pst_ctl_exit pst_call_with_file(
	const char *socket, json_t *request, int file, json_t **result);

/*
 * Ask, and hand each line to take() as it comes, the answer's own first, until it returns false,
 * *stop is set by a signal, or the appliance hangs up (PST_CTL_ABSENT). There may be hours between
 * lines.
 */
enum pst_ctl_exit pst_call_lines(const char *socket, json_t *request,
	bool (*take)(void *ctx, const char *line, size_t len), void *ctx,
	const volatile sig_atomic_t *stop);

/*
 * The same for a reply that is an array: each row is handed to row() as it comes, also
 * those before an error.
 */
enum pst_ctl_exit pst_call_rows(
	const char *socket, json_t *request, void (*row)(void *ctx, const json_t *row), void *ctx);
