/* SipHash: four words are stirred twice for every eight bytes of input, four times at the end. */
#include "http/digest.h"

static uint64_t rotate(uint64_t x, unsigned bits)
{
        return x << bits | x >> (64 - bits);
}

static void stir(uint64_t v[4], int rounds)
{
        while (rounds-- > 0) {
                v[0] += v[1];
                v[1] = rotate(v[1], 13) ^ v[0];
                v[0] = rotate(v[0], 32);
                v[2] += v[3];
                v[3] = rotate(v[3], 16) ^ v[2];
                v[0] += v[3];
                v[3] = rotate(v[3], 21) ^ v[0];
                v[2] += v[1];
                v[1] = rotate(v[1], 17) ^ v[2];
                v[2] = rotate(v[2], 32);
        }
}

static void absorb(struct digest *d, uint64_t word)
{
        d->v[3] ^= word;
        stir(d->v, 2);
        d->v[0] ^= word;
}

void digest_begin(struct digest *d, uint64_t key0, uint64_t key1)
{
        static const char text[] = "somepseudorandomlygeneratedbytes"; /* the initial words, big-endian */
        *d = (struct digest){.len = 0};
        for (int i = 0; i < 32; i++)
                d->v[i / 8] = d->v[i / 8] << 8 | (unsigned char)text[i];
        d->v[0] ^= key0;
        d->v[1] ^= key1;
        d->v[2] ^= key0;
        d->v[3] ^= key1;
}

void digest_byte(struct digest *d, unsigned char c)
{
        d->word |= (uint64_t)c << 8 * (d->len % 8);
        if (++d->len % 8 == 0) {
                absorb(d, d->word);
                d->word = 0;
        }
}

void digest_span(struct digest *d, struct span s)
{
        for (size_t i = 0; i < s.len; i++)
                digest_byte(d, (unsigned char)s.at[i]);
}

uint64_t digest_end(struct digest *d)
{
        absorb(d, d->word | d->len << 56);
        d->v[2] ^= 0xff;
        stir(d->v, 4);
        return d->v[0] ^ d->v[1] ^ d->v[2] ^ d->v[3];
}
