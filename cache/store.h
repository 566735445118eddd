/* A store: stored responses in an LMDB environment (design.md §4).
 *
 * Many reader threads, each with a `struct reader` of its own; one writer thread inside, which takes what is put into a
 * bounded queue, commits it in batches and evicts. Nothing here logs or reads the clock; what went wrong is a return
 * value, or stands in `struct store_status` for the program to say. Open it after fork, in one process only.
 *
 * Table layouts: see cache/record.h. store.c and its parts that include lmdb.h are one module: the only home of LMDB.
 */
#ifndef CACHE_STORE_H
#define CACHE_STORE_H

#include <stdatomic.h>
#include <sys/uio.h>

#include "cache/key.h"
#include "http/message.h"
#include "http/stored.h"

enum {
        SLICE_UNIT = 65504,          /* with LMDB's header and the checksum exactly 16 pages */
        SLICE_MAX = 16 * SLICE_UNIT, /* what a fill that streams writes */
        INLINE_MAX = 16384,          /* bodies up to this lie in the response's record */
        LEFT_OUT = 16 * SLICE_MAX,   /* of a body is not tried again after a put that was refused: few gaps, not many */
        VARIANTS_MAX = 64            /* of one resource; the oldest goes */
};

/* Where the unit begins that holds this byte; where the next one does, at this byte or behind it. */
static inline uint64_t slice_down(uint64_t at)
{
        return at / SLICE_UNIT * SLICE_UNIT;
}

static inline uint64_t slice_up(uint64_t at)
{
        return at > UINT64_MAX - SLICE_UNIT ? UINT64_MAX : slice_down(at + SLICE_UNIT - 1);
}

struct store;
struct reader;

struct store_options {
        const char *path;   /* a directory, created if it is missing (0700) */
        uint64_t size;      /* bytes the file may have at the most; at least 1 MiB */
        size_t queue_bytes; /* memory bound of what waits for the writer; 0: 64 MiB */
        unsigned readers;   /* threads that will have a reader; 0: 126 */
        unsigned prefaults; /* prefault threads; 0: 8 */
};

enum { STORE_MESSAGE = 256 };

/* Opens or creates. 0, or an errno or LMDB code (EBUSY: it is open, here or in another process); `message` then says
 * what and why in one line. With 0 it is empty, or says that a damaged, foreign or newer store was set aside (renamed
 * to PATH/data.mdb.aside-N) and an empty one begun. That the disk takes nothing is no error where there is something to
 * read: it is as if it had failed later (store_status). The handler of a signal may find the store there before it is
 * open and until it is closed. */
int store_open(struct store **, const struct store_options *, char message[STORE_MESSAGE]);
/* Commits what is queued, then closes. Every reader must have been closed before. */
void store_close(struct store **);

/* ---- reading: any thread, one reader each ----------------------------------------------------------------------- */

int reader_open(struct reader **, struct store *);
void reader_close(struct reader **);

/* A read transaction: everything below that yields bytes of the store is good until reader_end. It never outlives one
 * callback of an event loop. Nests not. */
int reader_begin(struct reader *);

/* Whether nothing has been committed since then. */
bool reader_current(const struct reader *);

/* The number of the last commit that is seen in a read transaction, and of the last one of all; 0: not known. Where
 * they are the same, a new read transaction would see what the earlier one saw. Any thread. */
uint64_t reader_snapshot(const struct reader *);
uint64_t store_snapshot(const struct store *);

/* About once a second, by its thread: whether what was verified long ago is still in memory is asked again. */
void reader_tick(struct reader *);
void reader_end(struct reader *);

struct found {
        uint64_t id;
        struct stored stored; /* its spans lie in the map */
        uint64_t length;      /* of the body */
        bool inlined;
        struct span body; /* where inlined */
};

enum find {
        FIND_NONE,    /* nothing under this key */
        FIND_VARIANT, /* the resource is there, but no stored response matches the selecting fields */
        FIND_HIT,     /* *found is good; an inline body's checksum has been verified since it was loaded from disk */
        FIND_COLD,    /* what it needs is not in memory: ask prefault_find, then come again */
        FIND_ERROR    /* the store could not be read; treat as a miss */
};

/* Two look-ups at the most on the way of a small hit. Marks the id as read (SIEVE). `wait` true: never says COLD but
 * reads from disk (prefault threads and tests). */
enum find reader_find(struct reader *, const struct key *, const struct message *request, bool wait, struct found *);

