/* A fill: a response that is still arriving, on its way into a store and to everybody who asked for it meanwhile
 * (collapsed requests, RFC 9111 §4).
 *
 * One reader leads: its exchange asks the origin and adds what comes. Bytes lie in pieces of up to a slice, which never
 * move; each goes to the store's writer once it is full, and leaves memory once it is committed. A reader that is
 * behind what memory holds reads the committed slices. So each reads at its own pace, and one slow reader costs nobody
 * anything; the leader stops only where even the fastest reader is far behind.
 *
 * A store that cannot keep up never makes a reader wait for the disk: some of the body is left out, and fetched when it
 * is asked for again; where that cannot be (no strong validator, no length known) nothing is stored. From then on the
 * fill is found by nobody new, and memory lets go of what its slowest reader has passed (design.md §4).
 *
 *     ASKED → ARRIVING → WHOLE        RELEASED: it cannot be shared, fetch for yourself
 *       │         └────→ CUT          ANEW: look it up again, what is stored has been made good */
#ifndef PROXY_FILL_H
#define PROXY_FILL_H

#include <sys/uio.h>

#include "cache/store.h"
#include "proxy/worker.h"

enum fill_state { FILL_ASKED, FILL_ARRIVING, FILL_WHOLE, FILL_CUT, FILL_RELEASED, FILL_ANEW };

struct fill;
struct fills;
struct piece;

struct fill_reader {
        struct note note;
        struct fill *fill;
        struct fill_reader *next, **link;
        struct worker *worker;
        void (*wake)(void *); /* on the worker's thread: the fill has changed, or has room */
        void *argument;       /* NULL: it has left, and only the note is still on its way */
        struct piece *piece;  /* it is sending from */
        uint64_t at, end;     /* of the body: it has had what lies before, and wants what lies before */
        bool waiting, posted;
        bool deaf; /* its client has gone; it leads on for the others */
};

/* What the response is; good from ARRIVING on, for as long as one is a reader. */
struct fill_head {
        struct stored stored;
        struct span vary;
        uint64_t variant, replaces;  /* as in struct put */
        uint64_t length;             /* of the body; UINT64_MAX: not known before its end */
        uint64_t asked;              /* fills_time when it was asked for */
        const union address *client; /* who asked first, and whose share of the memory it takes; NULL: nobody's */
};

/* ---- the fills under way, by key ----------------------------------------------------------------------------------
 */

/* `memory`: bytes that bodies may take of it while they arrive, all together; from then on new ones, but for small
 * ones, are not taken in, and those that are not stored keep no more than a slice for slow readers. The same holds for
 * those of one client that have taken a quarter of it. */
struct fills *fills_new(uint64_t memory);
void fills_free(struct fills **);

/* Joins the fill under way for the key, or leads a new one, which others will join. `fills` NULL: a new one that nobody
 * else finds. The reader is woken on `worker` by `wake`. NULL: out of memory. */
struct fill_reader *fills_enter(struct fills *, const struct key *, struct worker *, void (*wake)(void *),
                                void *argument, bool *leads);

/* The same where a fill is under way; NULL where there is none. */
struct fill_reader *fills_join(struct fills *, const struct key *, struct worker *, void (*wake)(void *),
                               void *argument);

/* Something has changed at the origin: what is arriving under such keys goes to those who read it already, and is
 * neither found nor stored any more. */
void fills_outdate(struct fills *, enum purge_kind, struct span text);

/* How often that was; and whether it has happened to a key since, which it may say of another's. What was asked for
 * before, and comes after, is stored by nobody. */
uint64_t fills_time(const struct fills *);
bool fills_outdated(const struct fills *, const struct key *, uint64_t since);

/* What is remembered of keys: some thousand of them, and it may forget. */
enum fills_noted {
        NOTED_UNSHAREABLE, /* its reply could not be shared: who waits for the next one waits for nothing */
        NOTED_UNSPARSE,    /* its parts cannot be stored: ranges go as they came */
        NOTED_KINDS
};
void fills_note(struct fills *, enum fills_noted, const struct key *, bool is_so);
bool fills_noted(const struct fills *, enum fills_noted, const struct key *);

