/* SPDX-License-Identifier: BSD-2-Clause */
/* An adapter's life and its OIDs, with a fake miniport: what NDIS calls when, what it says when something fails. */
#include "ndis_fake.h"
#include "ndis/adapter/record.h"

#include <stdlib.h>

static void live_and_die(struct fake *fake)
{
    char error[400] = "";
    struct adapter_facts facts;

    CHECK(fake_add(fake, error, sizeof(error)) != NULL);
    CHECK_EQ(adapter_state(fake->adapter), ADAPTER_PAUSED);
    CHECK_EQ(adapter_pause(fake->adapter), (int32_t)NDIS_STATUS_INVALID_STATE);
    CHECK_EQ(adapter_restart(fake->adapter), NDIS_STATUS_SUCCESS);
    CHECK_EQ(adapter_state(fake->adapter), ADAPTER_RUNNING);
    CHECK_EQ(adapter_pause(fake->adapter), NDIS_STATUS_SUCCESS);
    CHECK_EQ(adapter_restart(fake->adapter), NDIS_STATUS_SUCCESS);
    adapter_facts(fake->adapter, &facts);
    CHECK_EQ(facts.mtu, 1500);
    CHECK(facts.link_up);
    CHECK_EQ(facts.ndis_minor, 20);
}
TEST(an_adapter_starts_pauses_restarts_and_halts)
{
    fake_run(SCHED_SIMULATED, "10-22h2", live_and_die);
    fake_run(SCHED_LIVE, "7", live_and_die);
}

static void finish_later(void *argument)
{
    struct fake *fake = argument;

    while (adapter_state(fake->adapter) != ADAPTER_PAUSING) {
        sched_point("wait for the pause");
    }
    NDIS(NdisMPauseComplete)(fake->handle);
}
static void pend(struct fake *fake)
{
    struct task *task;

    fake->pend_pause = true;
    fake_add_running(fake);
    task = task_spawn("finisher", 1, finish_later, fake);
    CHECK_EQ(adapter_pause(fake->adapter), NDIS_STATUS_SUCCESS);
    task_join(task);
    CHECK_EQ(adapter_state(fake->adapter), ADAPTER_PAUSED);
}
TEST(a_pending_pause_ends_with_its_completion)
{
    fake_run(SCHED_SIMULATED, "10-22h2", pend);
}

static void fail_to_start(struct fake *fake)
{
    char error[400] = "";

    fake->initialize_status = (int32_t)NDIS_STATUS_RESOURCES;
    CHECK(fake_add(fake, error, sizeof(error)) == NULL);
    CHECK_CONTAINS(error, "NDIS_STATUS_RESOURCES");
    CHECK_CONTAINS(error, "hardware failure");
    CHECK_CONTAINS(error, "0x7, 0x10");
}
TEST(a_failed_start_names_the_status_and_the_event_log)
{
    fake_run(SCHED_SIMULATED, "10-22h2", fail_to_start);
}

static void register_newer(struct fake *fake)
{
    fake->characteristics.MinorNdisVersion = 30;
    CHECK_EQ(fake_register(fake), (int32_t)NDIS_STATUS_BAD_VERSION);
    fake->characteristics.MinorNdisVersion = 25;
    CHECK_EQ(fake_register(fake), (int32_t)NDIS_STATUS_BAD_VERSION);
    fake->characteristics.MinorNdisVersion = 20;
    CHECK_EQ(fake_register(fake), NDIS_STATUS_SUCCESS);
}
TEST(a_version_the_simulated_windows_does_not_have_is_refused)
{
    fake_run(SCHED_SIMULATED, "7", register_newer);
}

