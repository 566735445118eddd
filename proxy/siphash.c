/* Four words of state; each eight bytes of input are mixed in by two rounds, each half of the output is drawn after
 * four. */
#include "proxy/siphash.h"

#include <endian.h>

struct state {
        uint64_t a, b, c, d;
};

static uint64_t rotate(uint64_t x, unsigned bits)
{
        return x << bits | x >> (64U - bits);
}

static uint64_t word(const void *at)
{
        uint64_t x;

        memcpy(&x, at, sizeof x);
        return le64toh(x);
}

static void mix(struct state *s, unsigned rounds)
{
        while (rounds--) {
                s->a += s->b;
                s->b = rotate(s->b, 13) ^ s->a;
                s->a = rotate(s->a, 32);
                s->c += s->d;
                s->d = rotate(s->d, 16) ^ s->c;
                s->a += s->d;
                s->d = rotate(s->d, 21) ^ s->a;
                s->c += s->b;
                s->b = rotate(s->b, 17) ^ s->c;
                s->c = rotate(s->c, 32);
        }
}

static void absorb(struct state *s, uint64_t x)
{
        s->d ^= x;
        mix(s, 2);
        s->a ^= x;
}

static uint64_t draw(struct state *s)
{
        mix(s, 4);
        return s->a ^ s->b ^ s->c ^ s->d;
}

void siphash(const uint8_t key[SIPHASH_KEY], struct span input, uint64_t out[2])
{
        uint64_t low = word(key), high = word(key + 8);
        struct state s = {0x736f6d6570736575 ^ low, 0x646f72616e646f6d ^ high ^ 0xee, 0x6c7967656e657261 ^ low,
                          0x7465646279746573 ^ high};
        uint8_t last[8] = {0};
        size_t whole = input.len & ~(size_t)7;

        for (size_t i = 0; i < whole; i += 8)
                absorb(&s, word(input.at + i));
        if (input.len > whole)
                memcpy(last, input.at + whole, input.len - whole);
        last[7] = (uint8_t)input.len;
        absorb(&s, word(last));
        s.c ^= 0xee;
        out[0] = draw(&s);
        s.b ^= 0xdd;
        out[1] = draw(&s);
}
