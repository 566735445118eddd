/* What the threads that compute and read behind the event loops have in common. */
#include "cache/store_private.h"
#include "cache/time_slice.h"

void background_thread(const char *name, uint64_t slice_ns)
{
        pthread_setname_np(pthread_self(), name);
        time_slice(slice_ns);
}
