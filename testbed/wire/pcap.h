/* SPDX-License-Identifier: BSD-2-Clause */
/* A pcapng capture with one interface per edge, written from several tasks; lengths and checksums as the frame has them
 * there. */
#ifndef TESTBED_WIRE_PCAP_H
#define TESTBED_WIRE_PCAP_H

#include "wire/frame.h"

enum pcap_edge { PCAP_GUEST, PCAP_WIRE };                      /* interfaces "guest" and "wire" */
enum pcap_direction { PCAP_TOWARDS_DRIVER, PCAP_FROM_DRIVER }; /* epb_flags inbound / outbound as seen by the driver */

struct pcap;
struct pcap *pcap_create(const char *path, char *error, size_t size);
/* At most `snap` bytes of each frame are kept, and no frame that would make the file longer than `bytes`. Before the
 * first frame; 0: no limit. */
void pcap_limit(struct pcap *pcap, uint32_t snap, uint64_t bytes);
/* Before the first frame: nothing is written but the newest 1 to 2 MB, and that by pcap_write_kept or pcap_close. */
bool pcap_keep_newest(struct pcap *pcap);
void pcap_write_kept(struct pcap *pcap);         /* from a program that ends at once: takes no lock */
uint64_t pcap_left_out(const struct pcap *pcap); /* frames beyond the limit, so far */
/* An opt_comment has the frame's offload data ("gso tcpv4 mss 1448, checksum partial"). A NULL pcap is allowed:
 * nothing. */
void pcap_write(struct pcap *pcap, enum pcap_edge edge, enum pcap_direction direction, const struct frame *frame);
void pcap_write_pieces(struct pcap *pcap, enum pcap_edge edge, enum pcap_direction direction,
                       const struct pieces *pieces);
int pcap_close(struct pcap *pcap); /* 0 or -errno of the first failed write */

#endif
