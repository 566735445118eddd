/* The directories that the proxy needs, made before anybody gives privileges away. */
#ifndef PROXY_FOLDERS_H
#define PROXY_FOLDERS_H

#include "proxy/config.h"

/* Makes what is missing and gives it to the proxy's user; what exists is left as it is. What fails is said in the log
 * and is not fatal: the proxy goes on without a store, a log or a control socket. */
void folders_make(const struct config *);

/* Whether all are there, or may be, for somebody who cannot look into every one. What is missing is said in the log. */
bool folders_there(const struct config *);

#endif
