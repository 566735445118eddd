/* The bindings over restarts: a file "bindings" in the first store's directory, replaced as a whole. */
#ifndef PROXY_BINDINGS_FILE_H
#define PROXY_BINDINGS_FILE_H

#include "proxy/bindings.h"

/* 0, ENOENT where there is none, or errno; EINVAL: it is damaged, and nothing has been taken from it. */
int bindings_file_read(struct bindings *, const char *directory);

/* 0 or errno; the file that was there then stays. It waits for the disk. */
int bindings_file_write(struct bindings *, const char *directory);

#endif
