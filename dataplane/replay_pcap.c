/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See <plx/replay.h>. A packet of a capture goes the way of account.h: parsed, its fragment
 * attributed, completed to a sample, entered into the ledger; all but the tables is the code of the
 * programs, <plx/parse.h> and <plx/sample.h>.
 */
#include <plx/replay.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

#include <plx/sample.h>

#include "frag_table.h"

#define SECOND 1000000000LL

struct plx_replay {
	char *path;
	pcap_t *pcap;
	struct plx_frag_table *frags;
	enum plx_policy policy;
	struct plx_if_ledger ledger;
	struct plx_packet packet;
};

static int check_link_type(struct plx_replay *replay, char *ret_err, size_t err_size)
{
	int type = pcap_datalink(replay->pcap);
	const char *name = pcap_datalink_val_to_name(type);
	const char *what = pcap_datalink_val_to_description(type);

	if (type == DLT_EN10MB)
		return 0;
	if (name)
		snprintf(ret_err, err_size, "%s: link type %s (%s), not Ethernet", replay->path,
			 name, what ? what : "?");
	else
		snprintf(ret_err, err_size, "%s: link type %d, not Ethernet", replay->path, type);
	return -EPROTONOSUPPORT;
}

static int open_capture(struct plx_replay *replay, char *ret_err, size_t err_size)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	FILE *file = fopen(replay->path, "rbe");

	if (!file) {
		int err = -errno;

		snprintf(ret_err, err_size, "%s: %s", replay->path, strerror(-err));
		return err;
	}
	replay->pcap =
		pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!replay->pcap) {
		fclose(file);
		snprintf(ret_err, err_size, "%s: not a capture: %s", replay->path, why);
		return -EBADMSG;
	}
	return check_link_type(replay, ret_err, err_size);
}

int plx_replay__open(const char *path, uint32_t fragments, enum plx_policy policy,
		     struct plx_replay **ret_replay, char *ret_err, size_t err_size)
{
	struct plx_replay *replay = calloc(1, sizeof(*replay));
	int err;

	snprintf(ret_err, err_size, "%s: out of memory", path);
	err = -ENOMEM;
	if (!replay)
		goto out;
	replay->policy = policy;
	replay->path = strdup(path);
	replay->frags = plx_frag_table_new(fragments);
	if (!replay->path || !replay->frags)
		goto out;
	err = open_capture(replay, ret_err, err_size);
	if (err)
		goto out;
	*ret_replay = replay;
	replay = NULL;
	err = 0;
out:
	plx_replay__close(replay);
	return err;
}

void plx_replay__close(struct plx_replay *replay)
{
	if (!replay)
		return;
	if (replay->pcap)
		pcap_close(replay->pcap);
	plx_frag_table_free(replay->frags);
	free(replay->path);
	free(replay);
}

/* Nanoseconds since 1970, at most INT64_MAX whatever a damaged header says. */
static uint64_t time_of(const struct pcap_pkthdr *header)
{
	int64_t sec = header->ts.tv_sec, ns = header->ts.tv_usec; /* opened for nanoseconds */

	/* The classic format has 32 bits without a sign; libpcap reads them with one. */
	if (sec < 0 && sec >= INT32_MIN)
		sec = (uint32_t)sec;
	if (sec < 0)
		sec = 0;
	if (sec >= INT64_MAX / SECOND)
		sec = INT64_MAX / SECOND - 1;
	if (ns < 0 || ns >= SECOND)
		ns = 0;
	return sec * SECOND + ns;
}

static const struct plx_frag_flow *find_fragment(void *table, const struct plx_frag_key *key)
{
	return plx_frag_table_find(table, key);
}

static void put_fragment(void *table, const struct plx_frag_key *key,
			 const struct plx_frag_flow *flow)
{
	plx_frag_table_put(table, key, flow);
}

int plx_replay__next(struct plx_replay *replay, struct plx_flow_record *ret_rec, char *ret_err,
		     size_t err_size)
{
	struct plx_parse_in in = {.policy = replay->policy};
	struct plx_packet *p = &replay->packet;
	struct plx_if_ledger *ledger = &replay->ledger;
	struct pcap_pkthdr *header;
	struct plx_wire wire;
	const u_char *data;
	enum plx_skip skip;
	bool attributed;

	switch (pcap_next_ex(replay->pcap, &header, &data)) {
	case 1:
		break;
	case PCAP_ERROR_BREAK: /* the end */
		return 0;
	default:
		snprintf(ret_err, err_size, "%s: behind packet %llu: %s", replay->path,
			 ledger->seen.packets, pcap_geterr(replay->pcap));
		return -EBADMSG;
	}
	memset(ret_rec, 0, sizeof(*ret_rec));
	ret_rec->stats.first_ns = ret_rec->stats.last_ns = time_of(header);
	in.length = header->len;
	skip = plx_parse(data, data + header->caplen, &in, p);
	plx_wire_frame(&wire, header->len, skip == PLX_PARSE_OK ? p->ip_octets : 0);
	plx_wire_count(&ledger->seen, &wire);
	if (skip != PLX_PARSE_OK) {
		plx_wire_count(&ledger->skipped[skip], &wire);
		return 1;
	}
	attributed = !plx_needs_fragments(p) ||
		     plx_fragment_flow(p, replay->frags, find_fragment, put_fragment);
	plx_sample_fill(p, &wire, 0, PLX_DIR_IN, replay->policy, attributed,
			ret_rec->stats.first_ns);
	plx_wire_count(&ledger->metered, &wire);
	plx_wire_count(&ledger->delivered, &wire);
	plx_limits_count(ledger->limited, p, &wire);
	ret_rec->key = p->sample.key;
	if (p->sample.key.flags & PLX_KEY_TUNNEL)
		ret_rec->tunnel = p->sample.tunnel;
	ret_rec->stats = p->sample.stats;
	return 1;
}

const struct plx_if_ledger *plx_replay__ledger(const struct plx_replay *replay)
{
	return &replay->ledger;
}
