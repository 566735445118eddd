/* Looking at what is stored under a URL, for the command that says why. The key of a resource is a hash, so the URL's
 * resources, one for each address, are found by reading the whole table. */
#include "cache/store_private.h"

struct listing {
        struct reader *reader;
        void (*tell)(void *, const struct listed *);
        void *context;
};

/* The bytes of a body that its slices hold, and where they begin. */
static uint64_t sliced_bytes(struct reader *r, uint64_t id, uint64_t *first)
{
        uint64_t bytes = 0, at = 0, start;
        struct span value;

        while (near_slice(r, id, at, true, true, &start, &value) == BODY_READY) {
                if (!bytes)
                        *first = start;
                bytes += value.len - SLICE_CHECKSUM;
                at = start + 1;
        }
        return bytes;
}

static void tell_variant(const struct listing *l, struct span text, const struct variant *v)
{
        struct listed listed = {.key = text, .vary = v->names, .variant = v->variant};
        struct record record;
        struct span value;
        char key[8];

        response_key(v->id, key);
        if (read_value(l->reader->txn, l->reader->store->responses, key, sizeof key, &value) != 0)
                return;
        listed.sound = record_sound(value, v->id) && record_read(&record, value);
        if (listed.sound) {
                listed.found = (struct found){v->id, record.stored, record.length, record.inlined, record.body};
                listed.bytes = record.inlined ? record.length : sliced_bytes(l->reader, v->id, &listed.first);
        }
        l->tell(l->context, &listed);
}

static int walk(const struct listing *l, struct span url)
{
        MDB_cursor *cursor;
        MDB_val k, v;
        int error = mdb_cursor_open(l->reader->txn, l->reader->store->resources, &cursor);

        if (error)
                return error;
        for (error = mdb_cursor_get(cursor, &k, &v, MDB_FIRST); !error;
             error = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
                struct span text, rest;
                struct variant variant;

                if (!resource_key((struct span){v.mv_data, v.mv_size}, &text, &rest) || !span_equal(key_url(text), url))
                        continue;
                while (resource_next(&rest, &variant))
                        tell_variant(l, text, &variant);
        }
        mdb_cursor_close(cursor);
        return error == MDB_NOTFOUND ? 0 : error;
}

int store_list(struct store *s, struct span url, void (*tell)(void *, const struct listed *), void *context)
{
        struct listing l = {.tell = tell, .context = context};
        int error = reader_open(&l.reader, s);

        if (!error)
                error = reader_begin(l.reader);
        if (!error) {
                damage_enter(s);
                error = damage_reported(s, walk(&l, url));
                damage_leave(s);
                reader_end(l.reader);
        }
        reader_close(&l.reader);
        return error;
}
