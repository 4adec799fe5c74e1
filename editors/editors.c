/* SPDX-License-Identifier: BSD-3-Clause */
#include "editors.h"

#include <stddef.h>

#include "connector/connector.h"
#include "ftp/ftp.h"
#include "tftp/tftp.h"

const struct pst_editor *const pst_editors[] = {
	&pst_ftp_editor,
	&pst_tftp_editor,
	&pst_connector_editor,
	NULL,
};
