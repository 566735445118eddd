/* Values of the tables, written and read number by number, wherever they lie; see record.h for the layouts. */
#include "cache/record.h"

#include <endian.h>
#include <xxhash.h>

/* ---- numbers -------------------------------------------------------------------------------------------------------
 */

/* The low `bytes` of a number, least significant first. Where their count is known they are one load or store. */
static inline void put_number(char **at, uint64_t n, size_t bytes)
{
        n = htole64(n);
        memcpy(*at, &n, bytes);
        *at += bytes;
}

static inline uint64_t get_number(const char *at, size_t bytes)
{
        uint64_t n = 0;

        memcpy(&n, at, bytes);
        return le64toh(n);
}

void put16(char **at, uint16_t n)
{
        put_number(at, n, 2);
}

void put32(char **at, uint32_t n)
{
        put_number(at, n, 4);
}

void put64(char **at, uint64_t n)
{
        put_number(at, n, 8);
}

uint64_t get64(const char *at)
{
        return get_number(at, 8);
}

void put_span(char **at, struct span s)
{
        if (s.len)
                memcpy(*at, s.at, s.len);
        *at += s.len;
}

static inline uint64_t take(const char **at, size_t bytes)
{
        uint64_t n = get_number(*at, bytes);

        *at += bytes;
        return n;
}

/* ---- responses -----------------------------------------------------------------------------------------------------
 */

size_t record_size(const struct record *r)
{
        const struct stored *s = &r->stored;

        return RECORD_FIXED + s->etag.len + s->last_modified_text.len + s->reason.len + s->fields.len +
               (r->inlined ? r->body.len : 0);
}

/* By an odd number: no two ids give the same. */
static uint64_t record_checksum(const char *at, size_t len, uint64_t id)
{
        return XXH3_64bits(at, len) ^ (id * 0x9e3779b97f4a7c15ULL);
}

void record_write(const struct record *r, uint64_t id, char *value)
{
        const struct stored *s = &r->stored;
        char *at = value + 8;

        memcpy(at, r->resource, KEY_HASH);
        at += KEY_HASH;
        put16(&at, s->status);
        put16(&at, s->flags);
        put64(&at, (uint64_t)s->request_time);
        put64(&at, (uint64_t)s->response_time);
        put64(&at, (uint64_t)s->date);
        put64(&at, (uint64_t)s->age);
        put64(&at, (uint64_t)s->lifetime);
        put64(&at, (uint64_t)s->last_modified);
        put64(&at, (uint64_t)s->stale_while_revalidate);
        put64(&at, (uint64_t)s->stale_if_error);
        put64(&at, r->length);
        *at++ = r->inlined;
        put16(&at, (uint16_t)s->etag.len);
        put16(&at, (uint16_t)s->last_modified_text.len);
        put16(&at, (uint16_t)s->reason.len);
        put32(&at, (uint32_t)s->fields.len);
        put_span(&at, s->etag);
        put_span(&at, s->last_modified_text);
        put_span(&at, s->reason);
        put_span(&at, s->fields);
        if (r->inlined)
                put_span(&at, r->body);
        put64(&value, record_checksum(value + 8, (size_t)(at - value) - 8, id));
}

static struct span take_span(const char **at, size_t len)
{
        struct span s = {*at, len};

        *at += len;
        return s;
}

static void read_numbers(struct record *r, const char **at)
{
        struct stored *s = &r->stored;

        memcpy(r->resource, *at, KEY_HASH);
        *at += KEY_HASH;
        s->status = (uint16_t)take(at, 2);
        s->flags = (uint16_t)take(at, 2);
        s->request_time = (int64_t)take(at, 8);
        s->response_time = (int64_t)take(at, 8);
        s->date = (int64_t)take(at, 8);
        s->age = (int64_t)take(at, 8);
        s->lifetime = (int64_t)take(at, 8);
        s->last_modified = (int64_t)take(at, 8);
        s->stale_while_revalidate = (int64_t)take(at, 8);
        s->stale_if_error = (int64_t)take(at, 8);
        r->length = take(at, 8);
        r->inlined = *(*at)++ != 0;
}

bool record_read(struct record *r, struct span value)
{
        const char *at = value.at + 8, *end = value.at + value.len;
        size_t etag, last_modified, reason, fields;

        if (value.len < RECORD_FIXED)
                return false;
        read_numbers(r, &at);
        etag = take(&at, 2);
        last_modified = take(&at, 2);
        reason = take(&at, 2);
        fields = take(&at, 4);
        if (etag + last_modified + reason + fields > (size_t)(end - at))
                return false;
        r->stored.etag = take_span(&at, etag);
        r->stored.last_modified_text = take_span(&at, last_modified);
        r->stored.reason = take_span(&at, reason);
        r->stored.fields = take_span(&at, fields);
        r->body = (struct span){at, (size_t)(end - at)};
        return r->inlined ? r->body.len == r->length : r->body.len == 0;
}

bool record_sound(struct span value, uint64_t id)
{
        return value.len >= RECORD_FIXED && get64(value.at) == record_checksum(value.at + 8, value.len - 8, id);
}

/* ---- slices --------------------------------------------------------------------------------------------------------
 */

void slice_checksum(struct span payload, uint64_t id, uint64_t offset, char out[SLICE_CHECKSUM])
{
        XXH128_hash_t hash = XXH3_128bits(payload.at, payload.len);
        XXH128_canonical_t canonical;

        /* By odd numbers: no two places give the same. */
        hash.low64 ^= id * 0x9e3779b97f4a7c15ULL;
        hash.high64 ^= offset * 0xc2b2ae3d27d4eb4fULL;
        XXH128_canonicalFromHash(&canonical, hash);
        memcpy(out, canonical.digest, SLICE_CHECKSUM);
}

bool slice_sound(struct span value, uint64_t id, uint64_t offset)
{
        char checksum[SLICE_CHECKSUM];

        if (value.len <= SLICE_CHECKSUM)
                return false;
        slice_checksum((struct span){value.at + SLICE_CHECKSUM, value.len - SLICE_CHECKSUM}, id, offset, checksum);
        return memcmp(checksum, value.at, SLICE_CHECKSUM) == 0;
}

/* ---- resources -----------------------------------------------------------------------------------------------------
 */

void resource_seal(char *value, size_t len)
{
        put64(&value, XXH3_64bits(value + RESOURCE_CHECKSUM, len - RESOURCE_CHECKSUM));
}

bool resource_sound(struct span value)
{
        return value.len >= RESOURCE_CHECKSUM &&
               get64(value.at) == XXH3_64bits(value.at + RESOURCE_CHECKSUM, value.len - RESOURCE_CHECKSUM);
}

bool resource_key(struct span value, struct span *text, struct span *rest)
{
        const char *at = value.at + RESOURCE_CHECKSUM;
        size_t len;

        if (value.len < RESOURCE_CHECKSUM + 2)
                return false;
        len = take(&at, 2);
        if (len > value.len - RESOURCE_CHECKSUM - 2)
                return false;
        *text = take_span(&at, len);
        *rest = (struct span){at, value.len - RESOURCE_CHECKSUM - 2 - len};
        return true;
}

bool resource_next(struct span *rest, struct variant *v)
{
        const char *at = rest->at;
        size_t len;

        if (rest->len < 18)
                return false;
        v->id = take(&at, 8);
        v->variant = take(&at, 8);
        len = take(&at, 2);
        if (len > rest->len - 18)
                return false;
        v->names = take_span(&at, len);
        *rest = (struct span){at, rest->len - 18 - len};
        return true;
}
