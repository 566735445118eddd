/* The inside of a fill, for proxy/fill.c and proxy/fill_read.c. */
#ifndef PROXY_FILL_PIECE_H
#define PROXY_FILL_PIECE_H

#include "proxy/fill.h"

enum {
        CROWD = 8,              /* readers */
        FINISH_BYTES = 1 << 20, /* the rest that is fetched though nobody waits for it */
        LONE_BYTES = 1 << 20,   /* which what nobody waits for has to bring … */
        LONE_SECONDS = 30,      /* … in so long, or it is not worth its connection and its memory */
        AHEAD_MAX = 2 << 20,    /* bytes that are fetched before the fastest reader wants them */
        MEMORY_MAX = 16 << 20   /* bytes that wait for slow readers and are not stored; the store bounds what is */
};

/* A part of the body in memory. Its bytes never move and never change once they count in `len`. */
struct piece {
        struct piece *next;
        struct fill *fill;
        char *bytes;
        uint64_t offset;
        size_t len, cap;
        unsigned users; /* readers that are sending from it */
        bool queued;    /* the store's writer has it */
        bool committed;
        bool refused; /* left out */
};

struct fill {
        pthread_mutex_t lock;
        struct fills *fills; /* where it is found; NULL: nowhere, or not any more */
        struct fills *all;   /* whose memory it takes part of */
        struct fill *next, **link;
        unsigned refs; /* readers, notes on their way, pieces with the writer */
        enum fill_state state;
        struct fill_reader *readers, *leader;
        struct key key;
        char *texts[2]; /* heap: the key's, and the head's */
        struct store *store;
        uint64_t id, limit, length;
        uint64_t held;        /* of the memory */
        union address client; /* whose share of it that is; family 0: nobody's */
        uint64_t fastest;     /* where the fastest reader ever was */
        int64_t lone_since;   /* nobody has waited for it, or the last time that this was looked at; 0: somebody does */
        uint64_t lone_from;   /* what had come by then */
        uint64_t resume;      /* what lies before is no longer tried to be stored */
        struct fill_head head;
        struct piece *first, *last; /* in memory, in order; the last one grows */
        char *outgrown;             /* a first piece that became too small: somebody may be sending from it */
        bool pinned, storing, sliced, handed_over, stalled, outdated;
        bool holed; /* what is stored of it has gaps */
};

/* All with the lock held. */
void fill_wake_all(struct fill *);
void fill_wake(struct fill_reader *);
void fill_drop_pieces(struct fill *);
/* The leader's client has gone, and there is no other reader (any more). */
bool fill_led_for_nobody(const struct fill *);
/* Gives the lock up; frees the fill with its last reference. */
void fill_unref_unlock(struct fill *);
/* Takes so many bytes of the common memory, or gives them back, as many at a time as were taken; and whether no more
 * should be taken for this client (NULL: nobody). */
void fill_hold(struct fill *, size_t bytes);
void fill_let_go(struct fill *, size_t bytes);
bool fills_full(const struct fills *, const union address *client);
/* Nobody new finds it. Takes and gives the table's lock. */
void fill_hide(struct fill *);

#endif
