/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Firewall action (API section 6): a standing permission, redirection or data filter factory
 * that a call of a session made, and the way to take it back.
 *
 * An action is finished by itself: a one-shot one after its first use, one with
 * PST_FLAG_TIMEOUT when it lapses, any when its session ends. Its handle stays valid until it is
 * released or the session ends, whichever is first, so that asking a finished one is no error of
 * memory. Only its editor lcore uses it.
 */
#pragma once

struct pst_action;

/* 0, or -ESHUTDOWN when it is finished or cancelled (R68). */
int pst_action_cancel(struct pst_action *action);

/* Give the handle back; the action itself goes on. Safe on NULL. */
void pst_action_release(struct pst_action *action);
