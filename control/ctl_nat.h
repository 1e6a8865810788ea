/* SPDX-License-Identifier: BSD-2-Clause */
/* The request nat, and what status says of it; README.md describes both. */
#ifndef PLX_CTL_NAT_H
#define PLX_CTL_NAT_H

struct json_object;
struct plx_daemon;

struct json_object *plx_ctl_nat(struct plx_daemon *daemon, struct json_object *request);

/* {"source": …} */
struct json_object *plx_ctl_nat_status(const struct plx_daemon *daemon);

#endif
