/* Lines by hand: an access log is written for every request, and the printf family would be most of its price. */
#include "proxy/line.h"

#include <arpa/inet.h>
#include <netinet/in.h>

enum { DIGITS = 20 }; /* of 2^64 - 1 */

void line_span(struct line *l, struct span s)
{
        size_t room = (size_t)(l->end - l->at);
        size_t len = s.len < room ? s.len : room;

        if (len)
                memcpy(l->at, s.at, len);
        l->at += len;
}

void line_text(struct line *l, const char *text)
{
        line_span(l, (struct span){text, strlen(text)});
}

static unsigned digits_of(uint64_t n)
{
        unsigned digits = 1;

        while (n >= 10000) {
                n /= 10000;
                digits += 4;
        }
        return digits + (n >= 10) + (n >= 100) + (n >= 1000);
}

/* Straight into the line, from behind; where there may not be room for all of it, by way of a buffer. */
static void padded(struct line *l, uint64_t n, unsigned least, char pad)
{
        char aside[DIGITS];
        unsigned digits = digits_of(n);
        bool fits = (size_t)(l->end - l->at) >= digits + least;
        char *at;

        while (least > digits) {
                line_char(l, pad);
                least--;
        }
        at = (fits ? l->at : aside) + digits;
        do
                *--at = (char)('0' + n % 10);
        while ((n /= 10) > 0);
        if (fits)
                l->at += digits;
        else
                line_span(l, (struct span){aside, digits});
}

void line_number(struct line *l, uint64_t n, unsigned digits)
{
        padded(l, n, digits, '0');
}

void line_columns(struct line *l, uint64_t n, unsigned width)
{
        padded(l, n, width, ' ');
}

static void octet(struct line *l, unsigned n)
{
        if (n >= 100)
                line_char(l, (char)('0' + n / 100));
        if (n >= 10)
                line_char(l, (char)('0' + n / 10 % 10));
        line_char(l, (char)('0' + n % 10));
}

static void ipv4(struct line *l, const uint8_t b[4])
{
        for (int i = 0; i < 4; i++) {
                if (i)
                        line_char(l, '.');
                octet(l, b[i]);
        }
}

static void ipv6(struct line *l, const struct in6_addr *a)
{
        char text[INET6_ADDRSTRLEN];

        line_text(l, inet_ntop(AF_INET6, a, text, sizeof text) ? text : "-");
}

/* The four bytes of an IPv4 address, also of one in IPv6's clothes; NULL: it is none. */
static const uint8_t *ipv4_bytes(const struct sockaddr *a)
{
        const struct in6_addr *six;

        if (a->sa_family == AF_INET)
                return (const uint8_t *)&((const struct sockaddr_in *)(const void *)a)->sin_addr;
        if (a->sa_family != AF_INET6)
                return NULL;
        six = &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
        return IN6_IS_ADDR_V4MAPPED(six) ? six->s6_addr + 12 : NULL;
}

void line_address(struct line *l, const struct sockaddr *a)
{
        const uint8_t *four = a ? ipv4_bytes(a) : NULL;

        if (four)
                ipv4(l, four);
        else if (a && a->sa_family == AF_INET6)
                ipv6(l, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
        else
                line_char(l, '-');
}

void line_endpoint(struct line *l, const struct sockaddr *a, uint16_t port)
{
        bool brackets = a && a->sa_family == AF_INET6 && !ipv4_bytes(a);

        if (brackets)
                line_char(l, '[');
        line_address(l, a);
        if (brackets)
                line_char(l, ']');
        if (port) {
                line_char(l, ':');
                line_number(l, port, 1);
        }
}
