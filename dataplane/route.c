/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel is asked as by `ip route get DEST from SOURCE iif IN`. It answers while the request is
 * sent, so nothing here waits for more than a lock of the kernel.
 *
 * All that was learned is used for KEEP_NS. That is how long a changed route may go unnoticed,
 * which does not matter: a flow is asked for when it has ended, seconds after its packets. What it
 * saves is a request for each flow of a scan or a flood: these go to few addresses, or have few
 * sources.
 */
#include <plx/route.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include <plx/table.h>

#include "clock.h"
#include "sysctl.h"

#define KEEP_NS 1000000000ULL

/*
 * Requests for routes in that time, at some 5 us each; who scans through the whole address space of
 * a neighbour does not get more of the CPU.
 */
#define MAX_REQUESTS 16384

/* Slots, each for one of all that fall into it: powers of two. */
#define NR_IFACES  64
#define NR_ANSWERS 4096

/* Routes may tell packets apart by this much of the type of service (IPTOS_RT_MASK). */
#define TOS_MASK 0x1c

/* By what the rules of a family choose a table. */
enum selector {
	BY_DEST,    /* where packets go and come in */
	BY_SOURCE,  /* source, ports, protocol, too: all that a request can have */
	BY_UNKNOWN, /* marks, which no flow has */
};

struct family {
	uint64_t until_ns;
	enum selector selector;
};

struct iface {
	uint32_t ifindex;
	uint64_t until_ns;
	bool is_ours; /* IP packets that come in there are for IP of this interface */
	bool forwards[2];
	uint8_t mac[6];
};

struct answer {
	struct plx_route_packet packet; /* all of it that the answer depends on */
	uint64_t until_ns;
	enum plx_route_way way;
	uint32_t ifindex;
};

struct plx_route {
	struct nl_sock *sk;
	struct nl_sock *xfrm; /* NULL: the kernel has none */
	uint64_t seed;
	uint64_t now_ns;
	uint64_t budget_until_ns;
	unsigned int budget; /* requests for routes */
	uint64_t transforms_until_ns;
	bool transforms; /* by IPsec, for packets that leave */
	struct family families[2];
	struct iface ifaces[NR_IFACES];
	struct answer *answers;

	/* The request that is being answered. */
	uint32_t seq;
	bool done;
	int err; /* the kernel's */
	void (*take)(struct nlmsghdr *hdr, void *arg);
	void *arg;
};

static int on_message(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct plx_route *route = arg;

	if (hdr->nlmsg_seq != route->seq) /* of a request that was given up */
		return NL_SKIP;
	route->take(hdr, route->arg);
	if (!(hdr->nlmsg_flags & NLM_F_MULTI))
		route->done = true;
	return NL_OK;
}

static int on_end(struct nl_msg *msg, void *arg)
{
	struct plx_route *route = arg;

	route->done |= nlmsg_hdr(msg)->nlmsg_seq == route->seq;
	return NL_OK;
}

static int on_error(struct sockaddr_nl *sender, struct nlmsgerr *error, void *arg)
{
	struct plx_route *route = arg;

	(void)sender;
	if (error->msg.nlmsg_seq != route->seq)
		return NL_SKIP;
	route->err = error->error;
	route->done = true;
	return NL_SKIP;
}

/* Send msg, which is freed, and give its answers to take. The kernel's error, or our own. */
static int ask(struct plx_route *route, struct nl_sock *sk, struct nl_msg *msg,
	       void (*take)(struct nlmsghdr *hdr, void *arg), void *arg)
{
	int err = msg ? nl_send_auto(sk, msg) : -NLE_NOMEM;

	route->seq = msg ? nlmsg_hdr(msg)->nlmsg_seq : 0;
	route->err = 0;
	route->done = false;
	route->take = take;
	route->arg = arg;
	nlmsg_free(msg); /* takes NULL */
	while (err >= 0 && !route->done)
		err = nl_recvmsgs_default(sk);
	return route->done ? route->err : -EIO;
}

static struct nl_sock *new_socket(struct plx_route *route, int protocol)
{
	struct nl_sock *sk = nl_socket_alloc();

	if (!sk || nl_connect(sk, protocol) || nl_socket_set_nonblocking(sk)) {
		nl_socket_free(sk);
		return NULL;
	}
	nl_socket_disable_auto_ack(sk);
	nl_socket_disable_seq_check(sk);
	nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, on_message, route);
	nl_socket_modify_cb(sk, NL_CB_FINISH, NL_CB_CUSTOM, on_end, route);
	nl_socket_modify_err_cb(sk, NL_CB_CUSTOM, on_error, route);
	return sk;
}

