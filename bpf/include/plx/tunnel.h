/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The headers of tunnels: is there one behind the transport or IP header at hand, which, and where
 * is what it carries. Nothing but a port number says that UDP carries a tunnel, so what does not
 * have the right flags is plain UDP. Read layers.h before.
 *
 * Not looked into: L2TPv3 (the sizes of its cookie and sublayer are agreed upon, and in no packet),
 * ERSPAN (copies of other packets), PPTP's GRE, Teredo, ESP, MPLS in UDP or IP.
 */
#ifndef PLX_TUNNEL_H
#define PLX_TUNNEL_H

#include <plx/layers.h>

/* Destination ports (IANA) */
#define PLX_PORT_GTPU	   2152
#define PLX_PORT_VXLAN	   4789
#define PLX_PORT_VXLAN_OLD 8472 /* what Linux used before, and does without "dstport" */
#define PLX_PORT_VXLAN_GPE 4790
#define PLX_PORT_GENEVE	   6081

struct plx_hdr_gre {  /* RFC 2784, 2890 */
	__be16 flags; /* PLX_GRE_* */
	__be16 protocol;
} PLX_HEADER;

#define PLX_GRE_CHECKSUM 0x8000
#define PLX_GRE_ROUTING	 0x4000 /* RFC 1701 */
#define PLX_GRE_KEY	 0x2000
#define PLX_GRE_SEQUENCE 0x1000
#define PLX_GRE_VERSION	 0x0007

struct plx_hdr_vxlan { /* RFC 7348; GPE: draft-ietf-nvo3-vxlan-gpe */
	__u8 flags;    /* 0x08: VNI is valid; GPE: version 0x30, 0x04 next protocol, 0x01 OAM */
	__u8 reserved[2];
	__u8 next;  /* GPE only */
	__be32 vni; /* 24 bits, reserved 8 */
} PLX_HEADER;

struct plx_hdr_geneve {	     /* RFC 8926 3.4 */
	__u8 version_length; /* version 2, length of the options in 4 octets 6 */
	__u8 flags;	     /* OAM 0x80, critical options 0x40 */
	__be16 protocol;
	__be32 vni; /* 24 bits, reserved 8 */
} PLX_HEADER;

struct plx_hdr_gtpu { /* 3GPP TS 29.281 5.1 */
	__u8 flags;   /* version 1, type 1, spare, extension 0x04, sequence 0x02, N-PDU 0x01 */
	__u8 type;    /* 255: a user packet follows */
	__be16 length;
	__be32 teid;
} PLX_HEADER;

/* Any of the three flags: 4 octets more, the last of which is the type of the next extension. */
#define PLX_GTPU_OPTIONAL 0x07
#define PLX_GTPU_MAX_EXT  4 /* extension headers walked; more is limited[tunnel_depth] */

/* What plx_parse_tunnel() found. From PLX_ENTER_LIMIT on, + enum plx_limit: a tunnel, but ... */
#define PLX_ENTER_NONE	0 /* no tunnel */
#define PLX_ENTER	1 /* p->type and p->ethernet say what begins at the cursor */
#define PLX_ENTER_LIMIT 2

/* An EtherType as protocol: of GRE and Geneve. */
PLX_INLINE int plx_enter_ethertype(struct plx_packet *p, __u16 type)
{
	p->type = type;
	p->ethernet = type == PLX_ETH_TEB;
	if (type == PLX_ETH_TEB || type == PLX_ETH_IPV4 || type == PLX_ETH_IPV6 ||
	    type == PLX_ETH_MPLS || type == PLX_ETH_MPLSM)
		return PLX_ENTER;
	return PLX_ENTER_LIMIT + PLX_LIMIT_TUNNEL_PAYLOAD;
}

