/* cache/record.c: what is written is read, and what was not written so is refused. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "cache/record.h"

static const struct record sample = {.resource = "0123456789abcde",
                                     .stored = {.status = 404,
                                                .flags = STORED_NO_CACHE,
                                                .request_time = -5,
                                                .lifetime = INT64_MAX,
                                                .last_modified = -1,
                                                .etag = {"W/\"x\"", 5},
                                                .reason = {"Not Found", 9},
                                                .fields = {"A: b\r\n", 6}},
                                     .length = 4,
                                     .inlined = true,
                                     .body = {"body", 4}};

static struct span written(char **bytes)
{
        size_t size = record_size(&sample);

        *bytes = malloc(size);
        record_write(&sample, 7, *bytes);
        return (struct span){*bytes, size};
}

Test(record, survives_writing_and_reading)
{
        char *bytes;
        struct span value = written(&bytes);
        struct record r;

        cr_assert(record_sound(value, 7));
        cr_expect_not(record_sound(value, 6), "of another response");
        cr_assert(record_read(&r, value));
        cr_assert_arr_eq(r.resource, sample.resource, KEY_HASH);
        cr_assert_eq(r.stored.status, 404);
        cr_assert_eq(r.stored.request_time, -5);
        cr_assert_eq(r.stored.lifetime, INT64_MAX);
        cr_assert(span_equal(r.stored.etag, sample.stored.etag));
        cr_assert(span_equal(r.stored.fields, sample.stored.fields));
        cr_assert(span_equal(r.body, sample.body));
        free(bytes);
}

Test(record, any_flipped_bit_is_noticed)
{
        char *bytes;
        struct span value = written(&bytes);

        for (size_t i = 0; i < value.len * 8; i++) {
                bytes[i / 8] ^= (char)(1 << i % 8);
                cr_assert_not(record_sound(value, 7));
                bytes[i / 8] ^= (char)(1 << i % 8);
        }
        free(bytes);
}

Test(record, a_cut_value_is_refused_at_every_length)
{
        char *bytes;
        struct span value = written(&bytes);
        struct record r;

        for (size_t n = 0; n < value.len; n++) {
                char *cut = malloc(n + 1); /* of its own, so that ASan sees a read beyond it */

                memcpy(cut, bytes, n);
                cr_assert_not(record_read(&r, (struct span){cut, n}));
                cr_assert_not(record_sound((struct span){cut, n}, 7));
                free(cut);
        }
        free(bytes);
}

Test(record, a_slices_checksum_covers_its_payload)
{
        char value[SLICE_CHECKSUM + 3] = {0};

        memcpy(value + SLICE_CHECKSUM, "abc", 3);
        slice_checksum((struct span){value + SLICE_CHECKSUM, 3}, 7, 65504, value);
        cr_assert(slice_sound((struct span){value, sizeof value}, 7, 65504));
        cr_expect_not(slice_sound((struct span){value, sizeof value}, 6, 65504), "of another response");
        cr_expect_not(slice_sound((struct span){value, sizeof value}, 7, 0), "at another place");
        value[SLICE_CHECKSUM] ^= 1;
        cr_assert_not(slice_sound((struct span){value, sizeof value}, 7, 65504));
        cr_assert_not(slice_sound((struct span){value, SLICE_CHECKSUM}, 7, 65504));
}

Test(record, a_resource_that_is_cut_ends_early)
{
        char value[64] = {0}, *at = value + RESOURCE_CHECKSUM;
        struct span text, rest;
        struct variant v;

        put16(&at, 3);
        put_span(&at, SPAN("key"));
        put64(&at, 7);
        put64(&at, 8);
        put16(&at, 2);
        put_span(&at, SPAN("te"));
        cr_assert(resource_key((struct span){value, (size_t)(at - value)}, &text, &rest));
        cr_assert(span_equal(text, SPAN("key")));
        cr_assert(resource_next(&rest, &v));
        cr_assert_eq(v.id, 7);
        cr_assert_eq(v.variant, 8);
        cr_assert(span_equal(v.names, SPAN("te")));
        cr_assert_not(resource_next(&rest, &v));
        resource_key((struct span){value, (size_t)(at - value) - 1}, &text, &rest);
        cr_assert_not(resource_next(&rest, &v));
        cr_assert_not(resource_key((struct span){value, RESOURCE_CHECKSUM + 4}, &text, &rest));
        cr_assert_not(resource_key((struct span){value, RESOURCE_CHECKSUM + 1}, &text, &rest));
}
