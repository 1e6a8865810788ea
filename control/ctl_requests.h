/* SPDX-License-Identifier: BSD-2-Clause */
/* The requests of the control protocol; README.md describes them. */
#ifndef PLX_CTL_REQUESTS_H
#define PLX_CTL_REQUESTS_H

#include <stdbool.h>

struct json_object;

/* A plx_ctl_handler; arg is the struct plx_daemon. */
struct json_object *plx_ctl_handle(void *arg, struct json_object *request, bool may_change);

#endif
