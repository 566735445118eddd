/* An exchange: one request and its reply. A table of steps (exchange.c) says what it does; each step is a short
 * function that returns the next one, or WAIT, and is then run again when something has happened.
 *
 * While a step runs, the request lies in the worker's scratch. An exchange that has to wait takes a copy along
 * (exchange_keep). */
#ifndef PROXY_EXCHANGE_H
#define PROXY_EXCHANGE_H

#include "cache/store.h"
#include "http/cache_status.h"
#include "http/freshness.h"
#include "http/multipart.h"
#include "http/range.h"
#include "http/render.h"
#include "http/request.h"
#include "http/reuse.h"
#include "proxy/fill.h"
#include "proxy/gaps.h"
#include "proxy/part.h"
#include "proxy/upstream.h"
#include "proxy/worker.h"

enum step {
        STEP_WAIT, /* not a step: nothing more can be done now */
        STEP_DECIDE,
        STEP_POLICY, /* kept for request adaptation */
        STEP_BIND,
        STEP_LOOKUP,
        STEP_REPLY_STORED,
        STEP_SEND_STORED,
        STEP_SEND_PARTS,
        STEP_VALIDATE,
        STEP_JOIN,
        STEP_FETCH,
        STEP_CONNECT,
        STEP_SEND_REQUEST,
        STEP_RECEIVE_HEAD,
        STEP_JUDGE,
        STEP_FRESHEN,
        STEP_ADAPT, /* kept for response adaptation */
        STEP_RELAY,
        STEP_SHARE,
        STEP_FILL_GAP,
        STEP_TUNNEL,
        STEP_REFUSE,
        STEP_HAND_BACK,
        STEP_FINISH,
        STEP_DONE, /* not a step: the exchange is over */
        STEPS
};

enum {
        RANGE_TEXT = 80,
        SPANS_MAX = 64 /* of a body, sent in one call */
};

/* A part of a body that the origin is asked for. */
enum gap {
        GAP_NONE,
        GAP_COLD,  /* of an object of which nothing is stored */
        GAP_STORED /* that is missing in what is stored */
};

struct exchange {
        struct client *client; /* NULL: it has gone; only errands keep the exchange */
        struct worker *worker;
        struct exchange *next_spare;
        struct span head;              /* of the request, in the client's input; good in the first run only */
        const struct message *request; /* the worker's, or kept; NULL: there is none that can be understood */
        char *kept, *kept_key;         /* heap: request and head; key text */
        struct request_decision decision;
        struct fault fault; /* why it is refused */
        struct key key;
        struct store *store;
        size_t store_index;
        struct reader *reader; /* a read transaction is open in this turn */
        unsigned errands;      /* jobs of other threads that will deliver to it */
        uint64_t snapshot;     /* of the store, in which there was nothing under the key; 0: that is not known */
        uint8_t step, binding; /* enum binding: of the host and the address that the client went to */

        bool look;         /* look-up and storing are allowed */
        bool asked;        /* for the addresses of its host */
        bool early;        /* it has opened a connection to the origin while it waited for them */
        bool borrows;      /* the key is the shared one, but only to be read: the binding has run out */
        bool private;      /* over a connection to the origin that is this client's own */
        bool looked;       /* it has waited for a change of its key once */
        bool request_done; /* its body has been read to the end */
        bool request_chunked;
        bool request_started; /* its head has been sent to the origin */
        bool reply_started;   /* bytes of a final reply went to the client */
        bool reply_chunked;
        bool reply_close;    /* the client's connection ends with this exchange */
        bool upstream_close; /* the origin's connection ends with this exchange */
        bool upstream_spent; /* … unless it is this client's own: more may come over it than was asked for */
        bool validating;
        bool offering; /* … by the tags of several variants, none of which the request selects */
        bool freshened;
        bool retried;
        bool had_stored; /* there is something stored that could not be used as it is */
        bool background; /* a validation behind a stale reply: nobody waits for it */
        bool failed;     /* the origin has failed, and what is stored answers */
        uint8_t failure; /* … how: enum reuse_failure */
        uint8_t despite; /* a bit for each failure despite which what is stored may answer */
        bool solo;       /* it asks for itself, whoever else is asking */
        bool leads;      /* `part` is a fill that it fetches */
        bool fetched;    /* the leader: all that will come has come */
        bool stalled;    /* the leader: nobody wants more yet */
        bool unsent;     /* the client's socket is full, and nothing was kept for it */
        bool waited;
        bool tunnel;
        bool head_only;   /* the reply has no body because of the method */
        bool broken;      /* the client's connection ends with a reset */
        uint8_t interims; /* 1xx responses seen */
        uint8_t colds;    /* times that the store was cold */
        uint8_t port_tries;
        struct head_scan scan; /* of the response */

