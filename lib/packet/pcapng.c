/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet/pcapng.h"

#include <string.h>

#include <rte_common.h>

#define SECTION 0x0a0d0d0a
#define INTERFACE 1
#define PACKET 6
#define BYTE_ORDER_MAGIC 0x1a2b3c4d
#define LINKTYPE_ETHERNET 1
#define NANOSECONDS 9 /* a power of ten */

/* Options: those of all blocks, of a section, an interface, a packet. */
enum {
	OPT_END = 0,
	OPT_COMMENT = 1,
	SHB_USERAPPL = 4,
	IF_NAME = 2,
	IF_DESCRIPTION = 3,
	IF_TSRESOL = 9,
	IF_FILTER = 11,
	EPB_FLAGS = 2,
	EPB_PACKETID = 5,
};

/* A block that is being filled in. */
struct block {
	uint8_t *buf;
	size_t size, len;
	int is_full;
};

static void
put(struct block *b, const void *bytes, size_t len)
{
	if (b->is_full || b->size - b->len < len) {
		b->is_full = 1;
		return;
	}
	if (len > 0) /* else there may be no bytes at all */
		memcpy(b->buf + b->len, bytes, len);
	b->len += len;
}

static void
put16(struct block *b, uint16_t n)
{
	put(b, &n, sizeof(n));
}

static void
put32(struct block *b, uint32_t n)
{
	put(b, &n, sizeof(n));
}

/* Bytes, filled up to a multiple of four. */
static void
put_padded(struct block *b, const void *bytes, size_t len)
{
	static const uint8_t zeroes[4];

	put(b, bytes, len);
	put(b, zeroes, RTE_ALIGN_CEIL(len, 4) - len);
}

static void
put_option(struct block *b, uint16_t code, const void *bytes, size_t len)
{
	put16(b, code);
	put16(b, len);
	put_padded(b, bytes, len);
}

static void
put_text(struct block *b, uint16_t code, const char *text)
{
	if (text != NULL)
		put_option(b, code, text, strnlen(text, UINT16_MAX));
}

/* A time: its high half first, whatever the byte order. */
static void
put_time(struct block *b, uint64_t ns)
{
	put32(b, ns >> 32);
	put32(b, ns);
}

static struct block
begin(uint8_t *buf, size_t size, uint32_t type)
{
	struct block b = { .buf = buf, .size = size };

	put32(&b, type);
	put32(&b, 0); /* its length */
	return b;
}

static size_t
end(struct block *b)
{
	uint32_t len;

	put_option(b, OPT_END, NULL, 0);
	put32(b, b->len + sizeof(len));
	if (b->is_full)
		return 0;
	len = b->len;
	memcpy(b->buf + 4, &len, sizeof(len));
	return len;
}

size_t
pst_pcapng_section(uint8_t *buf, size_t size, const char *program)
{
	struct block b = begin(buf, size, SECTION);

	put32(&b, BYTE_ORDER_MAGIC);
	put16(&b, 1); /* version 1.0 */
	put16(&b, 0);
	put32(&b, UINT32_MAX); /* its length is not known */
	put32(&b, UINT32_MAX);
	put_text(&b, SHB_USERAPPL, program);
	return end(&b);
}

size_t
pst_pcapng_iface(uint8_t *buf, size_t size, const char *name, const char *description,
	const char *filter, uint32_t snap)
{
	struct block b = begin(buf, size, INTERFACE);
	const uint8_t resolution = NANOSECONDS;
	uint8_t text[1 + 512] = { 0 }; /* 0: in libpcap's language */

	put16(&b, LINKTYPE_ETHERNET);
	put16(&b, 0);
	put32(&b, snap);
	put_text(&b, IF_NAME, name);
	put_text(&b, IF_DESCRIPTION, description);
	put_option(&b, IF_TSRESOL, &resolution, sizeof(resolution));
	if (filter != NULL) {
		size_t len = strnlen(filter, sizeof(text) - 1);

		memcpy(text + 1, filter, len);
		put_option(&b, IF_FILTER, text, 1 + len);
	}
	return end(&b);
}

size_t
pst_pcapng_packet(uint8_t *buf, size_t size, const struct pst_pcapng_packet *p)
{
	struct block b = begin(buf, size, PACKET);
	uint32_t flags = p->dir;

	put32(&b, p->iface);
	put_time(&b, p->ns);
	put32(&b, p->caplen);
	put32(&b, p->len);
	put_padded(&b, p->bytes, p->caplen);
	put_text(&b, OPT_COMMENT, p->comment);
	put_option(&b, EPB_FLAGS, &flags, sizeof(flags));
	if (p->id != 0)
		put_option(&b, EPB_PACKETID, &p->id, sizeof(p->id));
	return end(&b);
}
