/* SPDX-License-Identifier: BSD-3-Clause */
#include "editors.h"

#include <stddef.h>

#include "ftp/ftp.h"

const struct pst_editor *const pst_editors[] = {
	&pst_ftp_editor,
	NULL,
};