        int64_t start_us, request_time, response_time;
        uint64_t asked_at;                       /* fills_time when the origin was asked */
        uint64_t sent, sent_stored;              /* bytes to the client, and those of a store */
        uint16_t status, failed_status;          /* the reply's; the origin's, 0 where it gave none */
        const char *result, *hierarchy, *detail; /* of the log */
        const char *forward_reason;              /* of Cache-Status: uri-miss, stale, … */
        char content_type[48];

        /* a stored response that is read or validated */
        uint64_t replaces;    /* the stored response that was found and could not be used as it was */
        uint64_t id, at, end; /* at, end: of its body, still to be sent */
        uint64_t pinned;      /* the id that is kept from eviction for it; 0: none */

        struct multipart *parts; /* heap: several ranges are sent; `next_part` comes next */
        size_t next_part;

        /* the part that is fetched: its next byte and its end; `want` is what the client asked for */
        uint8_t gap;
        bool gap_open;    /* the reply begins with what the origin sends now */
        bool gap_waiting; /* for another exchange to fetch it, until a deadline */
        bool gap_alone;   /* it has waited for long enough */
        bool overtaken;   /* what is fetched goes to those who wait for it: the client gets it from the store */
        bool let_wait;    /* the server's bytes were not taken for a while: it may have given up */
        bool ranged;      /* of a fill it wants only `want` */
        bool exact;       /* the part is asked for as the client has, not in whole units */
        bool probe;       /* the part that is fetched only tells what the object is */
        bool probed;
        bool read_on; /* it has been looked whether to fetch ahead */
        uint64_t gap_at, gap_end, total;
        uint64_t suffix; /* it wants the last so many bytes; 0: `want` says where */
        struct byte_range want;
        struct gap_claim *claim;
        struct gap_wait gap_wait;
        struct part writer;

        struct body *request_body, *reply_body;
        struct fill_reader *part; /* of the fill that it leads or follows; NULL: of none */
        struct prefault job;
        struct turn_waiter turn; /* for the next piece of a stored body */
        struct note note;
        bool job_failed;
        size_t etag_len, last_modified_len;
        /* what follows is not cleared for each exchange */
        char validator[512]; /* the stored ETag or Last-Modified that a validation names */
        body_storage request_storage, reply_storage;
};

/* Starts on the head that the client's input begins with, `head` bytes after `blank` ones; or on a fault in it. */
void exchange_start(struct client *, struct span head, const struct fault *);

/* Runs steps until one waits. True: it is over (and gone). */
bool exchange_run(struct exchange *);

/* Registers what the exchange waits for, on both connections. */
void exchange_wants(struct exchange *);

/* A deadline passed: of the origin's connection or of the client's. */
void exchange_late_upstream(struct exchange *);
void exchange_late_client(struct exchange *);

/* The client has sent or taken something. */
void exchange_client_moved(struct exchange *);

/* The client has gone. */
void exchange_abort(struct exchange *);

/* Lets go of all that it holds. It is gone then, or will be with its last errand. */
void exchange_end(struct exchange *);

/* Takes along what lies in the worker's scratch, which is used again. False: out of memory. */
bool exchange_keep(struct exchange *);

