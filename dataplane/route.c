/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Routes of packets that came in: RTM_GETROUTE with the interface, as `ip route get DEST from
 * SOURCE iif IN`. The kernel answers at once. Two tables of fixed size keep what was asked for,
 * each slot that of the last key that fell on it: of interfaces whether they forward, and of
 * address pairs the route. Many flows of dead senders have few of both; a flood of others costs a
 * system call each.
 */
#include <plx/route.h>

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include <plx/table.h>

#define NR_IFACES 256
#define NR_PAIRS  4096
#define KEEP_NS	  1000000000ULL

struct iface {
	uint32_t ifindex;
	bool forwards[2]; /* IPv4, IPv6 */
	uint8_t mac[6];
	uint64_t until_ns;
};

struct pair {
	uint32_t ifindex;
	uint8_t version;
	uint8_t reserved[3];
	__be32 source[4], dest[4];
	enum plx_route_way way;
	uint32_t out;
	uint64_t until_ns;
};

struct plx_route {
	struct nl_sock *sk;
	struct nl_cb *cb;
	int fd; /* for ioctl() */
	uint64_t seed;
	/* The answer that is being read */
	struct pair *answer;
	struct plx_route_info info;
	struct iface ifaces[NR_IFACES];
	struct pair pairs[NR_PAIRS];
};

/* What the type of a route means for a packet that came in. */
static enum plx_route_way way_of(uint8_t type)
{
	switch (type) {
	case RTN_UNICAST:
		return PLX_ROUTE_ON;
	case RTN_BLACKHOLE:
	case RTN_UNREACHABLE:
	case RTN_PROHIBIT:
		return PLX_ROUTE_NOWHERE;
	default:
		return PLX_ROUTE_HERE;
	}
}

static int on_route(struct nl_msg *msg, void *arg)
{
	struct plx_route *route = arg;
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct rtmsg *rtm = nlmsg_data(hdr);
	struct nlattr *out;

	if (hdr->nlmsg_type != RTM_NEWROUTE || !nlmsg_valid_hdr(hdr, sizeof(*rtm)))
		return NL_OK;
	out = nlmsg_find_attr(hdr, sizeof(*rtm), RTA_OIF);
	route->answer->way = way_of(rtm->rtm_type);
	route->answer->out = out ? nla_get_u32(out) : 0;
	return NL_OK;
}

/* What an error means: most are how the kernel says that there is no way. */
static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *arg)
{
	struct plx_route *route = arg;

	(void)from;
	switch (-error->error) {
	case ENETUNREACH:
	case EHOSTUNREACH:
	case EACCES: /* prohibit */
	case EINVAL: /* blackhole, martian addresses */
	case EXDEV:  /* by the reverse path filter */
		route->answer->way = PLX_ROUTE_NOWHERE;
		break;
	default:
		route->answer->way = PLX_ROUTE_UNKNOWN;
		break;
	}
	return NL_SKIP; /* with NL_STOP it would be an error of the call */
}

static int ask(struct plx_route *route, struct pair *pair)
{
	struct rtmsg rtm = {
		.rtm_family = pair->version == 4 ? AF_INET : AF_INET6,
		.rtm_dst_len = pair->version == 4 ? 32 : 128,
		.rtm_src_len = pair->version == 4 ? 32 : 128,
	};
	int size = pair->version == 4 ? 4 : 16, err = -NLE_NOMEM;
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_REQUEST);

	pair->way = PLX_ROUTE_UNKNOWN;
	pair->out = 0;
	if (msg && !nlmsg_append(msg, &rtm, sizeof(rtm), NLMSG_ALIGNTO) &&
	    !nla_put(msg, RTA_DST, size, pair->dest) &&
	    !nla_put(msg, RTA_SRC, size, pair->source) && !nla_put_u32(msg, RTA_IIF, pair->ifindex))
		err = nl_send_auto(route->sk, msg);
	nlmsg_free(msg); /* takes NULL */
	if (err < 0)
		return err;
	route->answer = pair;
	return nl_recvmsgs(route->sk, route->cb);
}

