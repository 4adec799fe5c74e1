/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command "explain": {"command":"explain","protocol":"tcp","source":"10.0.0.7:4000",
 * "destination":"192.0.2.9:80","from":"inside"}, and its answer as the operator reads it.
 * "from" may be left out.
 */
#pragma once

#include "control/inquiry.h"
#include "control/params.h"

/* Read a request. 0, or -EINVAL with a text in error. */
int pst_explain_parse(const json_t *request, const struct pst_config *config,
	struct pst_explain *question, char *error, size_t size);

/* The answer, of a complete inquiry: a new reference. */
json_t *pst_explain_doc(const struct pst_control_params *params, const struct pst_inquiry *q);
