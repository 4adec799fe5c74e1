/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pcapng (draft-ietf-opsawg-pcapng): the blocks of a file of captured Ethernet frames, one section
 * with so many interfaces, in this machine's byte order. Each function fills in a buffer and
 * returns how many bytes it took; 0: it is too small.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* First in the file; program may be NULL. */
size_t pst_pcapng_section(uint8_t *buf, size_t size, const char *program);

/* The interfaces follow, numbered from 0. filter may be NULL. */
size_t pst_pcapng_iface(uint8_t *buf, size_t size, const char *name, const char *description,
	const char *filter, uint32_t snap);

enum pst_pcapng_dir {
	PST_PCAPNG_IN = 1,
	PST_PCAPNG_OUT = 2,
};

struct pst_pcapng_packet {
	uint32_t iface;
	uint64_t ns;	       /* since the epoch */
	uint32_t caplen, len;  /* bytes that are there, and that it had */
	enum pst_pcapng_dir dir;
	uint64_t id;	       /* of all frames that are one packet; 0: none */
	const char *comment;   /* NULL: none */
	const uint8_t *bytes;
};
size_t pst_pcapng_packet(uint8_t *buf, size_t size, const struct pst_pcapng_packet *p);
