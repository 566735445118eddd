/* What is wrong is said, once, worst first; what is well is silent. */
#include "proxy/faults.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct worker_state workers[2];
static struct store_state stores[2];
static struct history history;
static struct snapshot s;
static char said[1024];

static void all_well(void)
{
        said[0] = '\0';
        for (int i = 0; i < 2; i++) {
                workers[i] = (struct worker_state){.moving = true};
                stores[i] = (struct store_state){.name = i ? "games" : "main", .path = "/", .open = true};
        }
        s = (struct snapshot){.gate = GATE_OPEN,
                              .workers = workers,
                              .worker_count = 2,
                              .stores = stores,
                              .store_count = 2,
                              .history = &history,
                              .spoof_client = true};
}

TestSuite(faults, .init = all_well);

static void note(void *context, enum fault_level level, const char *text)
{
        size_t len = strlen(said);

        cr_expect_eq(context, &s);
        snprintf(said + len, sizeof said - len, "%s%s\n", level == LEVEL_ERROR ? "E " : "W ", text);
}

#define EXPECT(level, text)                                                                                            \
        do {                                                                                                           \
                said[0] = '\0';                                                                                        \
                cr_expect_eq(faults_find(&s, note, &s), level);                                                        \
                cr_expect_str_eq(said, text);                                                                          \
        } while (0)

Test(faults, none)
{
        EXPECT(LEVEL_OK, "");
        s.gate = GATE_MANUAL;
        EXPECT(LEVEL_OK, "");
        s.gate = GATE_UNKNOWN;
        EXPECT(LEVEL_OK, "");
}

Test(faults, a_worker_that_stands_still)
{
        workers[1] = (struct worker_state){.moving = false, .still_ms = 4321};
        EXPECT(LEVEL_ERROR, "E Worker 1 has not moved for 4 s.\n");
}

Test(faults, a_shut_gate_is_a_warning_where_traffic_goes_past)
{
        s.gate = GATE_SHUT;
        EXPECT(LEVEL_WARNING, "W The gate is shut: new connections go direct, past the cache.\n");
        s.fail_closed = true;
        EXPECT(LEVEL_ERROR, "E The gate is shut, and connections do not go past Limpid: clients reach nothing.\n");
}

Test(faults, overload)
{
        s.gate = GATE_SHUT;
        s.overloaded = true;
        EXPECT(LEVEL_WARNING, "W All connections that Limpid may have are in use: new ones go direct.\n");
        s.fail_closed = true;
        EXPECT(LEVEL_ERROR, "E All connections that Limpid may have are in use: new ones are refused.\n");
}

Test(faults, a_program_that_ends_says_only_that_of_its_gate)
{
        s.gate = GATE_SHUT;
        s.draining = true;
        EXPECT(LEVEL_WARNING, "W Limpid is ending: it finishes what runs and accepts no new connections.\n");
}

Test(faults, stores)
{
        stores[0].open = false;
        stores[1].status.set_aside = true;
        stores[1].status.error = EIO;
        EXPECT(LEVEL_ERROR, "E Store main could not be opened: Limpid runs without it.\n"
                            "E Store games could not be read and is out of use until a restart.\n");
        all_well();
        stores[0].status.error = ENOSPC;
        stores[1].status.error = 123456;
        EXPECT(LEVEL_WARNING, "W Store main takes nothing new for now: No space left on device.\n"
                              "W Store games takes nothing new for now: unknown error.\n");
}

Test(faults, errors_come_before_warnings)
{
        s.gate = GATE_SHUT;
        stores[0].status.error = EROFS;
        stores[1].open = false;
        workers[0].moving = false;
        EXPECT(LEVEL_ERROR, "E Worker 0 has not moved for 0 s.\n"
                            "E Store games could not be opened: Limpid runs without it.\n"
                            "W The gate is shut: new connections go direct, past the cache.\n"
                            "W Store main takes nothing new for now: Read-only file system.\n");
}

Test(faults, connections_without_the_clients_address)
{
        uint64_t value[COUNTER_IDS] = {0};

        value[COUNTER_unspoofed] = 10;
        history_add(&history, 0, value);
        EXPECT(LEVEL_OK, ""); /* long ago */
        value[COUNTER_unspoofed] = 13;
        history_add(&history, 1000, value);
        EXPECT(LEVEL_WARNING, "W In the last minute 3 connections to origins lacked the client's address.\n");
        s.spoof_client = false;
        EXPECT(LEVEL_OK, "");
}

Test(faults, a_long_name_is_cut)
{
        char name[2 * FAULT_TEXT];

        memset(name, 'x', sizeof name);
        name[sizeof name - 1] = '\0';
        stores[0].name = name;
        stores[0].open = false;
        cr_expect_eq(faults_find(&s, note, &s), LEVEL_ERROR);
        cr_expect_eq(strlen(said), 2 + FAULT_TEXT - 1 + 1);
}
