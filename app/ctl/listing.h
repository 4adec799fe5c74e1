/* SPDX-License-Identifier: BSD-3-Clause */
/* What can be shown, and the columns of its table. */
#pragma once

#include "cell.h"

struct pst_listing {
	const char *what;
	const struct pst_cell_column *columns; /* NULL: a document, not a table of columns */
	const char *none;		       /* said when there is no row */
	bool has_limit; /* a table of the workers: with filters, an order and a limit */
};

/* The last one has no name. */
extern const struct pst_listing pst_listings[];
