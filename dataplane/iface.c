/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interfaces: choose hooks, attach, detach, and notice when one disappears or is renamed. An
 * interface once attached keeps its slot and its ledger until the process ends.
 */
#include "internal.h"

#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <netlink/netlink.h>
#include <netlink/route/link.h>

/* How long a next run waits for the guard of a killed one to finish. */
#define LOCK_WAIT_MS 3000
#define LOCK_POLL_MS 20

struct plx_iface *plx_iface_find(const struct plx_dataplane *dp, uint32_t ifindex)
{
	for (uint32_t i = 0; i < PLX_IF_PROBES; i++) {
		struct plx_iface *iface = dp->by_slot[(ifindex + i) & (PLX_MAX_IFACES - 1)];

		if (iface && iface->info.ifindex == ifindex)
			return iface;
	}
	return NULL;
}

static struct plx_iface *find_attached(struct plx_dataplane *dp, const char *name)
{
	for (size_t i = 0; i < dp->nr_ifaces; i++)
		if (dp->ifaces[i]->attached && strcmp(dp->ifaces[i]->info.name, name) == 0)
			return dp->ifaces[i];
	return NULL;
}

static int new_iface(struct plx_dataplane *dp, uint32_t ifindex, struct plx_iface **ret_iface)
{
	struct plx_iface *iface;

	for (uint32_t i = 0; i < PLX_IF_PROBES; i++) {
		uint32_t slot = (ifindex + i) & (PLX_MAX_IFACES - 1);

		if (dp->by_slot[slot])
			continue;
		iface = calloc(1, sizeof(*iface));
		if (!iface)
			return plx_fail(dp, -ENOMEM, "out of memory");
		iface->index = dp->nr_ifaces;
		iface->slot = slot;
		iface->lock_fd = -1;
		iface->info.ifindex = ifindex;
		iface->info.reason = iface->reason;
		dp->by_slot[slot] = iface;
		dp->ifaces[dp->nr_ifaces++] = iface;
		*ret_iface = iface;
		return 0;
	}
	return plx_fail(dp, -ENOSPC, "no slot left: at most %d interfaces in one run",
			PLX_MAX_IFACES);
}

/*
 * One process at a time meters an interface: an abstract socket, which lives in the network
 * namespace as interfaces do and vanishes with its last holder.
 */
static int lock_iface(uint32_t ifindex, int *ret_fd)
{
	const struct timespec pause = {0, LOCK_POLL_MS * 1000000};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd, len, err;

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	len = snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "parallax/ifindex/%u",
		       ifindex);
	for (int waited = 0;; waited += LOCK_POLL_MS) {
		err = bind(fd, (struct sockaddr *)&addr,
			   offsetof(struct sockaddr_un, sun_path) + 1 + len)
			      ? -errno
			      : 0;
		if (err != -EADDRINUSE || waited >= LOCK_WAIT_MS)
			break;
		nanosleep(&pause, NULL);
	}
	if (err) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

/* Ethernet framing is what the parser reads. */
static int look_up(struct plx_dataplane *dp, const char *name, uint32_t *ret_ifindex)
{
	struct rtnl_link *link;
	unsigned int arptype;
	int err;

	if (name[0] == '\0' || strlen(name) >= sizeof(((struct plx_iface_info *)0)->name))
		return plx_fail(dp, -ENODEV, "no interface '%s'", name);
	err = rtnl_link_get_kernel(dp->nl, 0, name, &link);
	if (err < 0)
		return plx_fail(dp, -ENODEV, "no interface '%s'", name);
	*ret_ifindex = rtnl_link_get_ifindex(link);
	arptype = rtnl_link_get_arptype(link);
	rtnl_link_put(link);
	if (arptype != ARPHRD_ETHER && arptype != ARPHRD_LOOPBACK)
		return plx_fail(dp, -EOPNOTSUPP,
				"interface '%s' has link type %u; only Ethernet is metered", name,
				arptype);
	return 0;
}

/* Note what was put on, here and with the guard. Without the guard's word it comes off again. */
static int note(struct plx_dataplane *dp, struct plx_iface *iface, const struct plx_attachment *on)
{
	int err = plx_guard_add(dp, on, iface->nr_on == 0 ? iface->lock_fd : -1);

	if (err) {
		(void)plx_attachment_remove(on); /* the failure that counts is the guard's */
		return plx_fail(dp, err, "guard process: %s", strerror(-err));
	}
	iface->on[iface->nr_on++] = *on;
	return 0;
}

