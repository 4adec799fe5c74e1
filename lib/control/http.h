/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * HTTP: metrics and the status page, for whoever reaches the address.
 *
 *	GET /                 the status page
 *	GET /metrics          text: OpenMetrics for who asks for it, else Prometheus's older format
 *	GET /figures.json     the same figures
 *	GET /listeners.json   the endpoints that are open, the first hundred
 *
 * One thread of its own, a control thread of the EAL: it runs on CPUs that are no lcore's, and
 * where there are none, on main's. It asks main (sampler.h), never a worker. Many or slow
 * clients only wait for each other: connections are limited in number, in memory, in idleness
 * and in age, and one ends with its answer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "control/metrics.h"
#include "control/sampler.h"
#include "pst_types.h"

#define PST_HTTP_CONNECTIONS 64
#define PST_HTTP_CONNECTIONS_OF_ONE 32 /* peer's address */
#define PST_HTTP_IDLE_S 5
#define PST_HTTP_AGE_S 20

struct pst_http;

struct pst_http_params {
	struct pst_endpoint listen; /* port 0: any that is free */
	struct pst_sampler *sampler;
	uint32_t age_s; /* most that a connection lasts; 0: PST_HTTP_AGE_S */
};

/* Listen and answer. NULL, with a text in error. */
struct pst_http *pst_http_create(const struct pst_http_params *params, char *error, size_t size);
/* Ends its thread; the sampler was closed before, so that it does not wait. Safe on NULL. */
void pst_http_destroy(struct pst_http *http);

/* The port that it listens on. */
uint16_t pst_http_port(const struct pst_http *http);

/* What an Accept header wants; NULL: there is none. */
enum pst_metrics_format pst_http_format(const char *accept);
