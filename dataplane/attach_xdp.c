/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * XDP through libxdp: beside other programs where the kernel lets its dispatcher work, else as the
 * only program. What others attached stays.
 */
#include "internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <xdp/libxdp.h>

bool plx_prog_is(uint32_t prog_id, const char *name)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);
	int fd, err;

	fd = bpf_prog_get_fd_by_id(prog_id);
	if (fd < 0)
		return false;
	err = bpf_obj_get_info_by_fd(fd, &info, &size);
	close(fd);
	return err == 0 && strcmp(info.name, name) == 0;
}

int plx_xdp_attach(struct plx_dataplane *dp, uint32_t ifindex, bool generic,
		   struct plx_attachment *ret)
{
	enum xdp_attach_mode mode = generic ? XDP_MODE_SKB : XDP_MODE_NATIVE;
	int err;

	err = xdp_program__attach(dp->xdp_prog, ifindex, mode, 0);
	if (err)
		return err;
	*ret = (struct plx_attachment){.kind = PLX_ON_XDP,
				       .ifindex = ifindex,
				       .prog_id = xdp_program__id(dp->xdp_prog),
				       .xdp_mode = mode};
	return 0;
}

/* Detach the program for which match() holds, if it is there. */
static int detach(uint32_t ifindex, uint32_t prog_id, const char *name)
{
	struct xdp_multiprog *mp = xdp_multiprog__get_from_ifindex(ifindex);
	struct xdp_program *prog = NULL;
	int err = 0;

	if (libxdp_get_error(mp))
		return 0; /* nothing attached, or no such interface any more */
	if (xdp_multiprog__is_legacy(mp))
		prog = xdp_multiprog__main_prog(mp);
	else
		prog = xdp_multiprog__next_prog(NULL, mp);
	while (prog) {
		uint32_t id = xdp_program__id(prog);

		if (name ? plx_prog_is(id, name) : id == prog_id) {
			err = xdp_program__detach(prog, ifindex, xdp_multiprog__attach_mode(mp), 0);
			break;
		}
		if (xdp_multiprog__is_legacy(mp))
			break;
		prog = xdp_multiprog__next_prog(prog, mp);
	}
	xdp_multiprog__close(mp);
	return err;
}

int plx_xdp_remove(const struct plx_attachment *on)
{
	return detach(on->ifindex, on->prog_id, NULL);
}

/* Take off a program of a former run that was killed together with its guard. */
void plx_xdp_reclaim(uint32_t ifindex)
{
	(void)detach(ifindex, 0, "plx_xdp"); /* should it fail, the attach that follows tells */
}
