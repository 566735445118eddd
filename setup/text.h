/* Growing text, for what the operator or a shell reads. */
#ifndef SETUP_TEXT_H
#define SETUP_TEXT_H

#include "setup/setup.h"

/* Appends. False: out of memory; what was there stays. */
bool text_add(struct setup_text *, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
