/* Reading: look-ups and bodies, in read transactions that are renewed and reset, never begun anew (LMDB's
 * mdb_txn_renew). */
#include <assert.h>
#include <stdlib.h>

#include "cache/store_private.h"
#include "http/vary.h"

enum { PREFETCHED = 1280 };

/* ---- transactions --------------------------------------------------------------------------------------------------
 */

int reader_open(struct reader **made, struct store *s)
{
        struct reader *r = calloc(1, sizeof *r);
        int error;

        if (!r)
                return ENOMEM;
        r->store = s;
        r->tick = 1;
        error = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &r->txn);
        if (r->txn)
                mdb_txn_reset(r->txn);
        if (error)
                reader_close(&r);
        *made = r;
        return error;
}

void reader_close(struct reader **held)
{
        struct reader *r = *held;

        *held = NULL;
        if (!r)
                return;
        if (r->txn)
                mdb_txn_abort(r->txn);
        free(r);
}

int reader_begin(struct reader *r)
{
        int error;

        if (atomic_load_explicit(&r->store->aside, memory_order_relaxed))
                return EIO;
        error = mdb_txn_renew(r->txn);
        if (!error)
                index_begin(r); /* later, the snapshot's own meta page may be another one's */
        return error;
}

uint64_t store_snapshot(const struct store *s)
{
        MDB_envinfo info;

        return mdb_env_info(s->env, &info) == 0 ? info.me_last_txnid : 0;
}

uint64_t reader_snapshot(const struct reader *r)
{
        return mdb_txn_id(r->txn);
}

bool reader_current(const struct reader *r)
{
        return store_snapshot(r->store) == reader_snapshot(r);
}

void reader_end(struct reader *r)
{
        mdb_txn_reset(r->txn);
}

void reader_tick(struct reader *r)
{
        r->tick++;
        forget_pages(r);
}

int read_value(MDB_txn *txn, MDB_dbi dbi, const void *key, size_t key_len, struct span *value)
{
        MDB_val k = {key_len, (void *)(uintptr_t)key}, v;
        int error = mdb_get(txn, dbi, &k, &v);

        if (error)
                return error;
        *value = (struct span){v.mv_data, v.mv_size};
        return damage_value(mdb_env_get_userctx(mdb_txn_env(txn)), *value) ? 0 : MDB_CORRUPTED;
}

/* ---- look-up -------------------------------------------------------------------------------------------------------
 */

/* The newest response whose selecting fields match; one that names them before one that names none, for servers forget
 * Vary in what they send by default (RFC 9111 §4.1). 0: there is none. */
static uint64_t select_variant(struct span rest, const struct message *request)
{
        struct variant v;
        struct span names = {NULL, 0};
        uint64_t hash = 0, selected = 0, plain = 0;

        while (resource_next(&rest, &v)) {
                if (v.names.len && !span_equal(v.names, names)) {
                        names = v.names;
                        hash = vary_hash(names, request);
                }
                if (v.names.len == 0)
                        plain = v.id;
                else if (hash == v.variant)
                        selected = v.id;
        }
        return selected ? selected : plain;
}

/* Most look-ups are for what was looked up a moment ago. A snapshot never changes, and its pages are not used again
 * while a transaction is on it: so where a value lies is known for as long as nothing is committed. What waits for the
 * disk is there to read the pages, and recalls nothing. */
static struct recalled *recalled_slot(struct recalled *slots, const char key[KEY_HASH])
{
        uint64_t halves[2];

        memcpy(halves, key, sizeof halves);
        return &slots[((halves[0] ^ halves[1] * 0xc2b2ae3d27d4eb4fULL) * 0x9e3779b97f4a7c15ULL) >>
                      (64 - RECALLED_BITS)];
}

static bool recall(const struct reader *r, struct recalled *slots, const char key[KEY_HASH], struct span *value)
{
        const struct recalled *slot = recalled_slot(slots, key);

        if (slot->txn != mdb_txn_id(r->txn) || r->tick - slot->tick >= SEEN_TICKS ||
            memcmp(slot->key, key, KEY_HASH) != 0)
                return false;
        *value = slot->value;
        return true;
}

static void keep_in_mind(const struct reader *r, struct recalled *slots, const char key[KEY_HASH], struct span value)
{
        struct recalled *slot = recalled_slot(slots, key);

        slot->txn = mdb_txn_id(r->txn);
        slot->tick = r->tick;
        memcpy(slot->key, key, KEY_HASH);
        slot->value = value;
}

/* It will be read from its beginning on: the processor sees that too, but late. */
static void prefetch_value(struct span value)
{
        for (size_t at = 0; at < value.len && at < PREFETCHED; at += 64)
                __builtin_prefetch(value.at + at);
}

static bool is_sound(struct place p, struct span value)
{
        return p.offset == OFFSET_RECORD ? record_sound(value, p.id) : slice_sound(value, p.id, p.offset);
}

