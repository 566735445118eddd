/* What `limpid why` prints of an answer (why.h). */
#ifndef PROXY_WHY_TEXT_H
#define PROXY_WHY_TEXT_H

#include <jansson.h>
#include <stdio.h>

/* Members that are missing are left out; no control character of the answer reaches the terminal. */
void why_text(FILE *, const json_t *why);

#endif
