/* Growing text. */
#include "setup/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool reserve(struct setup_text *t, size_t more)
{
        size_t cap = t->cap ? t->cap : 256;
        char *at;

        while (cap < t->len + more + 1)
                cap *= 2;
        if (cap == t->cap)
                return true;
        at = realloc(t->at, cap);
        if (!at)
                return false;
        t->at = at;
        t->cap = cap;
        return true;
}

bool text_add(struct setup_text *t, const char *format, ...)
{
        va_list args, again;
        int n;

        va_start(args, format);
        va_copy(again, args);
        n = vsnprintf(NULL, 0, format, args);
        va_end(args);
        if (n >= 0 && reserve(t, (size_t)n)) {
                vsnprintf(t->at + t->len, (size_t)n + 1, format, again);
                t->len += (size_t)n;
        } else {
                n = -1;
        }
        va_end(again);
        return n >= 0;
}

void setup_text_free(struct setup_text *t)
{
        free(t->at);
        *t = (struct setup_text){NULL, 0, 0};
}