/* True: the value is in memory and good. `cold`: it is not in memory, or not verified and too long to do so here. */
static bool vouch(struct reader *r, struct place p, struct span value, bool wait, bool *cold)
{
        struct store *s = r->store;

        *cold = false;
        if (seen_lately(r, p))
                return true;
        if (wait)
                will_need(s, value);
        else if (!loaded_take(s, p) && (value.len > VERIFY_MAX || !lately_resident(r, value))) {
                *cold = true;
                return false;
        }
        prefetch_value(value);
        if (!is_sound(p, value)) {
                atomic_fetch_add(&s->damaged, 1);
                return false;
        }
        seen_now(r, p);
        return true;
}

/* FIND_HIT: there is a record, and where. */
static enum find place_record(struct reader *r, uint64_t id, bool wait, struct span *value)
{
        char key[KEY_HASH] = {0};
        enum find found;

        response_key(id, key);
        prefetch_seen(r, (struct place){id, OFFSET_RECORD});
        visit_prefetch(r->store, id);
        if (!wait && recall(r, r->responses, key, value))
                return FIND_HIT;
        wait = wait || seen_lately(r, (struct place){id, OFFSET_RECORD});
        found = index_find(r, TABLE_RESPONSES, (struct span){key, sizeof id}, wait, value);
        if (found == FIND_HIT)
                keep_in_mind(r, r->responses, key, *value);
        return found;
}

/* `resource`: whose it must be, or NULL. What names a response is not covered by its checksum. */
static enum find find_record(struct reader *r, uint64_t id, const uint8_t *resource, bool wait, struct found *f)
{
        struct place place = {id, OFFSET_RECORD};
        struct record record;
        struct span value;
        enum find found = place_record(r, id, wait, &value);
        bool cold;

        if (found != FIND_HIT)
                return found;
        if (!vouch(r, place, value, wait, &cold)) {
                if (!cold)
                        store_remove(r->store, id);
                return cold ? FIND_COLD : FIND_NONE;
        }
        if (!record_read(&record, value) || (resource && memcmp(record.resource, resource, KEY_HASH) != 0))
                return FIND_NONE;
        *f = (struct found){id, record.stored, record.length, record.inlined, record.body};
        return FIND_HIT;
}

static enum find read_found(struct reader *r, uint64_t id, const uint8_t *resource, bool wait, struct found *f)
{
        enum find found = find_record(r, id, resource, wait, f);

        if (found == FIND_HIT)
                visit_mark(r->store, id);
        return found;
}

/* Where it is a long one, it lies on pages of its own. */
static enum find find_resource(struct reader *r, struct span hash, bool wait, struct span *value)
{
        enum find found = index_find(r, TABLE_RESOURCES, hash, wait, value);

        return found == FIND_HIT && !wait && !lately_resident(r, *value) ? FIND_COLD : found;
}

/* FIND_HIT: there is a resource, and where. */
static enum find place_resource(struct reader *r, const struct key *key, bool wait, struct span *value)
{
        struct span hash = {(const char *)key->hash, KEY_HASH};
        struct place place;
        enum find found;

        if (!wait && recall(r, r->resources, hash.at, value))
                return FIND_HIT;
        found = find_resource(r, hash, wait, value);
        place_of_key(key, &place);
        if (found == FIND_COLD && loaded_take(r->store, place))
                found = find_resource(r, hash, true, value);
        if (found == FIND_HIT && !resource_sound(*value)) {
                atomic_fetch_add(&r->store->damaged, 1);
                return FIND_NONE;
        }
        if (found == FIND_HIT)
                keep_in_mind(r, r->resources, hash.at, *value);
        return found;
}

enum find reader_find(struct reader *r, const struct key *key, const struct message *request, bool wait,
                      struct found *f)
{
        struct span value, text, rest;
        enum find found;
        uint64_t id;

        if (atomic_load_explicit(&r->store->aside, memory_order_relaxed))
                return FIND_ERROR;
        found = place_resource(r, key, wait, &value);
        if (found != FIND_HIT)
                return found;
        if (!resource_key(value, &text, &rest) || !span_equal(text, key->text)) /* a clash of hashes is a miss */
                return FIND_NONE;
        id = select_variant(rest, request);
        return id ? read_found(r, id, key->hash, wait, f) : FIND_VARIANT;
}

enum find reader_response(struct reader *r, uint64_t id, struct found *f)
{
        if (atomic_load_explicit(&r->store->aside, memory_order_relaxed))
                return FIND_ERROR;
        return read_found(r, id, NULL, false, f);
}