static int32_t answer(struct fake *fake, struct NDIS_OID_REQUEST *request)
{
    (void)fake;
    CHECK_EQ(request->Header.Revision, 1);
    if (request->RequestType == NdisRequestMethod) {
        request->DATA.METHOD_INFORMATION.BytesRead = 4;
        request->DATA.METHOD_INFORMATION.BytesWritten = 2;
        return NDIS_STATUS_SUCCESS;
    }
    if (request->DATA.QUERY_INFORMATION.InformationBufferLength < 8) {
        request->DATA.QUERY_INFORMATION.BytesNeeded = 8;
        return (int32_t)NDIS_STATUS_BUFFER_TOO_SHORT;
    }
    memset(request->DATA.QUERY_INFORMATION.InformationBuffer, 0x11, 8);
    request->DATA.QUERY_INFORMATION.BytesWritten = 8;
    return NDIS_STATUS_SUCCESS;
}
static void ask(struct fake *fake)
{
    uint64_t value = 0;
    uint32_t written, needed;

    fake_add_running(fake);
    fake->on_oid = answer;
    CHECK_EQ(adapter_query(fake->adapter, OID_GEN_XMIT_OK, &value, 4, &written, &needed),
             (int32_t)NDIS_STATUS_BUFFER_TOO_SHORT);
    CHECK_EQ(needed, 8);
    CHECK_EQ(adapter_query(fake->adapter, OID_GEN_XMIT_OK, &value, 8, &written, &needed), NDIS_STATUS_SUCCESS);
    CHECK_EQ(written, 8);
    CHECK_EQ(value, 0x1111111111111111);
    CHECK_EQ(adapter_method(fake->adapter, 0x12345678, &value, 4, 8, &written, &needed), NDIS_STATUS_SUCCESS);
    CHECK_EQ(written, 2);
}
TEST(oids_carry_counts_and_bytes_both_ways)
{
    fake_run(SCHED_SIMULATED, "10-22h2", ask);
}

static uint32_t oids_inside;
static void complete_later(void *argument)
{
    struct fake *fake = argument;
    uint32_t done;

    for (done = 0; done < 4;) {
        struct NDIS_OID_REQUEST *request = __atomic_exchange_n(&fake->oid, NULL, __ATOMIC_ACQ_REL);

        if (request != NULL) {
            oids_inside--;
            NDIS(NdisMOidRequestComplete)(fake->handle, request, (int32_t)NDIS_STATUS_INVALID_DATA);
            done++;
        }
        sched_point("oid");
    }
}
static int32_t leave_pending(struct fake *fake, struct NDIS_OID_REQUEST *request)
{
    (void)fake;
    (void)request;
    CHECK_EQ(oids_inside, 0);
    oids_inside++;
    return NDIS_STATUS_PENDING;
}
static void set_twice(void *argument)
{
    struct fake *fake = argument;
    uint32_t value = 0, needed;

    CHECK_EQ(adapter_set(fake->adapter, OID_GEN_CURRENT_PACKET_FILTER, &value, 4, &needed),
             (int32_t)NDIS_STATUS_INVALID_DATA);
    CHECK_EQ(adapter_set(fake->adapter, OID_GEN_CURRENT_PACKET_FILTER, &value, 4, &needed),
             (int32_t)NDIS_STATUS_INVALID_DATA);
}
static void pend_oids(struct fake *fake)
{
    struct task *setters[2], *completer;

    fake_add_running(fake);
    oids_inside = 0;
    fake->on_oid = leave_pending;
    completer = task_spawn("completer", 2, complete_later, fake);
    setters[0] = task_spawn("setter", 0, set_twice, fake);
    setters[1] = task_spawn("setter", 1, set_twice, fake);
    task_join(setters[0]);
    task_join(setters[1]);
    task_join(completer);
}
TEST(oids_are_sent_one_at_a_time_and_may_pend)
{
    fake_run(SCHED_SIMULATED, "10-22h2", pend_oids);
}