int plx_route__open(struct plx_route **ret_route, char *ret_err, size_t err_size)
{
	struct plx_route *route = calloc(1, sizeof(*route));

	if (route)
		route->answers = calloc(NR_ANSWERS, sizeof(*route->answers));
	if (!route || !route->answers) {
		free(route);
		snprintf(ret_err, err_size, "out of memory");
		return -ENOMEM;
	}
	route->seed = plx_hash_seed(route);
	route->sk = new_socket(route, NETLINK_ROUTE);
	route->xfrm = new_socket(route, NETLINK_XFRM);
	if (!route->sk) {
		plx_route__close(route);
		snprintf(ret_err, err_size, "rtnetlink: %s", strerror(errno));
		return -EIO;
	}
	*ret_route = route;
	return 0;
}

void plx_route__close(struct plx_route *route)
{
	if (!route)
		return;
	nl_socket_free(route->sk); /* takes NULL */
	nl_socket_free(route->xfrm);
	free(route->answers);
	free(route);
}

/* The interface. */

struct link {
	struct iface *iface;
	char name[IFNAMSIZ];
};

static void take_link(struct nlmsghdr *hdr, void *arg)
{
	const struct ifinfomsg *info = nlmsg_data(hdr);
	struct nlattr *attrs[IFLA_MAX + 1];
	struct link *link = arg;

	if (hdr->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse(hdr, sizeof(*info), attrs, IFLA_MAX, NULL) < 0 || !attrs[IFLA_IFNAME])
		return;
	nla_strlcpy(link->name, attrs[IFLA_IFNAME], sizeof(link->name));
	/* What comes in at a port is for its bridge, or for whatever it is a port of. */
	if (attrs[IFLA_MASTER])
		return;
	if (info->ifi_type == ARPHRD_ETHER && attrs[IFLA_ADDRESS] &&
	    nla_len(attrs[IFLA_ADDRESS]) == sizeof(link->iface->mac)) {
		memcpy(link->iface->mac, nla_data(attrs[IFLA_ADDRESS]), sizeof(link->iface->mac));
		link->iface->is_ours = true;
	} else {
		/* IP without a link layer: its packets have no address here, zeros */
		link->iface->is_ours = !attrs[IFLA_ADDRESS];
	}
}

/* A sysctl of name (an interface, or all) in net.ipv4.conf or net.ipv6.conf. */
static bool is_set(int version, const char *name, const char *key)
{
	char path[96], first;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv%d/conf/%s/%s", version, name, key);
	first = plx_sysctl(path);
	return first && first != '0';
}

static const struct iface *iface_of(struct plx_route *route, uint32_t ifindex)
{
	struct iface *iface = &route->ifaces[ifindex & (NR_IFACES - 1)];
	struct ifinfomsg info = {.ifi_index = ifindex};
	struct link link = {.iface = iface};
	struct nl_msg *msg;

	if (iface->ifindex == ifindex && route->now_ns < iface->until_ns)
		return iface;
	*iface = (struct iface){.ifindex = ifindex, .until_ns = route->now_ns + KEEP_NS};
	msg = nlmsg_alloc_simple(RTM_GETLINK, 0);
	if (!msg || nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO) ||
	    nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)) {
		nlmsg_free(msg);
		return iface;
	}
	if (ask(route, route->sk, msg, take_link, &link) || !iface->is_ours)
		return iface;
	iface->forwards[0] = is_set(4, link.name, "forwarding");
	iface->forwards[1] =
		is_set(6, "all", "forwarding") || is_set(6, link.name, "force_forwarding");
	return iface;
}

/* The rules. */

static void take_rule(struct nlmsghdr *hdr, void *arg)
{
	const struct fib_rule_hdr *rule = nlmsg_data(hdr);
	struct nlattr *attrs[FRA_MAX + 1];
	enum selector *selector = arg;

	if (nlmsg_parse(hdr, sizeof(*rule), attrs, FRA_MAX, NULL) < 0 || attrs[FRA_FWMARK] ||
	    attrs[FRA_TUN_ID])
		*selector = BY_UNKNOWN;
	else if (*selector == BY_DEST && (rule->src_len || attrs[FRA_IP_PROTO] ||
					  attrs[FRA_SPORT_RANGE] || attrs[FRA_DPORT_RANGE]))
		*selector = BY_SOURCE;
}

