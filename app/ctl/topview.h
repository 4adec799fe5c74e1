/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The screen of top as lines of text, from what rates.h says: no wider and no higher than the
 * terminal. What has no room is counted ("2 more").
 */
#pragma once

#include "ctl.h"

#define PST_VIEW_COLUMNS_MAX 512
#define PST_VIEW_LINES_MAX 1024

struct pst_view {
	unsigned int width, height; /* height 0: as many lines as there are */
	unsigned int n;
	char lines[PST_VIEW_LINES_MAX][PST_VIEW_COLUMNS_MAX + 1];
};

/* Of width and height, which are set. */
void pst_view_make(struct pst_view *view, const json_t *rates);
