/* Synthetic traces of requests for a cache: what is asked for, in which order, and how large it is.
 *
 * A trace is a mixture. Most requests go to a catalogue with Zipf's popularities; each day some ranks of it change
 * places, or go to objects that never were there before (news). Some requests are for an object that nobody asked for
 * before or will again. At times a set of new objects is asked for from end to end, by one client (a scan) or by many,
 * each at his own time and from the beginning (a release). The same seed gives the same trace. */
#ifndef RATIO_TRACE_H
#define RATIO_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sizes {
        WEB, /* log-normal: median 16 KiB, mean 57 KiB, at most 256 MiB */
        GAME /* chunks of 0.1 to 1 MB, evenly; one in 200 is of 4 to 64 MB */
};

struct trace_spec {
        const char *name;
        uint64_t seed;
        size_t requests;
        uint32_t objects; /* of the catalogue */
        double zipf;
        double once; /* share of requests for what is asked for once */
        enum sizes sizes;
        unsigned scale; /* sizes are divided by it: a store of 256 MiB stands for one that is so many times larger */
        double games;   /* share of the catalogue that has GAME's sizes all the same */
        unsigned days;  /* 0: one */
        double shift;   /* share of ranks that change places each day */
        double news;    /* share of ranks that go to new objects each day */
        unsigned sets;  /* releases or scans, spread over the trace */
        uint32_t set_objects;
        unsigned set_clients; /* each of them asks for all of a set; 1: a scan */
        double set_share;     /* of the requests while it is under way */
};

struct trace {
        size_t count;
        uint32_t *keys; /* of the requests */
        uint32_t objects;
        uint32_t *sizes;  /* of each object, in bytes, never 0 */
        uint64_t largest; /* what is larger passes every cache; trace_make sets no limit */
};

/* False: out of memory. */
bool trace_make(struct trace *, const struct trace_spec *);
void trace_free(struct trace *);

/* For each request the place of the next one for the same object; `count` where there is none. NULL: out of memory. */
uint32_t *trace_next(const struct trace *);

struct trace_facts {
        uint32_t distinct;  /* objects that are asked for */
        double once;        /* share of them that is asked for once */
        uint64_t bytes;     /* of all requests */
        uint64_t footprint; /* of the distinct objects */
};
/* False: out of memory. */
bool trace_look(const struct trace *, struct trace_facts *);

#endif