static void indicate_link(struct fake *fake)
{
    struct NDIS_STATUS_INDICATION indication;
    struct NDIS_LINK_STATE link;
    struct adapter_facts facts;

    fake_add_running(fake);
    memset(&indication, 0, sizeof(indication));
    memset(&link, 0, sizeof(link));
    NDIS_HEADER(indication.Header, NDIS_OBJECT_TYPE_STATUS_INDICATION, 1, NDIS_SIZEOF_STATUS_INDICATION_REVISION_1);
    NDIS_HEADER(link.Header, NDIS_OBJECT_TYPE_DEFAULT, 1, NDIS_SIZEOF_LINK_STATE_REVISION_1);
    link.MediaConnectState = MediaConnectStateDisconnected;
    link.XmitLinkSpeed = 5000000000;
    indication.SourceHandle = fake->handle;
    indication.StatusCode = NDIS_STATUS_LINK_STATE;
    indication.StatusBuffer = &link;
    indication.StatusBufferSize = sizeof(link);
    NDIS(NdisMIndicateStatusEx)(fake->handle, &indication);
    adapter_facts(fake->adapter, &facts);
    CHECK(!facts.link_up);
    CHECK_EQ(facts.link_changes, 1);
    CHECK_EQ(facts.link_speed_tx, 5000000000);
}
TEST(link_indications_become_facts)
{
    fake_run(SCHED_SIMULATED, "10-22h2", indicate_link);
}

static void surprise(struct fake *fake)
{
    fake_add_running(fake);
    adapter_surprise_remove(fake->adapter);
    CHECK_EQ(fake->halted, 1);
    CHECK_EQ(adapter_state(fake->adapter), ADAPTER_HALTED);
}
TEST(surprise_removal_pauses_and_halts_once)
{
    fake_run(SCHED_SIMULATED, "10-22h2", surprise);
}

static void sleep_and_wake(struct fake *fake)
{
    fake_add_running(fake);
    CHECK_EQ(adapter_set_power(fake->adapter, NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
    CHECK_EQ(adapter_state(fake->adapter), ADAPTER_PAUSED);
    CHECK_EQ(adapter_set_power(fake->adapter, NdisDeviceStateD0), NDIS_STATUS_SUCCESS);
    CHECK_EQ(adapter_state(fake->adapter), ADAPTER_RUNNING);
}
TEST(low_power_pauses_and_waking_restarts)
{
    fake_run(SCHED_SIMULATED, "10-22h2", sleep_and_wake);
}

enum { OWN_OID = 0xff584e01, OTHER_OID = 0xff123456 };

/* One record of OID_GEN_SUPPORTED_GUIDS: a GUID, the OID, its size, flags. */
static int32_t answer_guids(struct fake *fake, struct NDIS_OID_REQUEST *request)
{
    uint32_t record[7] = { 1, 2, 3, 4, OWN_OID, (uint32_t)-1, 0 };

    (void)fake;
    if (request->RequestType != NdisRequestQueryInformation ||
        request->DATA.QUERY_INFORMATION.Oid != OID_GEN_SUPPORTED_GUIDS) {
        return NDIS_STATUS_SUCCESS;
    }
    memcpy(request->DATA.QUERY_INFORMATION.InformationBuffer, record, sizeof(record));
    request->DATA.QUERY_INFORMATION.BytesWritten = sizeof(record);
    return NDIS_STATUS_SUCCESS;
}

static void own_oids(struct fake *fake)
{
    fake_add_running(fake);
    CHECK(!adapter_has_own_oid(fake->adapter, OWN_OID));
    fake->on_oid = answer_guids;
    CHECK(adapter_has_own_oid(fake->adapter, OWN_OID));
    CHECK(!adapter_has_own_oid(fake->adapter, OTHER_OID));
    CHECK_EQ(fake->oids, 3); /* that list was asked for, and no OID of the driver's own */
    fake->on_oid = NULL;
}
TEST(a_drivers_own_oids_are_those_that_it_names)
{
    fake_run(SCHED_SIMULATED, "10-22h2", own_oids);
}