/* The exchange of a tunnel without a request: it is there for the log. False: out of memory. */
bool exchange_of_tunnel(struct client *);
void exchange_becomes_tunnel(struct exchange *);

/* Something that another thread will post as x->note: the exchange waits for it, and stays even if the client goes.
 * False: out of memory. exchange_forget_await: it will not be posted after all. */
bool exchange_await(struct exchange *);
void exchange_forget_await(struct exchange *);
void exchange_job_done(struct prefault *);

/* Frees the exchanges that a worker keeps for later. */
void exchanges_free(struct worker *);

/* ---- between the step files -------------------------------------------------------------------------------------- */

/* exchange_status.c: our member of Cache-Status, in `text`; key and detail are the exchange's, but a
 * reply of our own has no key. */
struct span exchange_say_status(const struct exchange *, struct cache_status, char text[CACHE_STATUS_MAX]);

/* step_request.c */
/* Whether a look-up might find now what the last one did not. */
bool exchange_may_find_more(const struct exchange *);
enum step step_decide(struct exchange *);
enum step step_policy(struct exchange *);
enum step step_lookup(struct exchange *);
enum step step_refuse(struct exchange *);
enum step step_tunnel(struct exchange *);

/* step_bind.c */
enum step step_bind(struct exchange *);
/* The key of another path of the same host, for the same clients as the exchange's own. False: it does not fit. */
bool exchange_key(const struct exchange *, struct key *, char text[KEY_TEXT_MAX], struct span path);
/* What it borrows is of no use to it: goes on under the key of its client's own destination, or under the shared key if
 * that is bound by now. */
enum step exchange_stop_borrowing(struct exchange *);
/* Whether what is stored of x->id from `first` to `end` lacks nothing, for who borrows it cannot fill gaps. COLD: what
 * says so is to be read, from `first` on, which is moved there. */
enum body_state exchange_lends(struct exchange *, uint64_t *first, uint64_t end);

/* step_stored.c */
enum step step_reply_stored(struct exchange *);
enum step step_send_stored(struct exchange *);
enum step step_send_parts(struct exchange *);
/* So many bytes of the stored body went out. */
static inline void exchange_took_stored(struct exchange *x, size_t n)
{
        x->at += n;
        x->sent += n;
        x->sent_stored += n;
}
/* The head of the reply and what of the body can be sent at once, from what was found with these fields. */
enum step exchange_reply_with(struct exchange *, const struct found *, const struct stored *);
/* Keeps a stored response from eviction until the exchange ends or pins another. False: it is about to be removed. */
bool exchange_pin(struct exchange *, uint64_t id);
void exchange_unpin(struct exchange *);

/* Goes on sending: its turn has come. */
void exchange_serve(struct turn_waiter *);

/* step_validate.c */
enum step step_validate(struct exchange *);
enum step step_freshen(struct exchange *);
/* What the 304 confirmed cannot be used: all of it is asked for, over another connection. */
enum step exchange_fetch_again(struct exchange *);

/* step_fetch.c */
enum step step_fetch(struct exchange *);
enum step step_connect(struct exchange *);
enum step step_send_request(struct exchange *);
enum step step_hand_back(struct exchange *);
/* The request once more, over another connection: what the one before had authenticated is gone with it. */
enum step exchange_over_another(struct exchange *);
/* Opens a connection to the origin, or takes one that is idle, before it is known whether it is needed; if it is not,
 * it goes into the pool. */
void exchange_connect_early(struct exchange *);

/* step_parts.c */
/* Whether the stored response is to be sent as several parts: x->parts says which. */
bool exchange_parts_wanted(struct exchange *, const struct found *);
/* All of them, of a body that is here as a whole. */
enum step exchange_send_parts_inline(struct exchange *, struct span body);
/* What follows when x->at has reached x->end. */
static inline enum step exchange_body_sent(const struct exchange *x)
{
        return x->parts ? STEP_SEND_PARTS : STEP_FINISH;
}

