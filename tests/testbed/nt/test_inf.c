/* SPDX-License-Identifier: BSD-2-Clause */
/* INF files: what is read, which model a device gets, and how bad files are refused. */
#include "nt/install/inf.h"

#include "inf_sample.h"
#include "nt/export/version.h"

#define REV5 "XENVIF\\VEN_XP0001&DEV_NET&REV_09000005"
#define REV4 "XENVIF\\VEN_XP0001&DEV_NET&REV_09000004"

static const char *const newest[] = { REV5, NULL };
static const char *const older[] = { REV4, NULL };
static const char *const foreign[] = { "XENVIF\\VEN_XS0001&DEV_NET&REV_09000005", NULL };

static struct inf *open_changed(const char *from, const char *to, char *error, size_t size)
{
    char path[TEST_MAX_PATH];
    struct inf *inf = inf_open(inf_write(path, from, to), error, size);

    unlink(path);
    return inf;
}

static struct inf *open_sample(void)
{
    char error[300] = "";
    struct inf *inf = open_changed(NULL, NULL, error, sizeof(error));

    CHECK_STR(error, "");
    CHECK(inf != NULL);
    return inf;
}

TEST(comments_quotes_and_continuation_lines_are_read)
{
    struct inf *inf = open_sample();
    struct inf_section *models = inf_section(inf, "INST.ntamd64");

    CHECK_EQ(models->count, 2);
    CHECK_EQ(models->lines[0].count, 3);
    CHECK_STR(models->lines[0].fields[1], REV5);
    CHECK_STR(models->lines[0].fields[2], "XENVIF\\VEN_XP0002&DEV_NET&REV_09000005");
    CHECK_STR(models->lines[1].key, "Second; \"quoted\"");
    CHECK_EQ(models->lines[1].number, 14);
    CHECK_STR(inf_field(inf_find(inf, "Net_Inst", "Characteristics"), 0), "0x84");
    CHECK_STR(inf_field(inf_find(inf, "Version", "Class"), 0), "Net");
    CHECK_STR(inf_section(inf, "More")->lines[7].fields[3], "");
    inf_close(inf);
}

TEST(strings_come_from_the_english_section_first_and_percent_signs_stay)
{
    struct inf *inf = open_sample();

    CHECK_STR(inf_section(inf, "Inst.NTamd64")->lines[0].key, "English Name");
    CHECK_STR(inf_field(inf_find(inf, "Version", "Provider"), 0), "Some Vendor");
    CHECK_STR(inf_section(inf, "More")->lines[3].fields[4], "%SystemRoot%\\x");
    CHECK_STR(inf_field(inf_find(inf, "Service", "ServiceBinary"), 0), "%12%\\test.sys");
    inf_close(inf);
}

static struct inf *open_encoded(const char *mark, bool wide, bool big)
{
    char path[TEST_MAX_PATH], error[300] = "";
    FILE *file = fdopen(mkstemps(test_temporary(path, "XXXXXX.inf"), 4), "wb");
    struct inf *inf;

    fputs(mark, file);
    for (const char *c = inf_sample; *c != 0; c++) {
        if (wide && big) {
            fputc(0, file);
        }
        fputc(*c, file);
        if (wide && !big) {
            fputc(0, file);
        }
    }
    fclose(file);
    inf = inf_open(path, error, sizeof(error));
    unlink(path);
    CHECK_STR(error, "");
    return inf;
}

TEST(utf8_and_utf16_with_byte_order_marks_are_read)
{
    static const struct {
        const char *mark;
        bool wide, big;
    } kinds[] = { { "\xef\xbb\xbf", false, false }, { "\xff\xfe", true, false }, { "\xfe\xff", true, true } };

    for (int i = 0; i < 3; i++) {
        struct inf *inf = open_encoded(kinds[i].mark, kinds[i].wide, kinds[i].big);

        CHECK_STR(inf_field(inf_find(inf, "Version", "Provider"), 0), "Some Vendor");
        inf_close(inf);
    }
}

static struct inf_model select_model(struct inf *inf, const char *const *hardware, const char *const *compatible)
{
    struct inf_model model;
    char error[900] = "";

    CHECK(inf_select(inf, hardware, compatible, &model, error, sizeof(error)));
    return model;
}

