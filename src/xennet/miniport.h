/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The handlers that NDIS calls for an adapter, but for OID requests (oid.h).
 */
#ifndef XENNET_MINIPORT_H
#define XENNET_MINIPORT_H

#include <ndis.h>

MINIPORT_INITIALIZE MiniportInitialize;
MINIPORT_HALT MiniportHalt;
MINIPORT_PAUSE MiniportPause;
MINIPORT_RESTART MiniportRestart;
MINIPORT_SEND_NET_BUFFER_LISTS MiniportSend;
MINIPORT_RETURN_NET_BUFFER_LISTS MiniportReturn;
MINIPORT_CANCEL_SEND MiniportCancelSend;
MINIPORT_CHECK_FOR_HANG MiniportCheckForHang;
MINIPORT_RESET MiniportReset;
MINIPORT_DEVICE_PNP_EVENT_NOTIFY MiniportPnpEvent;
MINIPORT_SHUTDOWN MiniportShutdown;

#endif
