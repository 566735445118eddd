/* cases.md F10-F12, F15, R1, R2, R5, R9: bodies. */
#include "http/parse.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

struct read_body {
        enum body_event end;
        char data[4096];
        size_t len, used;
        char trailers[10000];
        size_t trailers_len;
};

static struct message framed(enum framing framing, uint64_t length)
{
        return (struct message){.framing = (uint8_t)framing, .length = length};
}

/* Reads `in` in pieces of `step` bytes until it ends, breaks or asks for more. */
static struct read_body read_in_steps(enum framing framing, uint64_t length, struct span in, size_t step)
{
        static struct read_body r;
        struct message m = framed(framing, length);
        body_storage storage;
        struct body *b = body_start(&storage, &m);
        memset(&r, 0, sizeof r);
        r.end = BODY_MORE;
        size_t there = 0;
        do {
                there = there + step < in.len ? there + step : in.len;
                do {
                        struct span data;
                        size_t used;
                        r.end = body_read(b, (struct span){in.at + r.used, there - r.used}, &data, &used);
                        r.used += used;
                        if (r.end == BODY_DATA && r.len + data.len <= sizeof r.data)
                                memcpy(r.data + r.len, data.at, data.len);
                        r.len += data.len;
                } while (r.end == BODY_DATA);
        } while (r.end == BODY_MORE && there < in.len);
        struct span trailers = body_trailers(b);
        r.trailers_len = trailers.len;
        if (trailers.len)
                memcpy(r.trailers, trailers.at, trailers.len);
        if (r.end == BODY_MORE)
                r.end = body_eof(b) == BODY_END ? BODY_END : BODY_MORE;
        body_stop(b);
        return r;
}

/* All at once, byte by byte, and in threes: the same. */
static struct read_body read_all(enum framing framing, uint64_t length, struct span in)
{
        struct read_body slow = read_in_steps(framing, length, in, 1);
        struct read_body threes = read_in_steps(framing, length, in, 3);
        struct read_body once = read_in_steps(framing, length, in, in.len + 1);
        cr_expect_eq(once.end, slow.end);
        cr_expect_eq(once.end, threes.end);
        if (once.end == BODY_END) {
                cr_expect(once.len == slow.len && once.used == slow.used && once.trailers_len == slow.trailers_len);
                cr_expect(once.len == threes.len && once.used == threes.used);
                cr_expect_eq(memcmp(once.data, slow.data, once.len), 0);
        }
        return once;
}

#define CHUNKED(text) read_all(FRAMING_CHUNKED, 0, SPAN(text))
#define BROKEN(text)  cr_expect_eq(CHUNKED(text).end, BODY_FAULT, "%s", #text)

static void expect_body(struct read_body r, struct span text, size_t used)
{
        cr_expect_eq(r.end, BODY_END);
        cr_expect(span_equal((struct span){r.data, r.len}, text), "got \"%.*s\"", (int)r.len, r.data);
        cr_expect_eq(r.used, used);
}

Test(body, a_message_without_body_ends_at_once)
{
        expect_body(read_all(FRAMING_NONE, 5, SPAN("GET / ")), SPAN(""), 0);
        expect_body(read_all(FRAMING_LENGTH, 0, SPAN("GET / ")), SPAN(""), 0);
}

Test(body, F15_a_length_ends_the_body_and_no_later_byte_is_taken)
{
        expect_body(read_all(FRAMING_LENGTH, 3, SPAN("abcGET /")), SPAN("abc"), 3);
}

Test(body, R5_a_body_shorter_than_its_length_is_cut_short)
{
        struct message m = framed(FRAMING_LENGTH, 4);
        body_storage storage;
        struct body *b = body_start(&storage, &m);
        struct span data;
        size_t used;
        cr_expect_eq(body_eof(b), BODY_FAULT);
        cr_expect_eq(body_read(b, SPAN("abc"), &data, &used), BODY_DATA);
        cr_expect_eq(body_left(b), 1);
        cr_expect_eq(body_read(b, SPAN(""), &data, &used), BODY_MORE);
        cr_expect_eq(body_eof(b), BODY_FAULT);
        cr_expect_eq(body_read(b, SPAN("d"), &data, &used), BODY_DATA);
        cr_expect_eq(body_eof(b), BODY_END);
        cr_expect_eq(body_read(b, SPAN(""), &data, &used), BODY_END);
        body_stop(b);
}

