/* The table behind octet.h. */
#include "http/octet.h"

#define NAME (OCTET_TOKEN | OCTET_HOST)

const uint8_t octet_table[256] = {
        [0 ... 8] = OCTET_CONTROL,
        ['\t'] = OCTET_BLANK,
        [10 ... 31] = OCTET_CONTROL,
        [' '] = OCTET_BLANK,
        ['!'] = OCTET_TOKEN,
        ['#' ... '$'] = OCTET_TOKEN,
        ['%'] = NAME,
        ['&' ... '\''] = OCTET_TOKEN,
        ['*' ... '+'] = OCTET_TOKEN,
        ['-'] = NAME,
        ['.'] = NAME | OCTET_IPV6,
        ['0' ... '9'] = NAME | OCTET_IPV6 | OCTET_DIGIT,
        [':'] = OCTET_IPV6,
        ['A' ... 'F'] = NAME | OCTET_IPV6,
        ['G' ... 'Z'] = NAME,
        ['^'] = OCTET_TOKEN,
        ['_'] = NAME,
        ['`'] = OCTET_TOKEN,
        ['a' ... 'f'] = NAME | OCTET_IPV6,
        ['g' ... 'z'] = NAME,
        ['|'] = OCTET_TOKEN,
        ['~'] = NAME,
        [127] = OCTET_CONTROL,
};
