/* SPDX-License-Identifier: BSD-2-Clause */
/* parallaxd --doctor: what can be done here, as one line of JSON for parallax(8). */
#ifndef PLX_DOCTOR_H
#define PLX_DOCTOR_H

#include <stddef.h>

/*
 * Print {"schema_version", "checks": [{"check", "state": "ok|limited|missing", "text"}], "able":
 * bool} to standard output; with interfaces, of these instead of all. -ENOENT: something that is
 * needed is missing; -ENODEV: there is no such interface, which is in the document as an error.
 */
int plx_doctor(const char *const *ifaces, size_t nr_ifaces);

#endif
