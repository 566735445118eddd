/* multipart/byteranges: several ranges in one reply (RFC 9110 §14.6). */
#ifndef HTTP_MULTIPART_H
#define HTTP_MULTIPART_H

#include "http/range.h"
#include "http/render.h"

enum { BOUNDARY = 16, MULTIPART_TYPE = 64, PART_TYPE_MAX = 255, PART_HEAD_MAX = 512 };

struct multipart {
        struct byte_range ranges[RANGES_MAX]; /* in the order in which they are sent */
        size_t count;
        uint64_t whole;          /* bytes of the whole */
        char boundary[BOUNDARY]; /* the caller's choice, unlikely to occur in what is sent */
        char type[PART_TYPE_MAX];
        size_t type_len; /* 0: the parts have none */
};

/* Sets the type of the parts; one that is too long is left out. */
void multipart_set_type(struct multipart *, struct span type);

/* The value of the reply's Content-Type. */
void multipart_type(struct out *, const struct multipart *);

/* What stands before part n, PART_HEAD_MAX bytes at the most; n == count: what stands behind the last one. */
void multipart_head(struct out *, const struct multipart *, size_t n);

/* Bytes of it all. */
uint64_t multipart_length(const struct multipart *);

#endif