/* A stored response of a key, whatever its selecting fields. */
struct variant_found {
        struct span names; /* that its Vary nominated */
        struct found found;
};

/* Those that are in memory and sound, the newest first, each once; at most `most`. Returns how many. Marks none as
 * read. */
size_t reader_variants(struct reader *, const struct key *, struct variant_found *, size_t most);

/* One by its id: HIT, NONE, COLD or ERROR. */
enum find reader_response(struct reader *, uint64_t id, struct found *);

enum body_state {
        BODY_READY, /* *count spans, at least one byte */
        BODY_COLD,  /* the slice at this offset is not in memory or not verified since it was: ask prefault_body, come
                       again */
        BODY_GAP    /* no such slice, or its checksum is wrong */
};

/* The bytes of body `id` from `offset` on, as many contiguous slices as fit `spans` and `bytes`. Works for bodies in
 * slices. */
enum body_state reader_body(struct reader *, uint64_t id, uint64_t offset, uint64_t bytes, struct iovec *spans,
                            int spans_max, int *count);

/* ---- pins: a body that is read over several callbacks ---------------------------------------------------------- */

/* While pinned an id is not evicted. False: it is condemned already, treat as a miss. Any thread. The transaction in
 * which the id was found may be older than its eviction: if it is not current after the id was pinned, look it up again
 * in a new one; what is found after it was pinned stays. */
bool store_pin(struct store *, uint64_t id);
void store_unpin(struct store *, uint64_t id);

/* After BODY_GAP: where the gap at `offset` begins, behind the slice before it or at `least`, and where it ends, at the
 * next slice that is stored or at `end`. Where it should not be in memory what says so: with the unit. */
uint64_t reader_gap_begin(struct reader *, uint64_t id, uint64_t offset, uint64_t least);
uint64_t reader_gap_end(struct reader *, uint64_t id, uint64_t offset, uint64_t end);

/* Moves `at` on over what slices hold, to `end` at most. READY: all of it. GAP: up to there, where no slice is. COLD:
 * what says what is there is not in memory. Whether what they hold is good is not looked at. */
enum body_state reader_held_to(struct reader *, uint64_t id, uint64_t *at, uint64_t end);

/* ---- prefault: disk reads that must not happen on an event loop ---------------------------------------------------
 */

/* One request to the prefault threads. The caller owns it and keeps it until `done` was called, on a prefault thread,
 * once. */
struct prefault {
        void (*done)(struct prefault *);
        struct prefault *next;         /* theirs */
        struct store *store;           /* theirs */
        uint64_t id, offset, bytes;    /* body: what to load */
        struct key key;                /* find: its text must outlive the job */
        const struct message *request; /* find: for the selecting fields; must outlive the job */
        bool failed;                   /* result: a checksum was wrong or nothing was there */
};

void prefault_find(struct store *, struct prefault *);
void prefault_body(struct store *, struct prefault *);

/* ---- writing: any thread ---------------------------------------------------------------------------------------- */

/* A new id for a response that is about to arrive. */
uint64_t store_next_id(struct store *);

/* Queues one slice of a body. `offset` is a multiple of SLICE_UNIT, `len` 1 … SLICE_MAX, and a multiple of SLICE_UNIT
 * unless it is the last of the body. 0, or ENOBUFS where the queue is full (slow disk) and EFBIG/ENOSPC where it cannot
 * be stored: then call store_abandon. The bytes stay the caller's and must stay put until `done` is called, on the
 * writer's thread, once they are committed or have failed; it is not called where this returns an error. */
int store_put_slice(struct store *, uint64_t id, uint64_t offset, const char *bytes, size_t len,
                    void (*done)(void *, int), void *context);

/* The same for a part of a sparse response (STORED_SPARSE) whose record has been put before: dropped where that is
 * gone. It may begin and end anywhere; what of it is stored already is not stored twice. */
int store_put_part(struct store *, uint64_t id, uint64_t offset, const char *bytes, size_t len,
                   void (*done)(void *, int), void *context);

struct put {
        uint64_t id;
        const struct key *key;
        struct span vary;  /* nominated names as http/vary.h writes them */
        uint64_t variant;  /* vary_hash of the request */
        uint64_t replaces; /* id of what the same request found before and could not use; 0: nothing */
        const struct stored *stored;
        uint64_t length;
        struct span body; /* length <= INLINE_MAX: the whole of it; else empty, all slices have been put, or
                             stored->flags has STORED_SPARSE */
        void (*done)(void *context,
                     int error); /* may be NULL; called on the writer's thread once it can be found, or failed */
        void *context;
};