TEST(the_newest_decoration_that_windows_has_reached_is_taken)
{
    struct inf *inf = open_sample();

    windows_simulate(windows_version_find("10-22h2"));
    CHECK_STR(select_model(inf, newest, NULL).section, "Net_Inst");
    windows_simulate(windows_version_find("11-24h2"));
    CHECK_STR(select_model(inf, newest, NULL).section, "Net_New");
    windows_simulate(windows_version_find("7"));
    CHECK_STR(select_model(inf, newest, NULL).section, "Net_Inst");
    inf_close(inf);
}

TEST(hardware_ids_come_before_compatible_ids_and_earlier_ids_before_later_ones)
{
    static const char *const compatible[] = { REV5, NULL };
    static const char *const both[] = { "nothing", REV4, REV5, NULL };
    struct inf *inf = open_sample();
    struct inf_model model = select_model(inf, older, compatible);

    CHECK_STR(model.matched_id, REV4);
    CHECK_EQ(model.rank, 0);
    model = select_model(inf, foreign, compatible);
    CHECK_STR(model.matched_id, REV5);
    CHECK_EQ(model.rank, 0x2000);
    model = select_model(inf, both, NULL);
    CHECK_STR(model.matched_id, REV4);
    CHECK_EQ(model.rank, 1);
    inf_close(inf);
}

TEST(a_device_without_a_model_is_refused_with_the_models_there_are)
{
    struct inf *inf = open_sample();
    struct inf_model model;
    char error[900] = "";

    CHECK(!inf_select(inf, foreign, NULL, &model, error, sizeof(error)));
    CHECK_CONTAINS(error, "no model for XENVIF\\VEN_XS0001&DEV_NET&REV_09000005");
    CHECK_CONTAINS(error, REV4);
    inf_close(inf);
}

static void expect_selection_error(const char *from, const char *to, const char *part)
{
    char error[900] = "";
    struct inf *inf = open_changed(from, to, error, sizeof(error));
    struct inf_model model;

    CHECK(inf != NULL);
    CHECK(!inf_select(inf, newest, NULL, &model, error, sizeof(error)));
    CHECK_CONTAINS(error, part);
    inf_close(inf);
}

TEST(decorations_for_other_machines_and_newer_windows_do_not_count)
{
    expect_selection_error("Inst,NTamd64,NTamd64.10.0...20000", "Inst,NTx86,NTarm64,NT", "no models for x64");
    expect_selection_error("Inst,NTamd64,NTamd64.10.0...20000", "Inst", "no models for x64");
    expect_selection_error("Inst,NTamd64,NTamd64.10.0...20000", "Inst,NTamd64.11.0", "NTamd64.11.0");
    expect_selection_error("[Net_Inst]", "[Other_Inst]", "[Net_Inst], which is not there");
}

static void expect_open_error(const char *from, const char *to, const char *part)
{
    char error[300] = "";

    CHECK(open_changed(from, to, error, sizeof(error)) == NULL);
    CHECK_CONTAINS(error, part);
}

TEST(a_broken_inf_is_refused_with_its_line)
{
    expect_open_error("\"$Windows NT$\"", "\"$Windows NT$", "line 3: a quote is not closed");
    expect_open_error("\"$Windows NT$\"", "\"something\"", "no Signature");
    expect_open_error("[Version]", "[Version", "line 2: the section's name has no closing bracket");
    expect_open_error("[Version]", "Version", "line 2: text before the first section");
    expect_open_error("%Speed%", "%Spede%", "%Spede% is not in [Strings]");
}

TEST(a_missing_an_empty_and_a_foreign_file_are_named)
{
    char error[300] = "", path[TEST_MAX_PATH];

    CHECK(inf_open("/nowhere/x.inf", error, sizeof(error)) == NULL);
    CHECK_CONTAINS(error, "/nowhere/x.inf: No such file or directory");
    CHECK(inf_open("/tmp", error, sizeof(error)) == NULL);
    CHECK_CONTAINS(error, "not a file");
    close(mkstemps(test_temporary(path, "XXXXXX.inf"), 4));
    CHECK(inf_open(path, error, sizeof(error)) == NULL);
    CHECK_CONTAINS(error, "empty");
    unlink(path);
    CHECK(inf_open("/bin/true", error, sizeof(error)) == NULL);
    CHECK_CONTAINS(error, "true: ");
}

TEST(numbers_are_decimal_or_hexadecimal)
{
    uint32_t value;

    CHECK(inf_number("0x00010003", &value));
    CHECK_EQ(value, 0x10003);
    CHECK(inf_number("12", &value));
    CHECK_EQ(value, 12);
    CHECK(!inf_number("", &value));
    CHECK(!inf_number("12x", &value));
    CHECK(!inf_number("4294967296", &value));
}
