/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules about NBLs, NBs and their pools, tripped: a driver that breaks one must be stopped by that rule's name. */
#include "ndis_fake.h"
#include "ndis/adapter/record.h"
#include "ndis/nbl/nbl.h"

enum { SECOND = 1000000000 };

static void MS_ABI keep_returned(void *context, void *chain, uint32_t flags)
{
    (void)context;
    (void)chain;
    (void)flags;
}

TRIPS("ndis-send-complete", a_send_completed_twice_is_caught)
{
    struct NET_BUFFER_LIST *nbl;

    fake->hold_sends = true;
    fake_add_running(fake);
    fake_send_one(fake_open_edge(fake));
    nbl = fake->sends;
    NDIS(NdisMSendNetBufferListsComplete)(fake->handle, nbl, 0);
    NDIS(NdisMSendNetBufferListsComplete)(fake->handle, nbl, 0);
}
TRIPS("ndis-send-complete", completing_ones_own_nbl_is_caught)
{
    fake_add_running(fake);
    NDIS(NdisMSendNetBufferListsComplete)(fake->handle, fake_received(fake), 0);
}
TRIPS("ndis-nbl", an_nbl_indicated_twice_is_caught)
{
    struct NET_BUFFER_LIST *nbl;

    fake->characteristics.ReturnNetBufferListsHandler = (void *)keep_returned;
    fake_add_running(fake);
    nbl = fake_received(fake);
    fake_keep_one(fake, nbl);
    fake_indicate(fake, nbl, 0);
}
TRIPS("ndis-nbl", freeing_an_nbl_twice_is_caught)
{
    struct NET_BUFFER_LIST *nbl;

    fake_add_running(fake);
    nbl = fake_received(fake);
    NDIS(NdisFreeNetBufferList)(nbl);
    NDIS(NdisFreeNetBufferList)(nbl);
}
TRIPS("ndis-nbl", a_wrong_source_handle_is_caught)
{
    struct NET_BUFFER_LIST *nbl;

    fake_add_running(fake);
    nbl = fake_received(fake);
    nbl->SourceHandle = NULL;
    fake_indicate(fake, nbl, 0);
}
TRIPS("ndis-nbl", a_wrong_count_is_caught)
{
    fake_add_running(fake);
    NDIS(NdisMIndicateReceiveNetBufferLists)(fake->handle, fake_received(fake), 0, 2, 0);
}
TRIPS("ndis-nbl-flags", flags_of_ndis_changed_are_caught)
{
    struct NET_BUFFER_LIST *nbl;

    fake_add_running(fake);
    nbl = fake_received(fake);
    nbl->Flags = 0;
    fake_indicate(fake, nbl, 0);
}
/* The NBL is the driver's again, and goes up once more with what the protocol left in it. */
TRIPS("ndis-slot", a_slot_that_somebody_above_has_written_is_caught)
{
    struct NET_BUFFER_LIST *nbl;

    fake_add_running(fake);
    nbl = fake_received(fake);
    fake_indicate(fake, nbl, NDIS_RECEIVE_FLAGS_RESOURCES);
    nbl->NetBufferListInfo[TcpIpChecksumNetBufferListInfo] = NULL;
    fake_indicate(fake, nbl, NDIS_RECEIVE_FLAGS_RESOURCES);
}
static void write_behind(struct fake *fake)
{
    struct NET_BUFFER_LIST *nbl;

    fake_add_running(fake);
    nbl = fake_received(fake);
    nbl->NetBufferListInfo[TcpRecvSegCoalesceInfo] = NULL;
    fake_indicate(fake, nbl, 0);
}
static void on_windows_7(void *argument)
{
    (void)argument;
    fake_run(SCHED_SIMULATED, "7", write_behind);
}
TEST(a_slot_that_windows_7_does_not_have_written_is_caught)
{
    EXPECT_RULE("ndis-slot", on_windows_7, NULL);
}
TRIPS("ndis-rsc", coalesced_packets_after_the_switch_are_caught)
{
    struct NDIS_OFFLOAD_PARAMETERS parameters;
    struct NET_BUFFER_LIST *nbl;
    uint32_t needed;

    fake_add_running(fake);
    memset(&parameters, 0, sizeof(parameters));
    NDIS_HEADER(parameters.Header, NDIS_OBJECT_TYPE_DEFAULT, 3, NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_3);
    parameters.RscIPv4 = NDIS_OFFLOAD_PARAMETERS_RSC_DISABLED;
    (void)adapter_set(fake->adapter, OID_TCP_OFFLOAD_PARAMETERS, &parameters, sizeof(parameters), &needed);
    fake_bytes[12] = 0x08;
    nbl = fake_received(fake);
    nbl->NetBufferListInfo[TcpRecvSegCoalesceInfo] = (void *)(uintptr_t)2; /* segments */
    fake_indicate(fake, nbl, 0);
}
TRIPS("ndis-nb", more_bytes_than_the_mdls_have_are_caught)
{
    struct NET_BUFFER_LIST *nbl;

    fake_add_running(fake);
    nbl = fake_received(fake);
    nbl->FirstNetBuffer->DataLength = FAKE_BYTES + 1;
    fake_indicate(fake, nbl, 0);
}
TRIPS("ndis-nb", a_current_mdl_that_disagrees_is_caught)
{
    struct NET_BUFFER_LIST *nbl;

    fake_add_running(fake);
    nbl = fake_received(fake);
    nbl->FirstNetBuffer->CurrentMdlOffset = 3;
    fake_indicate(fake, nbl, 0);
}
TRIPS("ndis-flags", a_false_dispatch_flag_is_caught)
{
    fake_add_running(fake);
    fake_indicate(fake, fake_received(fake), NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL);
}
TRIPS("ndis-pool", a_context_that_is_not_aligned_is_caught)
{
    fake_add_running(fake);
    (void)NDIS(NdisAllocateNetBufferAndNetBufferList)(fake->pool, 4, 0, NULL, 0, 0);
}
TRIPS("ndis-pool", room_before_a_context_that_is_not_aligned_is_caught)
{
    fake_add_running(fake);
    (void)NDIS(NdisAllocateNetBufferAndNetBufferList)(fake->pool, 0, 1, NULL, 0, 0);
}
TRIPS("ndis-pool", a_length_without_mdls_is_caught)
{
    fake_add_running(fake);
    (void)NDIS(NdisAllocateNetBufferAndNetBufferList)(fake->pool, 0, 0, NULL, 0, 1);
}
TRIPS("ndis-pool", an_offset_without_mdls_is_caught)
{
    fake_add_running(fake);
    (void)NDIS(NdisAllocateNetBufferAndNetBufferList)(fake->pool, 0, 0, NULL, 1, 0);
}
TRIPS("ndis-pool", a_pool_freed_with_nbls_out_is_caught)
{
    fake_add_running(fake);
    (void)fake_received(fake);
    NDIS(NdisFreeNetBufferListPool)(fake->pool);
}

/* Nothing has been with the protocol for two seconds, and yet the driver finds no NBL of its own. */
TRIPS("ndis-scarcity", packets_that_must_come_back_at_once_at_rest_are_caught)
{
    fake_add_running(fake);
    fake_indicate(fake, fake_received(fake), NDIS_RECEIVE_FLAGS_RESOURCES); /* NBLs may have to be made first */
    sched_sleep(2ull * SECOND);
    fake_indicate(fake, fake_received(fake), NDIS_RECEIVE_FLAGS_RESOURCES);
}