static void take_off(struct plx_dataplane *dp, struct plx_iface *iface)
{
	while (iface->nr_on > 0) {
		const struct plx_attachment *on = &iface->on[--iface->nr_on];

		/* What cannot be taken off stays on the guard's list, for a second try. */
		if (plx_attachment_remove(on) == 0)
			(void)plx_guard_remove(dp, on);
	}
	if (iface->lock_fd >= 0)
		close(iface->lock_fd);
	iface->lock_fd = -1;
	dp->control->if_index[iface->slot] = 0;
	iface->attached = false;
	iface->info.hook_in = iface->info.hook_out = "none";
	iface->info.xdp_mode = "";
}

/* Ingress at XDP. Returns 0, or the error with its text in iface->reason. */
static int put_on_xdp(struct plx_dataplane *dp, struct plx_iface *iface, bool generic)
{
	struct plx_attachment on;
	int err;

	err = plx_xdp_attach(dp, iface->info.ifindex, generic, &on);
	if (err) {
		snprintf(iface->reason, sizeof(iface->reason), "%s XDP: %s",
			 generic ? "generic" : "native",
			 err == -EBUSY || err == -EEXIST ? "another XDP program is attached"
							 : strerror(-err));
		return err;
	}
	err = note(dp, iface, &on);
	if (err)
		return err;
	iface->info.hook_in = "xdp";
	iface->info.xdp_mode = generic ? "generic" : "native";
	iface->info.exact = !generic;
	snprintf(iface->reason, sizeof(iface->reason), "%s",
		 generic ? "generic XDP was forced: super-packets count as one packet, inexact"
			 : "the driver runs XDP natively");
	return 0;
}

/* Which hook counts ingress, and put it there. */
static int put_on_ingress(struct plx_dataplane *dp, struct plx_iface *iface,
			  const struct plx_iface_opts *opts)
{
	bool generic = opts->xdp_mode == PLX_XDP_GENERIC;
	char why[sizeof(iface->reason)];
	struct plx_attachment on;
	int err;

	snprintf(iface->reason, sizeof(iface->reason), "TC ingress was asked for");
	if (opts->hook != PLX_HOOK_TC) {
		err = put_on_xdp(dp, iface, generic);
		if (err == 0)
			return 0;
		if (opts->hook == PLX_HOOK_XDP || generic || opts->xdp_mode == PLX_XDP_NATIVE)
			return plx_fail(dp, err, "%s", iface->reason);
		snprintf(why, sizeof(why), "%.160s, so TC ingress", iface->reason);
		snprintf(iface->reason, sizeof(iface->reason), "%s", why);
	}
	err = plx_tc_attach(dp, iface->info.ifindex, PLX_DIR_IN, &on);
	if (err)
		return err;
	err = note(dp, iface, &on);
	if (err)
		return err;
	iface->info.hook_in = "tc";
	return 0;
}

static int put_on(struct plx_dataplane *dp, struct plx_iface *iface,
		  const struct plx_iface_opts *opts)
{
	struct plx_attachment on;
	bool made;
	int err;

	plx_xdp_reclaim(iface->info.ifindex);
	plx_tc_reclaim(iface->info.ifindex);
	err = plx_tc_clsact(dp, iface->info.ifindex, &on, &made);
	if (err)
		return err;
	if (made) {
		err = note(dp, iface, &on);
		if (err)
			return err;
	}
	if (opts->direction != PLX_DIRECTION_OUT) {
		err = put_on_ingress(dp, iface, opts);
		if (err)
			return err;
	} else {
		snprintf(iface->reason, sizeof(iface->reason), "only egress was asked for");
	}
	if (opts->direction != PLX_DIRECTION_IN) {
		err = plx_tc_attach(dp, iface->info.ifindex, PLX_DIR_OUT, &on);
		if (err)
			return err;
		err = note(dp, iface, &on);
		if (err)
			return err;
		iface->info.hook_out = "tc";
	}
	return 0;
}

int plx_dataplane__attach(struct plx_dataplane *dp, const char *name,
			  const struct plx_iface_opts *opts)
{
	struct plx_iface *iface;
	uint32_t ifindex = 0;
	int err;

	if (find_attached(dp, name))
		return plx_fail(dp, -EEXIST, "interface '%s' is metered already", name);
	err = look_up(dp, name, &ifindex);
	if (err)
		return err;
	iface = plx_iface_find(dp, ifindex);
	if (!iface) {
		err = new_iface(dp, ifindex, &iface);
		if (err)
			return err;
	}
	err = lock_iface(ifindex, &iface->lock_fd);
	if (err)
		return plx_fail(dp, err,
				err == -EADDRINUSE ? "interface '%s' is metered by another process"
						   : "interface '%s': lock failed",
				name);
	snprintf(iface->info.name, sizeof(iface->info.name), "%s", name);
	iface->info.asked = *opts;
	iface->info.present = true;
	iface->info.exact = true;
	iface->info.hook_in = iface->info.hook_out = "none";
	iface->info.xdp_mode = "";
	iface->attached = true;
	dp->control->if_tunnel[iface->slot] = opts->tunnel;
	/* Last, so that counting begins on all hooks at once and with everything in place. */
	err = put_on(dp, iface, opts);
	if (err) {
		char text[PLX_ERROR_MAX];

		snprintf(text, sizeof(text), "%s", dp->error);
		take_off(dp, iface);
		return plx_fail(dp, err, "%s: %.200s", name, text);
	}
	dp->control->if_index[iface->slot] = ifindex;
	return 0;
}