/* Makes the response visible, in place of `replaces` and of the variant with the same selecting values; everything is
 * copied before it returns. 0, or ENOBUFS (then `done` is not called). */
int store_put_response(struct store *, const struct put *);

/* Forgets the slices of an id whose response never came to be. */
void store_abandon(struct store *, uint64_t id);

/* A 304: new times and fields for a stored response, body untouched (RFC 9111 §4.3.4). `done` as above. */
int store_freshen(struct store *, uint64_t id, const struct stored *, void (*done)(void *, int), void *context);

/* A 304 has selected a stored response of the key for a request with other selecting values: from now on they find it
 * too (RFC 9111 §4.1, §4.3.4). All is copied. `done` as above. */
struct alias {
        const struct key *key;
        struct span vary; /* as in struct put */
        uint64_t variant;
};
int store_alias(struct store *, uint64_t id, const struct alias *, void (*done)(void *, int), void *context);

enum purge_kind { PURGE_KEY, PURGE_URL, PURGE_HOST, PURGE_ALL };

/* Whether a purge of `text` is for what is stored under a key. */
bool purge_covers(enum purge_kind, struct span text, struct span key_text);

/* Removes what is stored under a key, a URL (all addresses and variants), a host or at all. `text` is copied. `done`
 * gets the number of responses removed, on the writer's thread; may be NULL. */
int store_purge(struct store *, enum purge_kind, struct span text, void (*done)(void *context, int64_t removed),
                void *context);

/* Removes one response, for example one whose body turned out damaged. */
void store_remove(struct store *, uint64_t id);

/* ---- looking at what is stored ------------------------------------------------------------------------------------
 */

struct listed {
        struct span key;  /* its text */
        struct span vary; /* nominated names, and the hash of their values */
        uint64_t variant;
        bool sound;         /* its checksum is right; else `found` is empty */
        struct found found; /* of an inline body the bytes as well */
        uint64_t bytes;     /* of its body that are stored */
        uint64_t first;     /* where the first of them lies */
};

/* Everything stored under a URL, of all addresses and all selecting fields; of one key the newest comes last. Reads the
 * index from end to end, from disk too: for a command, never on an event loop. `tell` is called within a read
 * transaction: what it gets is good until it returns. 0, or an errno or LMDB code. */
int store_list(struct store *, struct span url, void (*tell)(void *context, const struct listed *), void *context);

/* ---- what the program tells the operator --------------------------------------------------------------------------
 */

struct store_status {
        uint64_t size; /* configured */
        uint64_t used; /* bytes of pages in use */
        uint64_t file; /* bytes of the file */
        uint64_t responses;
        uint64_t body_bytes; /* stored body bytes */
        uint64_t queued;     /* bytes that wait for the writer */
        uint64_t evicted;    /* responses, since it was opened */
        uint64_t dropped;    /* puts refused because the queue was full */
        uint64_t damaged;    /* checksums that were wrong */
        int error;           /* 0, or why storing is suspended (ENOSPC, EIO, EROFS …); it is tried again by itself */
        bool set_aside;      /* reading the map failed: the store is out of use until restart */
};

void store_status(struct store *, struct store_status *);

/* A SIGBUS hit this address: true if it lay in this store's map; from then on every reader says FIND_ERROR and
 * BODY_GAP. Async-signal-safe. */
bool store_sigbus(struct store *, const void *address);

/* This thread is about to die of a signal. If it was in LMDB for that store, the store is set aside when it is opened
 * next: it would die of it again. Async-signal-safe. */
void store_died(const struct store *);

/* False: there was such a fault, and what was copied from the map since may be zeros. Any thread. */
bool store_readable(const struct store *);

/* Pages of the map, for tests of residency (mincore) and for SIGBUS recovery. */
void store_map(struct store *, const void **start, size_t *len);

/* Small puts are committed some 50 ms later, many at a time, unless somebody says by this that he waits for one. */
void store_hurry(struct store *);

/* Blocks until all that was put before is committed. Tests and shutdown only. */
void store_sync(struct store *);

/* `done` is called on the writer's thread once all that was queued before is committed or has failed. 0, or ENOMEM or
 * ENOBUFS: then it is not called. */
int store_after(struct store *, void (*done)(void *, int), void *context);

#endif
