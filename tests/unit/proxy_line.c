/* Numbers and addresses as text, never past the end. */
#include "proxy/line.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>

struct written {
        char bytes[64];
        struct line line;
};

static void begin(struct written *w, size_t room)
{
        memset(w->bytes, 0, sizeof w->bytes);
        w->line = (struct line){w->bytes, w->bytes + room};
}

static struct sockaddr_in6 address6(const char *text)
{
        struct sockaddr_in6 a = {.sin6_family = AF_INET6};

        cr_assert_eq(inet_pton(AF_INET6, text, &a.sin6_addr), 1);
        return a;
}

static void expect_address(const struct sockaddr *a, const char *address, const char *endpoint)
{
        struct written w;

        begin(&w, 60);
        line_address(&w.line, a);
        cr_expect_str_eq(w.bytes, address);
        begin(&w, 60);
        line_endpoint(&w.line, a, 80);
        cr_expect_str_eq(w.bytes, endpoint);
}

Test(line, numbers_of_every_size)
{
        struct written w;

        begin(&w, 60);
        line_number(&w.line, 0, 1);
        line_char(&w.line, ' ');
        line_number(&w.line, UINT64_MAX, 1);
        line_char(&w.line, ' ');
        line_number(&w.line, 7, 3);
        line_char(&w.line, ' ');
        line_number(&w.line, 1234, 3);
        cr_expect_str_eq(w.bytes, "0 18446744073709551615 007 1234");
}

Test(line, columns_are_filled_with_blanks)
{
        struct written w;

        begin(&w, 60);
        line_columns(&w.line, 42, 6);
        cr_expect_str_eq(w.bytes, "    42");
}

Test(line, what_does_not_fit_is_cut)
{
        struct written w;

        begin(&w, 5);
        line_number(&w.line, 123, 1);
        line_text(&w.line, "abcdef");
        line_char(&w.line, 'x');
        line_span(&w.line, (struct span){NULL, 0});
        cr_expect_str_eq(w.bytes, "123ab");
}

Test(line, ipv4)
{
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000201)};

        expect_address((const struct sockaddr *)&a, "192.0.2.1", "192.0.2.1:80");
}

Test(line, ipv6)
{
        struct sockaddr_in6 a = address6("2001:db8::1");

        expect_address((const struct sockaddr *)&a, "2001:db8::1", "[2001:db8::1]:80");
}

Test(line, ipv4_in_ipv6_is_ipv4)
{
        struct sockaddr_in6 a = address6("::ffff:192.0.2.7");

        expect_address((const struct sockaddr *)&a, "192.0.2.7", "192.0.2.7:80");
}

Test(line, no_address)
{
        struct sockaddr a = {.sa_family = AF_UNIX};

        expect_address(NULL, "-", "-:80");
        expect_address(&a, "-", "-:80");
}