size_t reader_variants(struct reader *r, const struct key *key, struct variant_found *all, size_t most)
{
        struct variant listed[VARIANTS_MAX], v;
        uint64_t seen[VARIANTS_MAX];
        struct span value, text, rest;
        size_t count = 0, found = 0, looked = 0;

        if (atomic_load_explicit(&r->store->aside, memory_order_relaxed) ||
            place_resource(r, key, false, &value) != FIND_HIT || !resource_key(value, &text, &rest) ||
            !span_equal(text, key->text))
                return 0;
        while (count < VARIANTS_MAX && resource_next(&rest, &v))
                listed[count++] = v;
        while (count-- && found < most) {
                if (is_among(seen, looked, listed[count].id))
                        continue;
                seen[looked++] = listed[count].id;
                all[found].names = listed[count].names;
                if (find_record(r, listed[count].id, key->hash, false, &all[found].found) == FIND_HIT)
                        found++;
        }
        return found;
}

/* ---- bodies --------------------------------------------------------------------------------------------------------
 */

enum body_state near_slice(struct reader *r, uint64_t id, uint64_t offset, bool after, bool wait, uint64_t *start,
                           struct span *value)
{
        char text[16];
        struct span near;
        enum find found;

        slice_key(id, offset, text);
        found = index_near(r, TABLE_SLICES, (struct span){text, sizeof text}, after, wait, &near, value);
        if (found == FIND_COLD)
                return BODY_COLD;
        if (found != FIND_HIT || near.len != sizeof text || read_be(near.at) != id || value->len <= SLICE_CHECKSUM)
                return BODY_GAP;
        *start = read_be(near.at + 8);
        return (after ? *start >= offset : *start <= offset) ? BODY_READY : BODY_GAP;
}

enum body_state slice_at(struct reader *r, uint64_t id, uint64_t offset, bool wait, uint64_t *start, struct span *value)
{
        enum body_state state = near_slice(r, id, offset, false, wait, start, value);
        uint64_t next;
        struct span of_next;

        if (state == BODY_COLD || (state == BODY_READY && offset - *start < value->len - SLICE_CHECKSUM))
                return state;
        return near_slice(r, id, offset, true, wait, &next, &of_next) == BODY_COLD ? BODY_COLD : BODY_GAP;
}

/* BODY_READY: where the slice lies that holds the byte at `offset`. A reader goes from slice to slice: most begin where
 * the last one ended, and such a place is recalled. */
static enum body_state place_slice(struct reader *r, uint64_t id, uint64_t offset, uint64_t *start, struct span *value)
{
        char key[KEY_HASH];
        enum body_state state;

        slice_key(id, offset, key);
        *start = offset;
        if (recall(r, r->bodies, key, value))
                return BODY_READY;
        state = slice_at(r, id, offset, seen_lately(r, (struct place){id, offset}), start, value);
        if (state == BODY_READY && *start == offset)
                keep_in_mind(r, r->bodies, key, *value);
        return state;
}

enum body_state reader_body(struct reader *r, uint64_t id, uint64_t offset, uint64_t bytes, struct iovec *spans,
                            int spans_max, int *count)
{
        enum body_state state = BODY_GAP;

        *count = 0;
        while (*count < spans_max && bytes > 0 && !atomic_load_explicit(&r->store->aside, memory_order_relaxed)) {
                struct span value;
                uint64_t start, skip, n;
                bool cold;

                state = place_slice(r, id, offset, &start, &value);
                if (state != BODY_READY)
                        break;
                if (!vouch(r, (struct place){id, start}, value, false, &cold)) {
                        state = cold ? BODY_COLD : BODY_GAP;
                        break;
                }
                skip = SLICE_CHECKSUM + (offset - start);
                n = value.len - skip < bytes ? value.len - skip : bytes;
                spans[(*count)++] = (struct iovec){(void *)(uintptr_t)(value.at + skip), (size_t)n};
                offset += n;
                bytes -= n;
        }
        return *count ? BODY_READY : state;
}

enum body_state reader_held_to(struct reader *r, uint64_t id, uint64_t *at, uint64_t end)
{
        while (*at < end) {
                uint64_t start;
                struct span value;
                enum body_state state = slice_at(r, id, *at, false, &start, &value);

                if (state != BODY_READY)
                        return state;
                *at = start + value.len - SLICE_CHECKSUM;
        }
        *at = end;
        return BODY_READY;
}

uint64_t reader_gap_begin(struct reader *r, uint64_t id, uint64_t offset, uint64_t least)
{
        uint64_t start, end;
        struct span value;

        if (near_slice(r, id, offset, false, false, &start, &value) != BODY_READY)
                return least;
        end = start + value.len - SLICE_CHECKSUM;
        return end > least && end <= offset ? end : least;
}

uint64_t reader_gap_end(struct reader *r, uint64_t id, uint64_t offset, uint64_t end)
{
        uint64_t next;
        struct span value;
        enum body_state state = near_slice(r, id, offset + 1, true, false, &next, &value);

        if (state == BODY_GAP)
                return end;
        if (state == BODY_COLD)
                next = slice_up(offset + 1);
        return next < end ? next : end;
}
