/* SPDX-License-Identifier: BSD-2-Clause */
/* What releases of XenVif are known to leave behind is kept apart from what fails a run (busdriver/known_faults.h). */
#include "busdriver/known_faults.h"

#include <string.h>

#include "harness.h"

#define KEY(device)                                                                                                    \
    "open handle: \\Registry\\Machine\\System\\CurrentControlSet\\Enum\\XENVIF\\VEN_XP0002&DEV_NET&" device

static size_t taken(const char *line, const char **reason)
{
    static struct leaks known;
    struct leaks leaks = { 0 };
    size_t count;

    leaks_free(&known);
    leak_add(&leaks, "%s", "another line");
    leak_add(&leaks, "%s", line);
    known_faults_take("xenvif.sys", &leaks, &known);
    CHECK_EQ(leaks.count + known.count, 2);
    CHECK_STR(leaks.lines[0], "another line");
    count = known.count;
    *reason = count == 0 ? "" : known.lines[0];
    leaks_free(&leaks);
    return count;
}

TEST(a_known_fault_of_a_release_is_taken_out_with_its_reason)
{
    const char *reason;

    CHECK_EQ(taken(KEY("REV_0800000D\\0, opened by xenvif.sys+0x1234 PdoStart"), &reason), 1);
    CHECK(strstr(reason, "left behind by xenvif.sys: open handle: ") == reason);
    CHECK(strstr(reason, "XenVif 8.2 opens") != NULL);
}

TEST(the_same_of_another_release_another_driver_or_another_key_is_not)
{
    const char *reason;

    CHECK_EQ(taken(KEY("REV_09000004\\0, opened by xenvif.sys+0x1234 PdoStart"), &reason), 0);
    CHECK_EQ(taken(KEY("REV_0800000D\\0, opened by xennet.sys+0x1234 StoreOpen"), &reason), 0);
    CHECK_EQ(taken("open handle: \\Registry\\Machine\\System&REV_0800, opened by xenvif.sys+0x1", &reason), 0);
    CHECK_EQ(taken("MDL 'Mdl ' of 48 bytes, allocated by xenvif.sys+0x10", &reason), 0);
}
