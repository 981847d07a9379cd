/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A frame lives as long as the stack pointer is not above the place of its return address. A call within the driver,
 * and a callback from outside, begin one; paths are nodes of a tree, by the place of the call (0: from outside).
 */
#include "step_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

enum { MAX_NODES = 1024, MAX_DEPTH = 64, MAX_COUNTS = 1 << 16, NO_CALL = UINT32_MAX };

static struct {
    uint32_t parent, call;
} nodes[MAX_NODES];
static struct {
    uint64_t rsp;
    uint32_t node;
} frames[MAX_DEPTH];
static struct {
    uint32_t node, offset, count;
} counted[MAX_COUNTS];
static uint32_t node_count, depth, pending = NO_CALL;
static uint64_t last_rsp;

void step_path_start(void)
{
    node_count = 1; /* the root */
    depth = 0;
    pending = NO_CALL;
    last_rsp = 0;
    memset(counted, 0, sizeof(counted));
}

static uint32_t child(uint32_t parent, uint32_t call)
{
    for (uint32_t i = 1; i < node_count; i++) {
        if (nodes[i].parent == parent && nodes[i].call == call) {
            return i;
        }
    }
    if (node_count == MAX_NODES) {
        abort();
    }
    nodes[node_count].parent = parent;
    nodes[node_count].call = call;
    return node_count++;
}

static void push(uint64_t rsp, uint32_t call)
{
    uint32_t parent = depth != 0 ? frames[depth - 1].node : 0;

    if (depth == MAX_DEPTH) {
        abort();
    }
    frames[depth].rsp = rsp;
    frames[depth++].node = child(parent, call);
}

/* call rel32, or call r/m64 with or without a REX prefix. */
static int is_call(const uint8_t *code)
{
    code += (*code & 0xf0) == 0x40;
    return code[0] == 0xe8 || (code[0] == 0xff && (code[1] >> 3 & 7) == 2);
}

static void count(uint32_t node, uint32_t offset)
{
    uint32_t at = (node * 2654435761u ^ offset * 40503u) % MAX_COUNTS, tries;

    for (tries = 0; counted[at].count != 0 && (counted[at].node != node || counted[at].offset != offset); tries++) {
        if (tries == MAX_COUNTS) {
            abort();
        }
        at = (at + 1) % MAX_COUNTS;
    }
    counted[at].node = node;
    counted[at].offset = offset;
    counted[at].count++;
}

void step_path_step(uint64_t rsp, uint32_t offset, const uint8_t *code, int entered)
{
    while (depth != 0 && rsp > frames[depth - 1].rsp) {
        depth--;
    }
    if (pending != NO_CALL && !entered && rsp == last_rsp - 8) {
        push(rsp, pending); /* a call that stayed within the driver */
    } else if (entered && (depth == 0 || (pending != NO_CALL && rsp < last_rsp - 8))) {
        push(rsp, 0); /* called from outside: at the beginning, or while a call of the driver's is under way */
    } else if (depth == 0) {
        push(rsp, 0);
    }
    pending = is_call(code) ? offset : NO_CALL;
    last_rsp = rsp;
    count(frames[depth - 1].node, offset);
}

static void write_path(FILE *file, uint32_t node)
{
    if (nodes[node].parent != 0) {
        write_path(file, nodes[node].parent);
        fputc(',', file);
    }
    fprintf(file, "%#x", nodes[node].call);
}

void step_path_write(const char *title)
{
    const char *path = getenv("XENNET_PATHS");
    FILE *file = path != NULL ? fopen(path, "a") : NULL;

    if (path == NULL) {
        return;
    }
    CHECK(file != NULL);
    fprintf(file, "# %s\n", title);
    for (uint32_t i = 0; i < MAX_COUNTS; i++) {
        if (counted[i].count != 0) {
            write_path(file, counted[i].node);
            fprintf(file, " %#x %u\n", counted[i].offset, counted[i].count);
        }
    }
    CHECK_EQ(fclose(file), 0);
}