int plx_dataplane__detach(struct plx_dataplane *dp, const char *name)
{
	struct plx_iface *iface = find_attached(dp, name);

	if (!iface)
		return plx_fail(dp, -ENODEV, "interface '%s' is not metered", name);
	take_off(dp, iface);
	snprintf(iface->reason, sizeof(iface->reason), "taken off");
	return 0;
}

void plx_dataplane__detach_all(struct plx_dataplane *dp)
{
	for (size_t i = 0; i < dp->nr_ifaces; i++)
		if (dp->ifaces[i]->attached)
			take_off(dp, dp->ifaces[i]);
}

const struct plx_iface_info *plx_dataplane__iface(const struct plx_dataplane *dp, size_t index)
{
	return index < dp->nr_ifaces ? &dp->ifaces[index]->info : NULL;
}

int plx_dataplane__iface_index(const struct plx_dataplane *dp, uint32_t ifindex)
{
	const struct plx_iface *iface = plx_iface_find(dp, ifindex);

	return iface ? (int)iface->index : -1;
}

int plx_dataplane__reclaim(const char *name)
{
	uint32_t ifindex = if_nametoindex(name);
	int lock_fd, err;

	if (ifindex == 0)
		return -ENODEV;
	err = lock_iface(ifindex, &lock_fd);
	if (err)
		return err;
	plx_xdp_reclaim(ifindex);
	plx_tc_reclaim(ifindex);
	close(lock_fd);
	return 0;
}

/* A link message: the interface is gone, or has another name. */
static int link_message(struct nl_msg *msg, void *arg)
{
	struct plx_dataplane *dp = arg;
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct ifinfomsg *ifi = nlmsg_data(hdr);
	struct nlattr *name;
	struct plx_iface *iface;

	if (hdr->nlmsg_type != RTM_NEWLINK && hdr->nlmsg_type != RTM_DELLINK)
		return NL_OK;
	/* A port that leaves its bridge gives a DELLINK of family AF_BRIDGE, too. */
	if (nlmsg_datalen(hdr) < (int)sizeof(*ifi) || ifi->ifi_family != AF_UNSPEC)
		return NL_OK;
	iface = plx_iface_find(dp, ifi->ifi_index);
	if (!iface || !iface->attached)
		return NL_OK;
	if (hdr->nlmsg_type == RTM_DELLINK) {
		take_off(dp, iface);
		iface->info.present = false;
		snprintf(iface->reason, sizeof(iface->reason), "the interface disappeared");
		return NL_OK;
	}
	name = nlmsg_find_attr(hdr, sizeof(*ifi), IFLA_IFNAME);
	if (name)
		snprintf(iface->info.name, sizeof(iface->info.name), "%s", nla_get_string(name));
	return NL_OK;
}

int plx_links_init(struct plx_dataplane *dp)
{
	int err;

	dp->nl = nl_socket_alloc();
	dp->links = nl_socket_alloc();
	if (!dp->nl || !dp->links)
		return plx_fail(dp, -ENOMEM, "out of memory");
	err = nl_connect(dp->nl, NETLINK_ROUTE);
	if (err == 0)
		err = nl_connect(dp->links, NETLINK_ROUTE);
	if (err == 0)
		err = nl_socket_add_memberships(dp->links, RTNLGRP_LINK, 0);
	if (err == 0)
		err = nl_socket_set_nonblocking(dp->links);
	if (err)
		return plx_fail(dp, -EIO, "netlink: %s", nl_geterror(err));
	nl_socket_disable_seq_check(dp->links);
	nl_socket_modify_cb(dp->links, NL_CB_VALID, NL_CB_CUSTOM, link_message, dp);
	return 0;
}

int plx_dataplane__link_fd(const struct plx_dataplane *dp)
{
	return nl_socket_get_fd(dp->links);
}

void plx_dataplane__links(struct plx_dataplane *dp)
{
	/*
	 * After an overrun (NLE_NOMEM) a removal may have been missed: then the names are stale
	 * until the next message, the books are not touched.
	 */
	while (nl_recvmsgs_default(dp->links) == 0)
		;
}
