/* SPDX-License-Identifier: BSD-2-Clause */
/* Values into messages, in network byte order; each returns what is behind. */
#ifndef PLX_PUT_H
#define PLX_PUT_H

#include <arpa/inet.h>
#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint8_t *plx_put_bytes(uint8_t *p, const void *bytes, size_t size)
{
	memcpy(p, bytes, size);
	return p + size;
}

static inline uint8_t *plx_put_u8(uint8_t *p, uint8_t value)
{
	*p = value;
	return p + 1;
}

static inline uint8_t *plx_put_u16(uint8_t *p, uint16_t value)
{
	value = htons(value);
	return plx_put_bytes(p, &value, sizeof(value));
}

static inline uint8_t *plx_put_u32(uint8_t *p, uint32_t value)
{
	value = htonl(value);
	return plx_put_bytes(p, &value, sizeof(value));
}

static inline uint8_t *plx_put_u64(uint8_t *p, uint64_t value)
{
	value = htobe64(value);
	return plx_put_bytes(p, &value, sizeof(value));
}

#endif
