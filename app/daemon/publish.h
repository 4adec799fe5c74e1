/* SPDX-License-Identifier: BSD-3-Clause */
/* The config's published servers, at the workers of their addresses; before launch. */
#pragma once

#include "appliance.h"

/* 0, or -errno and a text. */
int pst_publish_all(struct pst_appliance *a, char *error, size_t size);
