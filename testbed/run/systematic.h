/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every schedule of a piece of a simulated run, up to a number of preemptions: switches away from a task that could go
 * on. Which task goes on when one sleeps or ends, and which sleeper is woken, is free; everything is tried. (Context
 * bounds: Musuvathi, Qadeer, "Iterative context bounding for systematic testing", PLDI 2007.)
 *
 * A state that was reached before with no fewer preemptions left is not followed again: what happens from it on was
 * seen. The state is the whole process (snapshot.h), so two steps that do not touch the same things lead to the same
 * one in either order, and only one order is followed further.
 *
 *   struct systematic *systematic = systematic_create(preemptions);     before the run, in whichever process
 *   systematic_begin(systematic);        in the run's main task: comes back once for each schedule
 *     ... what is explored ...
 *   systematic_pause(systematic);        the rest of this schedule runs by the seed
 *     ... checks ...
 *   systematic_end(systematic);          comes back when there is no other schedule
 */
#ifndef TESTBED_RUN_SYSTEMATIC_H
#define TESTBED_RUN_SYSTEMATIC_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct systematic_counts {
    uint64_t schedules; /* followed to their end */
    uint64_t met;       /* that came to a state seen before */
    uint64_t states;    /* that were followed, each with its number of preemptions left */
    uint64_t choices;   /* the most in one schedule */
    uint64_t pages;     /* of memory that were written */
    bool complete;
};

struct systematic; /* shared by the processes that come from the one that made it */
struct systematic *systematic_create(uint32_t preemptions);
void systematic_destroy(struct systematic *systematic);
/* One schedule instead of all: pairs "CHOICE:TASK", as systematic_write has them. False: no such pairs. */
bool systematic_script(struct systematic *systematic, const char *text);
/* Where nobody could go on, another task than the first one counts as a preemption, too. That bounds delays (Emmi,
 * Qadeer, Rakamaric, "Delay-bounded scheduling", POPL 2011): far fewer schedules, for scenes with many tasks. */
void systematic_count_all(struct systematic *systematic);
/* At most so many schedules; then `complete` stays false. */
void systematic_limit(struct systematic *systematic, uint64_t schedules);

void systematic_begin(struct systematic *systematic);
void systematic_pause(struct systematic *systematic);
void systematic_end(struct systematic *systematic);

struct systematic_counts systematic_counts(const struct systematic *systematic);
/* The schedule that is run or was run last, as a script: what differs from going on, and from the lowest number. */
void systematic_write(const struct systematic *systematic, FILE *file);

#endif