/* step_part.c */
/* What is missing in what is stored can be fetched: remembers what is stored. Then, with x->id, x->at and x->end set
 * and a read transaction open, exchange_open_gap goes on. */
bool exchange_gap_begins(struct exchange *, const struct found *);
enum step exchange_open_gap(struct exchange *, enum step next);
/* What x->part has not delivered yet of this is asked for as a part. False: it has no strong validator, or no known
 * length. */
bool exchange_rest_alone(struct exchange *, const struct fill_head *);
void exchange_describe_gap(const struct exchange *, struct request_options *, char text[RANGE_TEXT]);
enum step exchange_judge_part(struct exchange *);
/* A stored part of what has no strong validator cannot be added to (RFC 9111 §3.4): whether it has all that is asked
 * for. GAP: it lacks some. COLD: what says so is to be read, from `at` on. */
enum body_state exchange_holds(struct exchange *, const struct found *, uint64_t *at);
/* The request once more, as the client made it: what was fetched instead is of no use. */
enum step exchange_ask_plainly(struct exchange *);
/* No part of anything: a refusal, a redirect. It says nothing about what is stored; if it comes first, the client gets
 * it. */
enum step exchange_another_answer(struct exchange *);
/* A strong validator of what is stored, as If-Range takes it, is remembered for what comes. False: there is none. */
bool exchange_take_validator(struct exchange *, const struct stored *);
/* Whether a 206 is all there is, and may be stored like a 200. */
bool exchange_is_whole(const struct message *response);

/* step_cold.c */
/* The first part has begun to come, of so many bytes. */
enum step exchange_begin_sparse(struct exchange *, const struct byte_range *, uint64_t total);
/* What comes now is a part of x->id from x->gap_at on. */
void exchange_start_part(struct exchange *, bool storing);

/* step_gap.c */
enum step step_fill_gap(struct exchange *);
/* Whether more of what the origin sends can be taken. */
bool exchange_takes_gap(const struct exchange *);

/* step_offer.c */
/* With a read transaction open, after FIND_VARIANT: the origin will be asked whether one of the variants is right. */
void exchange_offer(struct exchange *);
/* The 304 that answers such a question, with a read transaction open: what it selects is in the worker's `found`, and
 * x->id. False: nothing that is stored. */
bool exchange_take_offer(struct exchange *);

/* step_range.c */
/* Nothing that is stored answers: how a request for a part of it is best fetched, or one for all of it. */
enum step exchange_miss(struct exchange *);
/* Claims the bytes from x->gap_at to x->gap_end, of which those from `first` to `past` are wanted, or waits for who
 * has. True: it waits; when woken, it goes on with the step that the caller returns. */
bool exchange_await_gap(struct exchange *, uint64_t first, uint64_t past);
/* The part that was claimed is not fetched after all. */
void exchange_drop_claim(struct exchange *);
/* It has waited for a gap until its deadline. */
void exchange_gap_late(struct exchange *);
void exchange_forget_gap(struct exchange *);
/* A range of x->id, of which a client that reads in pieces will want more. */
void exchange_read_on(struct exchange *, uint64_t first, uint64_t end);
/* All of it has begun to come to another exchange as well: reads that. False: there is none, or this one now leads. */
bool exchange_join_whole(struct exchange *);
/* The origin has answered a request for a range with all of it, or with a part. */
void exchange_note_host(struct exchange *, bool ignores_range);

/* step_stale.c */
/* What is stored has to be validated: remembers despite which failures of the origin it may answer. */
void exchange_may_be_stale(struct exchange *, const struct stored *);
/* True: the origin has failed, and what is stored may answer nevertheless; goes on with *next, and looks it up again.
 * `status`: of the origin's reply, or 0. */
