/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A terminal that a live screen has to itself: the other screen of it, no cursor, keys as they
 * are pressed. However the program ends or is stopped, by any signal that it can see, the
 * terminal is as it was before. Plain ANSI: what xterm, tmux, screen and the Linux console share.
 */
#pragma once

#include <stdbool.h>

/* 0, or -errno: it is no terminal. */
int pst_screen_enter(void);
void pst_screen_leave(void);

/* Columns and lines, 80 and 24 where the terminal does not tell. */
void pst_screen_size(unsigned int *width, unsigned int *height);

/* n lines from the top, and nothing below; written at once. */
void pst_screen_draw(unsigned int n, const char *const *lines);

#define PST_SCREEN_NONE (-1) /* the time is over */
#define PST_SCREEN_RESIZED (-2)
#define PST_SCREEN_END (-3) /* nobody is at the keys any more */

/* A key, or one of these, within so many milliseconds. */
int pst_screen_key(int timeout_ms);
