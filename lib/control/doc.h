/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows of the workers' tables as JSON, with the names that the operator sees.
 *
 * All return a new reference, NULL when there is no memory.
 */
#pragma once

#include "control/params.h"

/* One row that worker `worker` copied out of `table`. It keeps its filter. */
json_t *pst_doc_row(const struct pst_control_params *params, enum pst_show_table table,
	uint32_t worker, const struct pst_show_row *row);

/* Text that may be no UTF-8 (a name cut short): such bytes become '?'. NULL gives null. */
json_t *pst_doc_text(const char *text);
json_t *pst_doc_ip(uint32_t ip);
json_t *pst_doc_prefix(uint32_t ip, uint32_t len);
/* "IP-IP" */
json_t *pst_doc_range(uint32_t first, uint32_t last);
json_t *pst_doc_ranges(const struct pst_range *range, uint32_t n);
/* "IP:PORT" */
json_t *pst_doc_endpoint(const struct pst_endpoint *ep);
/* "IP:FIRST-LAST", with so many ports more than the first; 0: as one endpoint. */
json_t *pst_doc_endpoints(const struct pst_endpoint *first, uint16_t more);
json_t *pst_doc_mac(const uint8_t *mac);
json_t *pst_doc_number(uint64_t n);
/* An editor's name by its index; null: -1. */
json_t *pst_doc_editor(const struct pst_control_params *params, int32_t editor);
/* "1024-2047,4096-5119": a worker's runs of ports, as far as clients get them; null: none. */
json_t *pst_doc_runs(const struct pst_config_nat *nat, uint64_t runs);
/* "any" (0), "tcp", "udp", "icmp", "gre", "esp", "sctp" or the number. */
json_t *pst_doc_proto(uint8_t protocol);