static enum selector selector_of(struct plx_route *route, bool six)
{
	struct fib_rule_hdr rule = {.family = six ? AF_INET6 : AF_INET};
	struct family *family = &route->families[six];
	struct nl_msg *msg;
	int err;

	if (route->now_ns < family->until_ns)
		return family->selector;
	family->until_ns = route->now_ns + KEEP_NS;
	family->selector = BY_DEST;
	msg = nlmsg_alloc_simple(RTM_GETRULE, NLM_F_DUMP);
	if (msg && nlmsg_append(msg, &rule, sizeof(rule), NLMSG_ALIGNTO)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	err = ask(route, route->sk, msg, take_rule, &family->selector);
	if (err && err != -EOPNOTSUPP) /* a kernel without rules */
		family->selector = BY_UNKNOWN;
	return family->selector;
}

/* IPsec. */

static void take_policies(struct nlmsghdr *hdr, void *arg)
{
	struct nlattr *attrs[XFRMA_SPD_MAX + 1];
	struct xfrmu_spdinfo info;
	bool *transforms = arg;

	if (nlmsg_parse(hdr, sizeof(uint32_t), attrs, XFRMA_SPD_MAX, NULL) < 0 ||
	    !attrs[XFRMA_SPD_INFO] || nla_len(attrs[XFRMA_SPD_INFO]) < (int)sizeof(info))
		return;
	memcpy(&info, nla_data(attrs[XFRMA_SPD_INFO]), sizeof(info));
	*transforms = info.outcnt > 0;
}

/* Are there policies by which a packet leaves as another one? True as well when nobody says. */
static bool transforms(struct plx_route *route)
{
	uint32_t flags = ~0U;
	struct nl_msg *msg;

	if (!route->xfrm)
		return false;
	if (route->now_ns < route->transforms_until_ns)
		return route->transforms;
	route->transforms_until_ns = route->now_ns + KEEP_NS;
	route->transforms = true;
	msg = nlmsg_alloc_simple(XFRM_MSG_GETSPDINFO, 0);
	if (msg && nlmsg_append(msg, &flags, sizeof(flags), NLMSG_ALIGNTO)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	(void)ask(route, route->xfrm, msg, take_policies, &route->transforms);
	return route->transforms;
}

/* The route. */

static void take_route(struct nlmsghdr *hdr, void *arg)
{
	const struct rtmsg *rtm = nlmsg_data(hdr);
	struct nlattr *attrs[RTA_MAX + 1];
	struct answer *answer = arg;

	if (hdr->nlmsg_type != RTM_NEWROUTE ||
	    nlmsg_parse(hdr, sizeof(*rtm), attrs, RTA_MAX, NULL) < 0)
		return;
	switch (rtm->rtm_type) {
	case RTN_UNICAST:
		/* in a tunnel of the route, such as MPLS or SRv6, it leaves as another flow */
		if (!attrs[RTA_OIF] || attrs[RTA_ENCAP])
			return;
		answer->way = PLX_ROUTE_OUT;
		answer->ifindex = nla_get_u32(attrs[RTA_OIF]);
		return;
	case RTN_LOCAL:
	case RTN_BROADCAST:
	case RTN_ANYCAST:
	case RTN_MULTICAST:
		answer->way = PLX_ROUTE_HERE;
		return;
	case RTN_BLACKHOLE:
	case RTN_UNREACHABLE:
	case RTN_PROHIBIT:
		answer->way = PLX_ROUTE_NOWHERE;
		return;
	default:
		return;
	}
}

/* Ask for the route of packet as it comes in, or, without in, as if it was made here. */
static int ask_route(struct plx_route *route, const struct plx_route_packet *packet, bool in,
		     struct answer *answer)
{
	int size = packet->version == 4 ? 4 : 16;
	struct rtmsg rtm = {
		.rtm_family = packet->version == 4 ? AF_INET : AF_INET6,
		.rtm_dst_len = size * 8,
		.rtm_src_len = in ? size * 8 : 0,
		.rtm_tos = packet->tos,
	};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, 0);

	if (!msg || nlmsg_append(msg, &rtm, sizeof(rtm), NLMSG_ALIGNTO) ||
	    nla_put(msg, RTA_DST, size, packet->dest) ||
	    (in && (nla_put(msg, RTA_SRC, size, packet->source) ||
		    nla_put_u32(msg, RTA_IIF, packet->ifindex)))) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	/* Ports are known to kernels since 4.18, and of these protocols only. */
	if (in && (packet->protocol == IPPROTO_TCP || packet->protocol == IPPROTO_UDP) &&
	    (nla_put_u8(msg, RTA_IP_PROTO, packet->protocol) ||
	     nla_put_u16(msg, RTA_SPORT, packet->source_port) ||
	     nla_put_u16(msg, RTA_DPORT, packet->dest_port))) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return ask(route, route->sk, msg, take_route, answer);
}

/* An answer that is an error: no route, or a source that cannot come from there. */
static bool is_refusal(int err)
{
	return err == -ENETUNREACH || err == -EHOSTUNREACH || err == -EACCES || err == -EINVAL ||
	       err == -EXDEV || err == -EAGAIN;
}

/* Is there room for one more request, which may be two? */
static bool may_ask(struct plx_route *route)
{
	if (route->now_ns >= route->budget_until_ns) {
		route->budget_until_ns = route->now_ns + KEEP_NS;
		route->budget = MAX_REQUESTS;
	}
	if (route->budget == 0)
		return false;
	route->budget--;
	return true;
}

/* Fill in answer->way for packet. Returns whether it is so for its destination from anywhere. */
static bool find_way(struct plx_route *route, const struct plx_route_packet *packet,
		     struct answer *answer)
{
	int err = ask_route(route, packet, true, answer);

