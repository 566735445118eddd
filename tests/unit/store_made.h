/* A store in a folder of its own: made, opened again, and taken away with all that is in it. */
#ifndef TESTS_STORE_MADE_H
#define TESTS_STORE_MADE_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "cache/store.h"

static char path[64];
static struct store *store;
static struct reader *reader;
static char message[STORE_MESSAGE]; /* what was said when it was opened */

static inline void open_store_with(uint64_t size, size_t queue_bytes)
{
        struct store_options o = {.path = path, .size = size, .queue_bytes = queue_bytes};

        cr_assert_eq(store_open(&store, &o, message), 0, "%s", message);
        cr_assert_eq(reader_open(&reader, store), 0);
}

static inline void open_store(uint64_t size)
{
        open_store_with(size, 0);
}

static inline void close_store(void)
{
        reader_close(&reader);
        store_close(&store);
}

static inline void reopen(uint64_t size)
{
        close_store();
        open_store(size);
}

/* With a writer's queue that holds so many bytes and no more. */
static inline void reopen_with_queue(uint64_t size, size_t bytes)
{
        close_store();
        open_store_with(size, bytes);
}

static inline void make_store_in(const char *directory, uint64_t size)
{
        snprintf(path, sizeof path, "%s/limpid-store-XXXXXX", directory);
        cr_assert_not_null(mkdtemp(path));
        open_store(size);
        cr_assert_str_empty(message);
}

static inline void make_store(uint64_t size)
{
        make_store_in("/tmp", size);
}

static inline void remove_store(void)
{
        char command[128];

        close_store();
        snprintf(command, sizeof command, "rm -r %s", path);
        cr_assert_eq(system(command), 0);
}

static inline struct key key_of_url(const char *text)
{
        struct key k;

        key_of_text(&k, (struct span){text, strlen(text)});
        return k;
}

static inline void note_removed(void *context, int64_t removed)
{
        *(int64_t *)context = removed;
}

/* How many were removed. */
static inline int64_t purge(enum purge_kind kind, const char *text)
{
        int64_t removed = -7;

        cr_assert_eq(store_purge(store, kind, (struct span){text, strlen(text)}, note_removed, &removed), 0);
        store_sync(store);
        return removed;
}

#endif
