/* SPDX-License-Identifier: BSD-3-Clause */
/* An EAL for tests: no hugepages, no devices, nothing left behind. */
#pragma once

/* Start the EAL with so many MB; once a process. Usable as a cmocka group set-up. */
void test_eal_init(unsigned int megabytes);