static bool reads_one(const char *family, const char *ifname)
{
	char path[64 + IF_NAMESIZE], digit = '0';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/forwarding", family, ifname);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (fread(&digit, 1, 1, f) != 1)
		digit = '0';
	fclose(f);
	return digit == '1';
}

/* NULL: there is no such interface. */
static const struct iface *find_iface(struct plx_route *route, uint32_t ifindex, uint64_t now_ns)
{
	struct iface *iface = &route->ifaces[ifindex % NR_IFACES];
	struct ifreq req = {};

	if (iface->ifindex == ifindex && now_ns < iface->until_ns)
		return iface;
	iface->ifindex = 0;
	if (!if_indextoname(ifindex, req.ifr_name))
		return NULL;
	iface->forwards[0] = reads_one("ipv4", req.ifr_name);
	iface->forwards[1] = reads_one("ipv6", req.ifr_name);
	if (ioctl(route->fd, SIOCGIFHWADDR, &req))
		return NULL;
	memcpy(iface->mac, req.ifr_hwaddr.sa_data, sizeof(iface->mac));
	iface->ifindex = ifindex;
	iface->until_ns = now_ns + KEEP_NS;
	return iface;
}

/* Addresses that no router forwards, whatever its routes (RFC 4291, 2.5.6). */
static bool stays_on_link(const struct plx_route_question *q)
{
	const __be32 mask = htonl(0xffc00000), link = htonl(0xfe800000);

	return q->version == 6 && ((q->source[0] & mask) == link || (q->dest[0] & mask) == link);
}

enum plx_route_way plx_route__find(struct plx_route *route,
				   const struct plx_route_question *question, uint64_t now_ns,
				   uint32_t *ret_ifindex)
{
	size_t size = question->version == 4 ? 4 : 16;
	struct pair key = {.ifindex = question->ifindex, .version = question->version};
	const struct iface *iface = find_iface(route, question->ifindex, now_ns);
	struct pair *pair;
	uint64_t hash;

	*ret_ifindex = 0;
	route->info.questions++;
	if (!iface)
		return PLX_ROUTE_UNKNOWN;
	if (memcmp(iface->mac, question->dest_mac, sizeof(iface->mac)) ||
	    !iface->forwards[question->version == 6] || stays_on_link(question))
		return PLX_ROUTE_HERE;
	memcpy(key.source, question->source, size);
	memcpy(key.dest, question->dest, size);
	hash = plx_hash(route->seed, &key, offsetof(struct pair, way));
	pair = &route->pairs[hash % NR_PAIRS];
	if (memcmp(pair, &key, offsetof(struct pair, way)) || now_ns >= pair->until_ns) {
		*pair = key;
		route->info.asked++;
		if (ask(route, pair) < 0)
			pair->way = PLX_ROUTE_UNKNOWN;
		pair->until_ns = now_ns + KEEP_NS;
	}
	*ret_ifindex = pair->out;
	return pair->way;
}

void plx_route__info(const struct plx_route *route, struct plx_route_info *ret_info)
{
	*ret_info = route->info;
}

struct plx_route *plx_route__open(void)
{
	struct plx_route *route = calloc(1, sizeof(*route));

	if (!route)
		return NULL;
	route->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	route->sk = nl_socket_alloc();
	route->cb = nl_cb_alloc(NL_CB_DEFAULT);
	if (route->fd < 0 || !route->sk || !route->cb || nl_connect(route->sk, NETLINK_ROUTE)) {
		plx_route__close(route);
		return NULL;
	}
	/* A question is answered with a route or an error: nothing more is to be waited for. */
	nl_socket_disable_auto_ack(route->sk);
	nl_cb_set(route->cb, NL_CB_VALID, NL_CB_CUSTOM, on_route, route);
	nl_cb_err(route->cb, NL_CB_CUSTOM, on_error, route);
	route->seed = plx_hash_seed(route);
	return route;
}

void plx_route__close(struct plx_route *route)
{
	if (!route)
		return;
	nl_cb_put(route->cb);
	nl_socket_free(route->sk);
	if (route->fd >= 0)
		close(route->fd);
	free(route);
}
