/* SPDX-License-Identifier: BSD-2-Clause */
/* Filter expressions that libpcap compiles for Ethernet; NULL ends the list. */
#ifndef EXPRESSIONS_H
#define EXPRESSIONS_H

extern const char *const expressions[];

#endif
