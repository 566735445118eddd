/* A trace through a real store: see replay.h.
 *
 * What has been put is to be found by the next request, as a fill would be; so the store is waited for when something
 * is asked for that may not be committed yet, and now and then because its queue is bounded. */
#include "tests/bench/ratio/replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_PUTS = 64, WAIT_BYTES = 4 << 20, LOOK_EVERY = 8 };

struct replay {
        const struct trace *trace;
        struct store *store;
        struct reader *reader;
        struct message request;
        char *zeros; /* SLICE_MAX of them: all bodies */
        bool *waits; /* by key: it was put and may not be committed */
        uint32_t put[WAIT_PUTS];
        size_t puts, put_bytes;
        double held, looks;
};

static void wait_for_puts(struct replay *r)
{
        store_sync(r->store);
        for (size_t i = 0; i < r->puts; i++)
                r->waits[r->put[i]] = false;
        r->puts = r->put_bytes = 0;
}

static int put_slices(struct replay *r, uint64_t id, uint64_t length)
{
        int error = 0;

        for (uint64_t at = 0; !error && at < length; at += SLICE_MAX) {
                uint64_t len = length - at < SLICE_MAX ? length - at : SLICE_MAX;

                error = store_put_slice(r->store, id, at, r->zeros, (size_t)len, NULL, NULL);
        }
        return error;
}

static int put(struct replay *r, uint32_t object, const struct key *key)
{
        struct stored stored = {.status = 200, .lifetime = 1 << 30, .last_modified = -1, .reason = SPAN("OK")};
        struct put p = {
                .id = store_next_id(r->store), .key = key, .stored = &stored, .length = r->trace->sizes[object]};
        int error = 0;

        if (p.length <= INLINE_MAX)
                p.body = (struct span){r->zeros, (size_t)p.length};
        else
                error = put_slices(r, p.id, p.length);
        if (!error)
                error = store_put_response(r->store, &p);
        if (error == EFBIG) { /* more than an eighth of the store: passes */
                store_abandon(r->store, p.id);
                return 0;
        }
        r->waits[object] = true;
        r->put[r->puts++] = object;
        r->put_bytes += p.length;
        if (r->puts == WAIT_PUTS || r->put_bytes > WAIT_BYTES)
                wait_for_puts(r);
        return error;
}

/* 0 or an error. */
static int ask(struct replay *r, uint32_t object, bool *hit)
{
        char text[64];
        struct key key;
        struct found found;
        enum find result;
        int error;

        if (r->waits[object])
                wait_for_puts(r);
        snprintf(text, sizeof text, "http://a.example:80/%u", object);
        key_of_text(&key, (struct span){text, strlen(text)});
        error = reader_begin(r->reader);
        if (error)
                return error;
        result = reader_find(r->reader, &key, &r->request, true, &found);
        reader_end(r->reader);
        *hit = result == FIND_HIT;
        if (result == FIND_ERROR)
                return EIO;
        return *hit ? 0 : put(r, object, &key);
}

static void look(struct replay *r)
{
        struct store_status status;

        store_status(r->store, &status);
        r->held += (double)status.body_bytes;
        r->looks++;
}

static int all_requests(struct replay *r, size_t from, struct replayed *all)
{
        const struct trace *t = r->trace;
        double bytes = 0;
        int error = 0;

        for (size_t i = 0; !error && i < t->count; i++) {
                double size = t->sizes[t->keys[i]];
                bool hit = false;

                error = ask(r, t->keys[i], &hit);
                if (i < from)
                        continue;
                if (i % LOOK_EVERY == 0)
                        look(r);
                bytes += size;
                all->ratios.objects += hit;
                all->ratios.bytes += hit ? size : 0;
        }
        all->ratios.objects /= (double)(t->count - from);
        all->ratios.bytes /= bytes;
        all->held = (uint64_t)(r->held / r->looks);
        return error;
}

int replay(const struct trace *t, const char *path, uint64_t size, size_t from, struct replayed *all,
           char message[STORE_MESSAGE])
{
        struct replay r = {.trace = t, .zeros = calloc(1, SLICE_MAX), .waits = calloc(t->objects, sizeof *r.waits)};
        struct store_status status;
        int error = r.zeros && r.waits ? 0 : ENOMEM;

        *all = (struct replayed){0};
        message[0] = 0;
        if (!error)
                error = store_open(&r.store, &(struct store_options){.path = path, .size = size}, message);
        if (!error)
                error = reader_open(&r.reader, r.store);
        if (!error) {
                error = all_requests(&r, from, all);
                store_status(r.store, &status);
                all->file = status.file;
                all->evicted = status.evicted;
        }
        reader_close(&r.reader);
        store_close(&r.store);
        free(r.zeros);
        free(r.waits);
        return error;
}
