/* The destinations that could not be reached in the last minute, of the sets that our nft table keeps of them. */
#ifndef SETUP_HANDED_BACK_H
#define SETUP_HANDED_BACK_H

#include <sys/socket.h>

#include "setup/setup.h"

/* Those with one of the intercepted TCP ports, at most `max`. Returns how many. */
size_t handed_back_read(const struct setup_options *, struct sockaddr_storage found[], size_t max);

/* The same of what nft lists of such a set, which is changed by that. Pure. */
size_t handed_back_parse(char *listing, const struct setup_options *, struct sockaddr_storage found[], size_t max);

#endif