PLX_INLINE int plx_parse_gre(struct plx_cursor *c, struct plx_packet *p)
{
	const struct plx_hdr_gre *gre = plx_take(c, sizeof(*gre));
	__u16 flags, protocol;
	const struct plx_hdr_word *key;

	if (!gre)
		return PLX_ENTER_LIMIT + PLX_LIMIT_TUNNEL_TRUNC;
	flags = plx_be16(gre->flags);
	protocol = plx_be16(gre->protocol);
	if (flags & (PLX_GRE_VERSION | PLX_GRE_ROUTING))
		return PLX_ENTER_LIMIT + PLX_LIMIT_TUNNEL_PAYLOAD;
	p->tunnel_type = PLX_TUNNEL_GRE;
	if (flags & PLX_GRE_CHECKSUM)
		c->offset += 4;
	if (flags & PLX_GRE_KEY) {
		plx_settle(c, p);
		key = plx_take(c, sizeof(*key));
		if (!key)
			return PLX_ENTER_LIMIT + PLX_LIMIT_TUNNEL_TRUNC;
		p->tunnel_id = plx_be32(key->word);
		/* RFC 7637 3.2: a key and neither checksum nor sequence numbers */
		p->tunnel_type =
			protocol == PLX_ETH_TEB && !(flags & (PLX_GRE_CHECKSUM | PLX_GRE_SEQUENCE))
				? PLX_TUNNEL_NVGRE
				: PLX_TUNNEL_GREKEY;
	}
	if (flags & PLX_GRE_SEQUENCE)
		c->offset += 4;
	return plx_enter_ethertype(p, protocol);
}

PLX_INLINE int plx_parse_vxlan(struct plx_cursor *c, struct plx_packet *p, int gpe)
{
	const struct plx_hdr_vxlan *vxlan = plx_peek(c, sizeof(*vxlan));

	if (!vxlan)
		return PLX_ENTER_LIMIT + PLX_LIMIT_TUNNEL_TRUNC;
	if (!(vxlan->flags & 0x08) || (gpe && vxlan->flags & 0x30))
		return PLX_ENTER_NONE;
	c->offset += sizeof(*vxlan);
	p->tunnel_type = PLX_TUNNEL_VXLAN;
	p->tunnel_id = plx_be32(vxlan->vni) >> 8;
	p->ethernet = 1;
	if (!gpe || !(vxlan->flags & 0x04))
		return PLX_ENTER;
	switch (vxlan->next) {
	case 1:
		return plx_enter_ethertype(p, PLX_ETH_IPV4);
	case 2:
		return plx_enter_ethertype(p, PLX_ETH_IPV6);
	case 3:
		return PLX_ENTER;
	case 5:
		return plx_enter_ethertype(p, PLX_ETH_MPLS);
	default:
		return PLX_ENTER_LIMIT + PLX_LIMIT_TUNNEL_PAYLOAD;
	}
}

PLX_INLINE int plx_parse_geneve(struct plx_cursor *c, struct plx_packet *p)
{
	const struct plx_hdr_geneve *geneve = plx_peek(c, sizeof(*geneve));

	if (!geneve)
		return PLX_ENTER_LIMIT + PLX_LIMIT_TUNNEL_TRUNC;
	if (geneve->version_length >> 6)
		return PLX_ENTER_NONE;
	c->offset += sizeof(*geneve) + (geneve->version_length & 0x3f) * 4;
	p->tunnel_type = PLX_TUNNEL_GENEVE;
	p->tunnel_id = plx_be32(geneve->vni) >> 8;
	return plx_enter_ethertype(p, plx_be16(geneve->protocol));
}

