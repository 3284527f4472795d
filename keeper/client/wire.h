/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets between a client and lazy-wpd: protobuf bytes and at most one descriptor over a
 * SOCK_SEQPACKET socket. Both sides treat what they receive as hostile: a packet is at most
 * KEEPER_PACKET_MAX bytes, surplus descriptors are closed.
 */
#ifndef LAZY_WP_KEEPER_CLIENT_WIRE_H
#define LAZY_WP_KEEPER_CLIENT_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define KEEPER_PROTOCOL_VERSION 1
#define KEEPER_PACKET_MAX       65536
#define KEEPER_TEXT_MAX         128 /* longest string in a message, with its end */
#define KEEPER_TASKS_PER_REPLY  200
#define KEEPER_TASKS_MAX        100000
#define KEEPER_ERRNO_MAX        4095 /* as the kernel's */
#define KEEPER_SESSION_BYTES    16

/* Sends one packet with fd (-1: none). 0, or -errno of sendmsg(2); never SIGPIPE. */
int keeper_wire_send(int socket, const void *bytes, size_t len, int fd);

/*
 * Receives one packet into buffer (KEEPER_PACKET_MAX bytes). Result: its length, 0 at the end of
 * the connection, -EMSGSIZE: too large, -errno of recvmsg(2). *ret_fd: a descriptor (O_CLOEXEC),
 * which the caller owns, or -1.
 */
ssize_t keeper_wire_receive(int socket, uint8_t *buffer, int *ret_fd);

#endif