/* Whether a host ignores Range; remembered for ten minutes. `host` is a key of the host alone, `now` unix seconds. */
void fills_note_host(struct fills *, const struct key *host, int64_t now, bool ignores_range);
bool fills_host_ignores_range(const struct fills *, const struct key *host, int64_t now);

/* The end of being a reader. Where the leader leaves a fill that is not whole: RELEASED if nothing had arrived, else
 * CUT. NULL is fine. */
void fill_leave(struct fill_reader **);

/* ---- the leader ----------------------------------------------------------------------------------------------------
 */

/* The head has come: ARRIVING. All that *stored and vary point to is copied. More than `limit` bytes are not stored;
 * the memory is that of these fills. NULL; or why it is not taken in, then call fill_end. */
const char *fill_arrives(struct fill_reader *, struct fills *, struct store *, const struct fill_head *,
                         uint64_t limit);

/* Takes body bytes. False: out of memory, the body is CUT. */
bool fill_add(struct fill_reader *, struct span more);

/* Whether more should be fetched now. False: the leader is woken once it should. */
bool fill_room(struct fill_reader *);

/* The body is whole. True if it was handed to the store; `done` as store_put_response has it, else not called. */
bool fill_finish(struct fill_reader *, void (*done)(void *, int), void *context);

/* It ends here: RELEASED or ANEW before anything has arrived, else CUT. */
void fill_end(struct fill_reader *, enum fill_state);

/* The rest of the body will not come: what there is of it is stored as a part, if the rest can be told to be of the
 * same one. True: `done` will be called, as store_put_response has it. Then call fill_end. */
bool fill_keep(struct fill_reader *, void (*done)(void *, int), void *context);

/* Whether so many read it that waking them all costs more than what they get of a few bytes. */
bool fill_crowded(const struct fill_reader *);

/* Whether it is (still) being stored. */
bool fill_storing(const struct fill_reader *);

/* The leader's client has gone. True: it is to go on, because there are others to lead for (the leader is woken when
 * the last has left), or because little is missing of what will be stored: FINISH_BYTES, or a tenth. Which holds only
 * as long as the server is not too slow (fill_drips); asked anew whenever something has come. `now` in seconds. False:
 * it is found by nobody any more, so that nobody joins what the leader is about to cut. */
bool fill_deafen(struct fill_reader *, int64_t now);

/* Where nobody reads but the leader, or only the store gets it: whether less than LONE_BYTES came in the last
 * LONE_SECONDS. Asked again and again. True: it is found by nobody any more. */
bool fill_drips(struct fill_reader *, int64_t now);

/* ---- every reader --------------------------------------------------------------------------------------------------
 */

/* The state; while it is ASKED the reader is woken when that changes. */
enum fill_state fill_look(struct fill_reader *);
const struct fill_head *fill_head(const struct fill_reader *);
uint64_t fill_id(const struct fill_reader *);

/* After the head has come, before anything is read: the reader wants only the bytes from `at` to `end`. */
void fill_seek(struct fill_reader *, uint64_t at, uint64_t end);
/* How much of the body has come. */
uint64_t fill_arrived(const struct fill_reader *);

enum fill_read {
        FILL_BYTES,  /* *bytes: tell fill_took how many of them went */
        FILL_STORED, /* no longer in memory: *extent bytes from `at` on are in the store under fill_id */
        FILL_MORE,   /* nothing new yet: the reader is woken */
        FILL_END,
        FILL_BROKEN /* the rest will not come */
};
enum fill_read fill_read(struct fill_reader *, struct span *bytes, uint64_t *extent);

/* After FILL_BYTES, always (0: none went); the bytes are no longer to be touched. After FILL_STORED: they were read. */
void fill_took(struct fill_reader *, uint64_t n);

#endif
