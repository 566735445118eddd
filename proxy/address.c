/* Addresses: comparing, hashing and spelling what the kernel told (ip(7), ipv6(7)). */
#include "proxy/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

socklen_t address_len(const union address *a)
{
        return a->sa.sa_family == AF_INET6 ? sizeof a->in6 : sizeof a->in;
}

uint16_t address_port(const union address *a)
{
        return ntohs(a->sa.sa_family == AF_INET6 ? a->in6.sin6_port : a->in.sin_port);
}

void address_set_port(union address *a, uint16_t port)
{
        if (a->sa.sa_family == AF_INET6)
                a->in6.sin6_port = htons(port);
        else
                a->in.sin_port = htons(port);
}

bool address_same_host(const union address *a, const union address *b)
{
        if (a->sa.sa_family != b->sa.sa_family)
                return false;
        if (a->sa.sa_family == AF_INET)
                return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
        return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof a->in6.sin6_addr) == 0;
}

bool address_equal(const union address *a, const union address *b)
{
        return address_same_host(a, b) && address_port(a) == address_port(b);
}

bool address_loopback(const union address *a)
{
        if (a->sa.sa_family == AF_INET)
                return ntohl(a->in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
        return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
}

static bool private4(uint32_t a)
{
        static const struct {
                uint32_t net;
                unsigned len;
        } nets[] = {{0x0a000000, 8},  /* 10.0.0.0 */
                    {0x64400000, 10}, /* 100.64.0.0 */
                    {0x7f000000, 8},  /* 127.0.0.0 */
                    {0xa9fe0000, 16}, /* 169.254.0.0 */
                    {0xac100000, 12}, /* 172.16.0.0 */
                    {0xc0a80000, 16} /* 192.168.0.0 */};

        for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++)
                if ((a ^ nets[i].net) >> (32 - nets[i].len) == 0)
                        return true;
        return false;
}

bool address_private(const union address *a)
{
        const struct in6_addr *six = &a->in6.sin6_addr;

        if (a->sa.sa_family == AF_INET)
                return private4(ntohl(a->in.sin_addr.s_addr));
        return IN6_IS_ADDR_LOOPBACK(six) || IN6_IS_ADDR_LINKLOCAL(six) || (six->s6_addr[0] & 0xfe) == 0xfc;
}

bool address_local(const union address *a)
{
        union address probe = *a;
        int fd = socket(a->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        bool local;

        if (fd < 0)
                return false;
        address_set_port(&probe, 0);
        local = bind(fd, &probe.sa, address_len(&probe)) == 0;
        close(fd);
        return local;
}

static uint32_t mix(uint32_t h, uint32_t word)
{
        h ^= word;
        h *= 0x9e3779b1U;
        return h ^ h >> 15;
}

uint32_t address_hash(const union address *a, uint32_t seed)
{
        uint32_t words[4];

        seed = mix(seed, address_port(a));
        if (a->sa.sa_family == AF_INET)
                return mix(seed, a->in.sin_addr.s_addr);
        memcpy(words, &a->in6.sin6_addr, sizeof words);
        for (int i = 0; i < 4; i++)
                seed = mix(seed, words[i]);
        return seed;
}

const char *address_text(const union address *a, char out[ADDRESS_TEXT])
{
        char host[INET6_ADDRSTRLEN] = "?";
        bool six = a->sa.sa_family == AF_INET6;

        if (six)
                inet_ntop(AF_INET6, &a->in6.sin6_addr, host, sizeof host);
        else
                inet_ntop(AF_INET, &a->in.sin_addr, host, sizeof host);
        snprintf(out, ADDRESS_TEXT, six ? "[%s]:%u" : "%s:%u", host, address_port(a));
        return out;
}