/* Like MPLS, GTP-U does not say what it carries: IP by its first half octet. */
PLX_INLINE int plx_parse_gtpu(struct plx_cursor *c, struct plx_packet *p)
{
	const struct plx_hdr_gtpu *gtpu = plx_peek(c, sizeof(*gtpu));
	const __u8 *octet;
	__u8 next = 0;

	if (!gtpu)
		return PLX_ENTER_LIMIT + PLX_LIMIT_TUNNEL_TRUNC;
	if (gtpu->flags >> 4 != 3 || gtpu->type != 255)
		return PLX_ENTER_NONE;
	p->tunnel_type = PLX_TUNNEL_GTPU;
	p->tunnel_id = plx_be32(gtpu->teid);
	c->offset += sizeof(*gtpu);
	if (gtpu->flags & PLX_GTPU_OPTIONAL) {
		octet = plx_peek(c, 4);
		if (!octet)
			return PLX_ENTER_LIMIT + PLX_LIMIT_TUNNEL_TRUNC;
		next = gtpu->flags & 0x04 ? octet[3] : 0;
		c->offset += 4;
	}
#ifdef __bpf__
#pragma clang loop unroll(disable)
#endif
	for (int i = 0; i < PLX_GTPU_MAX_EXT && next; i++) {
		/* length in 4 octets, contents, type of the next in the last octet */
		plx_settle(c, p);
		octet = plx_peek(c, 1);
		if (!octet)
			return PLX_ENTER_LIMIT + PLX_LIMIT_TUNNEL_TRUNC;
		if (*octet == 0)
			return PLX_ENTER_LIMIT + PLX_LIMIT_TUNNEL_BAD;
		c->offset += *octet * 4 - 1;
		plx_settle(c, p);
		octet = plx_take(c, 1);
		if (!octet)
			return PLX_ENTER_LIMIT + PLX_LIMIT_TUNNEL_TRUNC;
		next = *octet;
	}
	if (next)
		return PLX_ENTER_LIMIT + PLX_LIMIT_TUNNEL_DEPTH;
	plx_settle(c, p);
	octet = plx_peek(c, 1);
	if (!octet)
		return PLX_ENTER_LIMIT + PLX_LIMIT_TUNNEL_TRUNC;
	if (*octet >> 4 == 4)
		return plx_enter_ethertype(p, PLX_ETH_IPV4);
	if (*octet >> 4 == 6)
		return plx_enter_ethertype(p, PLX_ETH_IPV6);
	return PLX_ENTER_LIMIT + PLX_LIMIT_TUNNEL_PAYLOAD;
}

/* Protocols that plx_parse_tunnel() looks at. */
PLX_INLINE int plx_may_carry(__u8 protocol)
{
	return protocol == PLX_IPPROTO_UDP || protocol == PLX_IPPROTO_GRE ||
	       protocol == PLX_IPPROTO_IPV4 || protocol == PLX_IPPROTO_IPV6;
}

/*
 * The tunnel header behind the layer at hand, of which p gets type and id; the cursor moves only
 * when there is one. A layer that is a later fragment has none in this packet.
 */
PLX_INLINE int plx_parse_tunnel(struct plx_cursor *c, struct plx_packet *p)
{
	const struct plx_flow_key *key = &p->sample.key;

	switch (key->protocol) {
	case PLX_IPPROTO_IPV4:
		p->tunnel_type = PLX_TUNNEL_IP;
		return plx_enter_ethertype(p, PLX_ETH_IPV4);
	case PLX_IPPROTO_IPV6:
		p->tunnel_type = PLX_TUNNEL_IP;
		return plx_enter_ethertype(p, PLX_ETH_IPV6);
	case PLX_IPPROTO_GRE:
		return plx_parse_gre(c, p);
	case PLX_IPPROTO_UDP:
		/* Shorter than the header of any of them, and not because it goes on elsewhere. */
		if (p->payload_end < c->offset + sizeof(struct plx_hdr_vxlan) &&
		    !p->layer.first_fragment)
			return PLX_ENTER_NONE;
		break;
	default:
		return PLX_ENTER_NONE;
	}
	switch (plx_be16(key->dest_port)) {
	case PLX_PORT_VXLAN:
	case PLX_PORT_VXLAN_OLD:
		return plx_parse_vxlan(c, p, 0);
	case PLX_PORT_VXLAN_GPE:
		return plx_parse_vxlan(c, p, 1);
	case PLX_PORT_GENEVE:
		return plx_parse_geneve(c, p);
	case PLX_PORT_GTPU:
		return plx_parse_gtpu(c, p);
	default:
		return PLX_ENTER_NONE;
	}
}

#endif