Test(body, a_body_to_the_close_ends_there)
{
        struct message m = framed(FRAMING_CLOSE, 0);
        body_storage storage;
        struct body *b = body_start(&storage, &m);
        struct span data;
        size_t used;
        cr_expect_eq(body_read(b, SPAN("abc"), &data, &used), BODY_DATA);
        cr_expect_eq(body_left(b), UINT64_MAX);
        cr_expect_eq(body_read(b, SPAN(""), &data, &used), BODY_MORE);
        cr_expect_eq(body_eof(b), BODY_END);
        body_stop(b);
}

Test(body, chunks_are_joined)
{
        expect_body(CHUNKED("3\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\nGET"), SPAN("abc0123456789"), 29);
        expect_body(CHUNKED("0\r\n\r\n"), SPAN(""), 5);
        expect_body(CHUNKED("000\r\n\r\n"), SPAN(""), 7);
        expect_body(CHUNKED("1;a=b;c=\"d;\"\r\nx\r\n0;z\r\n\r\n"), SPAN("x"), 24);
        expect_body(CHUNKED("1 \t;a\r\nx\r\n0\r\n\r\n"), SPAN("x"), 15);
}

Test(body, R5_chunks_without_a_last_one_are_cut_short)
{
        cr_expect_eq(CHUNKED("3\r\nabc\r\n").end, BODY_MORE);
        cr_expect_eq(CHUNKED("3\r\nab").end, BODY_MORE);
        cr_expect_eq(CHUNKED("0\r\n").end, BODY_MORE);
        cr_expect_eq(CHUNKED("0\r\nA: b\r\n").end, BODY_MORE);
        cr_expect_eq(CHUNKED("").end, BODY_MORE);
}

Test(body, F10_chunk_sizes_that_are_no_number_are_refused)
{
        BROKEN("0x3\r\nabc\r\n0\r\n\r\n");
        BROKEN("+3\r\nabc\r\n");
        BROKEN("-3\r\nabc\r\n");
        BROKEN("0_2e\r\n");
        BROKEN("3 \r\nabc\r\n");
        BROKEN("3\t\r\nabc\r\n");
        BROKEN(" 3\r\nabc\r\n");
        BROKEN("3\0\r\nabc\r\n");
        BROKEN("\r\n");
        BROKEN(";a\r\n");
        BROKEN("g\r\n");
        BROKEN("3 a\r\nabc\r\n");
}

Test(body, F10_chunk_sizes_near_2_to_the_64_are_refused)
{
        BROKEN("FFFFFFFFFFFFFFED\r\n");
        BROKEN("ffffffffffffffff\r\n");
        BROKEN("10000000000000000\r\n");
        BROKEN("10000000000000003\r\nabc\r\n");
        cr_expect_eq(CHUNKED("fffffffffffffff\r\nabc").len, 3);
}

Test(body, F10_more_data_than_the_chunk_size_says_is_refused)
{
        BROKEN("3\r\nabcd\r\n0\r\n\r\n");
        BROKEN("3\r\nabc0\r\n\r\n");
        BROKEN("3\r\nabc\n0\r\n\r\n");
        BROKEN("3\r\nabc\rx");
}

Test(body, F11_stray_line_ends_in_a_chunk_line_are_refused)
{
        BROKEN("3\nabc\r\n");
        BROKEN("3\rabc\r\n");
        BROKEN("3;a\nabc\r\n");
        BROKEN("3;a\rb\r\nabc\r\n");
        BROKEN("3;\"\n\"\r\nabc\r\n");
        BROKEN("3;\0\r\nabc\r\n");
        BROKEN("3;a\r\r\nabc\r\n");
        BROKEN("0\r\n\n");
        BROKEN("0\r\n\r\r");
}

/* How many bytes of an endless run of `c` after `start` are taken before the body is given up. */
static size_t taken_before_fault(const char *start, char c)
{
        struct message m = framed(FRAMING_CHUNKED, 0);
        body_storage storage;
        struct body *b = body_start(&storage, &m);
        struct span data;
        size_t used, total = 0;
        body_read(b, (struct span){start, strlen(start)}, &data, &used);
        while (total < 64 << 20 && body_read(b, (struct span){&c, 1}, &data, &used) == BODY_MORE)
                total++;
        body_stop(b);
        return total;
}

Test(body, F11_endless_extensions_zeros_and_blanks_are_cut)
{
        cr_expect_eq(taken_before_fault("3;", 'a'), 4094);
        cr_expect_eq(taken_before_fault("0", '0'), 4095);
        cr_expect_eq(taken_before_fault("3 ", ' '), 4094);
}