	if (!err)
		return true;
	if (!is_refusal(err))
		return false;
	/* Such a source is refused for what ends here, too, before anything else is looked at. */
	err = ask_route(route, packet, false, answer);
	if (is_refusal(err))
		answer->way = PLX_ROUTE_NOWHERE;
	if (answer->way != PLX_ROUTE_OUT)
		return true;
	answer->way = PLX_ROUTE_NOWHERE;
	return false;
}

static bool is_multicast(const struct plx_route_packet *packet)
{
	const uint8_t *dest = (const uint8_t *)packet->dest;

	return packet->version == 4 ? (dest[0] & 0xf0) == 0xe0 : dest[0] == 0xff;
}

/* Nobody sends on what is of one link only. */
static bool is_link_local(const struct plx_route_packet *packet)
{
	const uint8_t *dest = (const uint8_t *)packet->dest;

	return packet->version == 6 && dest[0] == 0xfe && (dest[1] & 0xc0) == 0x80;
}

enum plx_route_way plx_route__way(struct plx_route *route, const struct plx_route_packet *packet,
				  uint32_t *ret_ifindex)
{
	struct plx_route_packet key = {
		.ifindex = packet->ifindex,
		.tos = packet->tos & TOS_MASK,
		.version = packet->version,
	};
	const struct iface *iface;
	enum selector selector;
	struct answer *answer;

	route->now_ns = plx_now_ns();
	iface = iface_of(route, packet->ifindex);
	if (!iface->is_ours || memcmp(iface->mac, packet->dest_mac, sizeof(iface->mac)))
		return PLX_ROUTE_UNKNOWN;
	if (!iface->forwards[packet->version == 6] || is_multicast(packet) || is_link_local(packet))
		return PLX_ROUTE_HERE;
	selector = selector_of(route, packet->version == 6);
	if (selector == BY_UNKNOWN || transforms(route))
		return PLX_ROUTE_UNKNOWN;
	memcpy(key.dest, packet->dest, sizeof(key.dest));
	if (selector == BY_SOURCE) {
		memcpy(key.source, packet->source, sizeof(key.source));
		key.source_port = packet->source_port;
		key.dest_port = packet->dest_port;
		key.protocol = packet->protocol;
	}
	answer = &route->answers[plx_hash(route->seed, &key, sizeof(key)) & (NR_ANSWERS - 1)];
	if (route->now_ns >= answer->until_ns || memcmp(&answer->packet, &key, sizeof(key))) {
		struct plx_route_packet asked = *packet;

		if (!may_ask(route))
			return PLX_ROUTE_UNKNOWN;
		asked.tos &= TOS_MASK;
		*answer = (struct answer){};
		answer->packet = key;
		if (find_way(route, &asked, answer))
			answer->until_ns = route->now_ns + KEEP_NS;
	}
	*ret_ifindex = answer->ifindex;
	return answer->way;
}
