/* SPDX-License-Identifier: BSD-2-Clause */
/* An IPFIX message being written, and how to read it, for the tests of the encoder. */
#ifndef IPFIX_MESSAGE_H
#define IPFIX_MESSAGE_H

#include <stdint.h>
#include <string.h>

#include "control/ipfix.h"
#include "flows.h"

#define MONO_NS	    (5000 * SECOND + 600000000)	     /* the clock at 5000.6 s */
#define WALL_OFFSET ((int64_t)(1700000000 * SECOND)) /* wall 1700005000.6 */
#define NO_REFRESH  86400, 1000000

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static inline unsigned int get16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static inline uint64_t get64(const uint8_t *p)
{
	return (uint64_t)get32(p) << 32 | get32(p + 4);
}

static uint8_t msg[65536];

static inline void init(struct plx_ipfix *ipfix)
{
	plx_ipfix_init(ipfix, 0xa1a2a3a4, NO_REFRESH);
}

static inline void begin(struct plx_ipfix *ipfix, size_t size)
{
	/* What is not written must not look like zero padding. */
	memset(msg, 0xee, sizeof(msg));
	plx_ipfix_begin(ipfix, msg, size, MONO_NS, WALL_OFFSET);
}

#endif
