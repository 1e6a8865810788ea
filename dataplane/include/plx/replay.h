/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replay: the packets of a capture file through the parser of the programs, as records. No kernel,
 * no privileges, no clock but the capture's. Where an interface has its ledger, a replay has one.
 * Not thread safe. Functions return 0 or a negative errno, and write one line that names the file.
 */
#ifndef PLX_REPLAY_H
#define PLX_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#include <plx/dataplane.h>

struct plx_replay;

/*
 * Open the pcap or pcapng file path, link type Ethernet. fragments: datagrams whose ports are
 * remembered; policy: which flow a packet in a tunnel is of. -EPROTONOSUPPORT for another link
 * type, -EBADMSG when it is no capture. On failure ret_err has one line. Close with
 * plx_replay__close().
 */
int plx_replay__open(const char *path, uint32_t fragments, enum plx_policy policy,
		     struct plx_replay **ret_replay, char *ret_err, size_t err_size);
void plx_replay__close(struct plx_replay *replay);

/*
 * Read one packet: 1, and the packet as a record; 0 at the end of the file; -EBADMSG when the file
 * is damaged or cut here, then ret_err has one line. A packet that is skipped gives a record with
 * times only, packets 0. Times are those of the capture, nanoseconds since 1970, in any order;
 * ifindex is 0, the direction is ingress. A frame counts with its length on the wire, even if the
 * capture has only its beginning.
 */
int plx_replay__next(struct plx_replay *replay, struct plx_flow_record *ret_rec, char *ret_err,
		     size_t err_size);

/* What was read so far. Nothing is ever held or lost: metered = delivered. */
const struct plx_if_ledger *plx_replay__ledger(const struct plx_replay *replay);

#endif