Test(body, F12_trailers_are_kept_but_for_those_that_must_not_be)
{
        struct read_body r = CHUNKED(
                "0\r\nX-Sum: abc\r\nContent-Length: 5\r\nHost: a\r\ntransfer-encoding: chunked\r\nSet-Cookie: a\r\n"
                "Y:\r\n\r\nGET");
        cr_expect_eq(r.end, BODY_END);
        cr_expect(span_equal((struct span){r.trailers, r.trailers_len}, SPAN("X-Sum: abc\r\nY:\r\n")));
        cr_expect_eq(CHUNKED("0\r\n\r\n").trailers_len, 0);
        cr_expect_eq(CHUNKED("0\r\nHost: a\r\n\r\n").trailers_len, 0);
}

Test(body, F12_malformed_trailers_are_refused)
{
        BROKEN("0\r\nA : b\r\n\r\n");
        BROKEN("0\r\n: b\r\n\r\n");
        BROKEN("0\r\nA\r\n\r\n");
        BROKEN("0\r\nA: b\r\n c\r\n\r\n");
        BROKEN("0\r\n A: b\r\n\r\n");
        BROKEN("0\r\nA: b\n\r\n");
        BROKEN("0\r\nA: b\rc\r\n\r\n");
        BROKEN("0\r\nA: \0\r\n\r\n");
}

Test(body, F12_trailers_are_capped_in_bytes_and_lines)
{
        cr_expect_eq(taken_before_fault("0\r\nA:", 'a'), 8190);
        char text[1024] = "0\r\n";
        size_t len = 3;
        for (int i = 0; i < 64; i++, len += 4)
                memcpy(text + len, "A:\r\n", 4);
        memcpy(text + len, "\r\n", 2);
        cr_expect_eq(read_all(FRAMING_CHUNKED, 0, (struct span){text, len + 2}).end, BODY_END);
        memcpy(text + len, "A:\r\n\r\n", 6);
        cr_expect_eq(read_all(FRAMING_CHUNKED, 0, (struct span){text, len + 6}).end, BODY_FAULT);
}

Test(body, F12_left_out_trailers_count_too)
{
        char *text = malloc(20000);
        size_t len = (size_t)sprintf(text, "0\r\n");
        for (int i = 0; i < 60; i++)
                len += (size_t)sprintf(text + len, "Host: %0200d\r\n", 0);
        len += (size_t)sprintf(text + len, "\r\n");
        cr_expect_eq(read_all(FRAMING_CHUNKED, 0, (struct span){text, len}).end, BODY_FAULT);
        free(text);
}

Test(body, R9_ten_million_chunks_of_one_byte)
{
        struct message m = framed(FRAMING_CHUNKED, 0);
        body_storage storage;
        struct body *b = body_start(&storage, &m);
        char block[6 * 1000];
        uint64_t total = 0;
        for (size_t i = 0; i < sizeof block; i += 6)
                memcpy(block + i, "1\r\nx\r\n", 6);
        for (int i = 0; i < 10000; i++) {
                struct span in = {block, sizeof block}, data;
                size_t used;
                while (body_read(b, in, &data, &used) == BODY_DATA) {
                        total += data.len;
                        in = (struct span){in.at + used, in.len - used};
                }
        }
        cr_expect_eq(total, 10000000);
        body_stop(b);
}

Test(body, a_fault_and_an_end_stay)
{
        struct message m = framed(FRAMING_CHUNKED, 0);
        body_storage storage;
        struct body *b = body_start(&storage, &m);
        struct span data;
        size_t used;
        cr_expect_eq(body_read(b, SPAN("x"), &data, &used), BODY_FAULT);
        cr_expect_eq(body_read(b, SPAN("0\r\n\r\n"), &data, &used), BODY_FAULT);
        cr_expect_eq(body_eof(b), BODY_FAULT);
        cr_expect_eq(body_left(b), UINT64_MAX);
        body_stop(b);
        b = body_start(&storage, &m);
        cr_expect_eq(body_read(b, SPAN("0\r\n\r\n"), &data, &used), BODY_END);
        cr_expect_eq(body_read(b, SPAN("x"), &data, &used), BODY_END);
        cr_expect_eq(used, 0);
        cr_expect_eq(body_eof(b), BODY_END);
        body_stop(b);
        body_stop(b); /* nothing is freed twice */
}
