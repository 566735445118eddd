/* Decimal digits by hand: each request has a dozen numbers to write, in its head and in its log line. */
#ifndef HTTP_DIGITS_H
#define HTTP_DIGITS_H

#include <stdint.h>
#include <string.h>

enum { DIGITS_MAX = 20 }; /* of 2^64 - 1 */

/* "00" to "99", one after the other. */
extern const char digit_pairs[200];

/* How many digits a number has; 1 for 0. */
static inline unsigned digits_count(uint64_t n)
{
        unsigned digits = 1;

        while (n >= 10000) {
                n /= 10000;
                digits += 4;
        }
        return digits + (n >= 10) + (n >= 100) + (n >= 1000);
}

/* Writes a number so that its last digit lies before `end`; its digits_count() bytes in front of that must be the
 * caller's. */
static inline void digits_write(char *end, uint64_t n)
{
        for (; n >= 100; n /= 100)
                memcpy(end -= 2, digit_pairs + n % 100 * 2, 2);
        if (n >= 10)
                memcpy(end - 2, digit_pairs + n * 2, 2);
        else
                end[-1] = (char)('0' + n);
}

#endif
