/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * NAT, from the connection tracking of the kernel: when a flow begins in a table it is asked for
 * the connection, by kfuncs (Linux 5.18), and if that is translated user space is told, through a
 * ring. So a packet of a known flow pays nothing. Who is not found is asked for again when the flow
 * begins in the next table: the first packet of a connection has no entry yet when it comes in, but
 * has one when it leaves. The map nat keeps from telling the same again and again.
 */
#ifndef PLX_BPF_NAT_H
#define PLX_BPF_NAT_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#include "maps.h"

/* Are there kfuncs, and are they wanted? If not, the verifier does not even look at their calls. */
const volatile bool nat_kfuncs = false;

/* Of struct nf_conn, which may be in the BTF of a module that was not there when this was built. */
union nf_inet_addr___plx {
	__be32 all[4];
};

struct nf_conntrack_tuple___plx {
	struct {
		union nf_inet_addr___plx u3;
		union {
			__be16 all;
		} u;
	} src;
	struct {
		union nf_inet_addr___plx u3;
		union {
			__be16 all;
		} u;
		__u8 protonum;
	} dst;
} __attribute__((preserve_access_index));

struct nf_conntrack_tuple_hash___plx {
	struct nf_conntrack_tuple___plx tuple;
} __attribute__((preserve_access_index));

struct nf_conn___plx {
	struct nf_conntrack_tuple_hash___plx tuplehash[2];
	unsigned long status;
} __attribute__((preserve_access_index));

void bpf_ct_release(struct nf_conn___plx *ct) __ksym __weak;

typedef struct nf_conn___plx *(*ct_lookup_fn)(void *ctx, struct bpf_sock_tuple *tuple, __u32 size,
					      struct ct_opts *opts);

/* dir of ct as we write tuples: the kernel's has gaps in other places. */
#define CT_TUPLE(ct, dir, to, like)                                                                \
	do {                                                                                       \
		for (int word = 0; word < 4; word++) {                                             \
			(to)->source[word] = (ct)->tuplehash[dir].tuple.src.u3.all[word];          \
			(to)->dest[word] = (ct)->tuplehash[dir].tuple.dst.u3.all[word];            \
		}                                                                                  \
		(to)->source_port = (ct)->tuplehash[dir].tuple.src.u.all;                          \
		(to)->dest_port = (ct)->tuplehash[dir].tuple.dst.u.all;                            \
		(to)->protocol = (like)->protocol;                                                 \
		(to)->version = (like)->flags & PLX_KEY_IPV4 ? 4 : 6;                              \
		(to)->reserved = 0;                                                                \
	} while (0)

/* Do answers come for what was sent? If not, it was translated on its way. */
static __always_inline bool nat_translates(const struct plx_nat_tuple *original,
					   const struct plx_nat_tuple *reply)
{
	__u32 differs = original->source_port ^ reply->dest_port;

	differs |= original->dest_port ^ reply->source_port;
	for (int i = 0; i < 4; i++) {
		differs |= original->source[i] ^ reply->dest[i];
		differs |= original->dest[i] ^ reply->source[i];
	}
	return differs;
}

static __always_inline bool nat_same(const struct plx_nat_tuple *a, const struct plx_nat_tuple *b)
{
	__u32 differs = a->source_port ^ b->source_port;

	differs |= a->dest_port ^ b->dest_port;
	for (int i = 0; i < 4; i++)
		differs |= (a->source[i] ^ b->source[i]) | (a->dest[i] ^ b->dest[i]);
	return !differs;
}

static __always_inline void nat_tell(struct plx_control *ctl, struct nat_question *ask)
{
	__u64 waiting = bpf_ringbuf_query(&nat_told, BPF_RB_AVAIL_DATA);
	__u64 flags = BPF_RB_NO_WAKEUP;
	struct plx_nat_known *known;

	known = bpf_map_lookup_elem(&nat, &ask->answer.tuple[0]);
	if (known && nat_same(&known->reply, &ask->answer.tuple[1]) &&
	    ask->answer.ns - known->told_ns < PLX_NAT_TELL_NS)
		return;
	/* It is read at the end of each epoch; not before, unless it fills. */
	if (waiting > bpf_ringbuf_query(&nat_told, BPF_RB_RING_SIZE) / 2)
		flags = BPF_RB_FORCE_WAKEUP;
	if (bpf_ringbuf_output(&nat_told, &ask->answer, sizeof(ask->answer), flags)) {
		__sync_fetch_and_add(&ctl->nat_lost.count, 1);
		return;
	}
	ask->known.reply = ask->answer.tuple[1];
	ask->known.told_ns = ask->answer.ns;
	bpf_map_update_elem(&nat, &ask->answer.tuple[0], &ask->known, BPF_ANY);
}

/*
 * Ask for the connection of the first packet of a flow. What comes in is asked for by its tuple,
 * what leaves by that of its answers, which is its own turned around: after NAT it has no entry as
 * it is.
 */
static __always_inline void nat_ask(void *ctx, ct_lookup_fn lookup, struct plx_control *ctl,
				    struct nat_question *ask, const struct plx_sample *sample)
{
	const struct plx_flow_key *key = &sample->key;
	bool out = key->flags & PLX_KEY_DIR_OUT;
	struct bpf_sock_tuple *tuple = &ask->tuple;
	struct nf_conn___plx *ct;

	if (!nat_kfuncs || key->flags & (PLX_KEY_TUNNEL | PLX_KEY_FRAGMENT))
		return;
	if (key->protocol != PLX_IPPROTO_TCP && key->protocol != PLX_IPPROTO_UDP)
		return; /* all that the kfuncs know */
	ask->opts = (struct ct_opts){.netns_id = BPF_F_CURRENT_NETNS, .protocol = key->protocol};
	if (key->flags & PLX_KEY_IPV4) {
		tuple->ipv4.saddr = out ? key->dest[0] : key->source[0];
		tuple->ipv4.daddr = out ? key->source[0] : key->dest[0];
		tuple->ipv4.sport = out ? key->dest_port : key->source_port;
		tuple->ipv4.dport = out ? key->source_port : key->dest_port;
		ct = lookup(ctx, tuple, sizeof(tuple->ipv4), &ask->opts);
	} else {
		for (int i = 0; i < 4; i++) {
			tuple->ipv6.saddr[i] = out ? key->dest[i] : key->source[i];
			tuple->ipv6.daddr[i] = out ? key->source[i] : key->dest[i];
		}
		tuple->ipv6.sport = out ? key->dest_port : key->source_port;
		tuple->ipv6.dport = out ? key->source_port : key->dest_port;
		ct = lookup(ctx, tuple, sizeof(tuple->ipv6), &ask->opts);
	}
	if (!ct)
		return;
	CT_TUPLE(ct, 0, &ask->answer.tuple[0], key);
	CT_TUPLE(ct, 1, &ask->answer.tuple[1], key);
	ask->answer.status = ct->status;
	bpf_ct_release(ct);
	ask->answer.ns = sample->stats.last_ns;
	ask->answer.reserved = 0;
	if (nat_translates(&ask->answer.tuple[0], &ask->answer.tuple[1]))
		nat_tell(ctl, ask);
}

#endif
