/* How values are laid out in the tables. All numbers little-endian, read byte by byte: values in LMDB's pages are not
 * aligned.
 *
 *   responses  checksum 8 | resource hash 16 | status 2 | flags 2 | request_time, response_time, date, age, lifetime,
 *              last_modified, stale_while_revalidate, stale_if_error 8 each | length 8 | inlined 1 |
 *              lengths of etag, last_modified_text, reason 2 each, of fields 4 | these texts | an inline body
 *   slices     checksum 16 | payload
 *   resources  checksum 8 | length of the key's text 2 | text | entries: id 8 | variant 8 | length of names 2 | names
 *
 * A checksum is over all that follows it, and over whose it is. */
#ifndef CACHE_RECORD_H
#define CACHE_RECORD_H

#include "cache/store.h"

enum { SLICE_CHECKSUM = 16, RECORD_FIXED = 8 + KEY_HASH + 4 + 8 * 8 + 8 + 1 + 6 + 4 };

struct record {
        uint8_t resource[KEY_HASH];
        struct stored stored;
        uint64_t length;
        bool inlined;
        struct span body;
};

/* What it counts for in a store's body bytes; how much of a sparse one is there nobody counts. */
static inline uint64_t record_body_bytes(const struct record *r)
{
        return r->stored.flags & STORED_SPARSE ? 0 : r->length;
}

/* The bytes that record_write needs; it writes exactly these. */
size_t record_size(const struct record *);
void record_write(const struct record *, uint64_t id, char *value);

/* False where the value cannot be one. The checksum is not looked at. */
bool record_read(struct record *, struct span value);
bool record_sound(struct span value, uint64_t id);

/* Of the bytes, and of whose they are: the response's id and the offset of the first. */
void slice_checksum(struct span payload, uint64_t id, uint64_t offset, char out[SLICE_CHECKSUM]);
bool slice_sound(struct span value, uint64_t id, uint64_t offset);

struct variant {
        uint64_t id, variant;
        struct span names;
};

/* To be called last: writes the checksum of a resource's value, for which it has RESOURCE_CHECKSUM bytes in front. */
enum { RESOURCE_CHECKSUM = 8 };
void resource_seal(char *value, size_t len);
bool resource_sound(struct span value);

/* Walks a resource's value: its key first, then its variants, newest last. The checksum is not looked at. */
bool resource_key(struct span value, struct span *text, struct span *rest);
bool resource_next(struct span *rest, struct variant *);

void put16(char **at, uint16_t);
void put32(char **at, uint32_t);
void put64(char **at, uint64_t);
void put_span(char **at, struct span);
uint64_t get64(const char *at);

#endif