bool exchange_stale_instead(struct exchange *, enum reuse_failure, uint16_t status, enum step *next);
/* Whether it answers now that the origin has failed: what is found then may be another. */
bool exchange_answers_stale(struct exchange *, const struct stored *);
/* Starts the validation of what is about to answer though it is stale; does nothing where memory is short. */
void exchange_validate_behind(const struct exchange *);
/* exchange.c: the same request once more, as an exchange of nobody's: its client is one without a socket, to whom
 * everything can be sent. NULL: out of memory. It is started by a note, for this turn belongs to somebody else; where
 * that cannot be, it ends. */
struct exchange *exchange_shadow(const struct exchange *);
void exchange_start_shadow(struct exchange *, enum step);

/* step_join.c */
/* It has joined a fill: the head is waited for, but not for ever. */
void exchange_wait_for_head(struct exchange *);
enum step step_join(struct exchange *);
/* The head that another one asked for does not come. */
enum step exchange_join_late(struct exchange *);
/* A leader that wants a range of what has begun to arrive: its reply's head, from the fill's. False: it cannot be told
 * what that would be, it gets all. */
bool exchange_share_range(struct exchange *);

/* step_share.c */
enum step step_share(struct exchange *);
/* A fill's `wake`: the client has its turn. */
void exchange_wake(void *argument);
/* What another one fetches has stalled: asks for the rest itself where that can be told to be of the same response.
 * False: it was not waiting for that. */
bool exchange_share_late(struct exchange *);
/* The client has gone, but others read what it fetches: goes on for them. */
bool exchange_leads_on(struct exchange *);

/* step_response.c */
enum step step_receive_head(struct exchange *);
enum step step_judge(struct exchange *);
enum step step_adapt(struct exchange *);
enum step step_relay(struct exchange *);

/* step_response.c: the body follows whose head has come. */
void exchange_begin_body(struct exchange *);

/* step_response.c: the fields that a response varies by; false: nothing can be said. The most that one response may
 * hold of the key's store. */
bool exchange_nominate(struct out *names, const struct message *response);
uint64_t exchange_storable_most(const struct exchange *);

/* step_update.c */
/* Adds what the origin's reply says to what is stored, where that is for all (RFC 9111 §3.2, §3.4); *fresh is the
 * stored response as this client gets it, good until the turn ends; NULL where he gets none of it. False: the reply
 * speaks of another response. */
bool exchange_update(struct exchange *, const struct found *, struct stored *fresh);
void exchange_update_by_head(struct exchange *);
/* Gives the stored response the fields of the origin's reply as its own client gets them, until the turn ends. */
void exchange_own_fields(struct exchange *, struct stored *);

/* step_invalidate.c: what the reply to an unsafe request makes invalid is forgotten. */
void exchange_invalidate(struct exchange *);
/* What is stored under the key is of no use to anybody. Whoever reads it may go on; nobody new finds it. */
void exchange_forget_stored(struct exchange *);

/* The read transaction of this turn, on the store of the key; ended when the turn ends. False: there is none to be had.
 */
bool exchange_begin_read(struct exchange *);
void exchange_end_read(struct exchange *);

/* Has a prefault thread read the body of x->id from x->at on; afterwards goes on with `next`. */
enum step exchange_ask_for_body(struct exchange *, enum step next);
/* The same for what says which slices there are, from this byte of a body on. */
enum step exchange_ask_for_index(struct exchange *, uint64_t id, uint64_t at, enum step next);

/* Replies with an error page of ours if nothing was sent yet, else aborts the client. */
enum step exchange_fail(struct exchange *, uint16_t status, const char *why);

/* Sends on what has come of the request's body. False: its framing is broken. */
bool request_pump(struct exchange *);

/* Lets go of the origin's connection: into the pool if it is good for more. */
void exchange_release_upstream(struct exchange *);
void exchange_drop_upstream(struct exchange *);

/* Sends to the client, counting. False: the client is gone. */
bool exchange_send(struct exchange *, const struct iovec *, int count);
/* A head goes with what is sent next, or at the end of this turn. */
void exchange_hold(struct exchange *, struct span head);

/* Whether the connection to the client may go on after this reply. */
bool exchange_persistent(const struct exchange *);

#endif
