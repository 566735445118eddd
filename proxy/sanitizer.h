/* Whether this build carries a sanitizer. Its run time looks for leaks at the end by tracing its own threads, which the
 * confined proxy may not do otherwise. */
#ifndef PROXY_SANITIZER_H
#define PROXY_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZER 1
#endif
#endif
#ifndef SANITIZER
#define SANITIZER 0
#endif

#endif
