/* Lines by hand: an access log is written for every request, and the printf family would be most of its price. */
#include "proxy/line.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "http/digits.h"

/* Straight into the line; where there may not be room for all of it, by way of a buffer. */
static void padded(struct line *l, uint64_t n, unsigned least, char pad)
{
        unsigned digits = digits_count(n);
        char aside[DIGITS_MAX];

        for (; least > digits; least--)
                line_char(l, pad);
        if ((size_t)(l->end - l->at) >= digits) {
                l->at += digits;
                digits_write(l->at, n);
        } else {
                digits_write(aside + digits, n);
                line_span(l, (struct span){aside, digits});
        }
}

void line_number(struct line *l, uint64_t n, unsigned digits)
{
        padded(l, n, digits, '0');
}

void line_columns(struct line *l, uint64_t n, unsigned width)
{
        padded(l, n, width, ' ');
}

static void ipv4(struct line *l, const uint8_t b[4])
{
        char text[sizeof "255.255.255.255."];
        char *at = text;

        for (int i = 0; i < 4; i++) {
                at += digits_count(b[i]);
                digits_write(at, b[i]);
                *at++ = '.';
        }
        line_span(l, (struct span){text, (size_t)(at - text) - 1});
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
