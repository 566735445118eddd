/* What is counted. Each worker has its own `struct counters`, written by that worker alone (relaxed stores, no locked
 * instruction) and read by the admin thread; one table names them all for the page, the API, /metrics and `limpid
 * stats`. */
#ifndef PROXY_COUNTERS_H
#define PROXY_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

/* X(name, kind, help): kind is counter or gauge */
#define COUNTERS(X)                                                                                                    \
        X(connections, counter, "client connections accepted")                                                         \
        X(clients_crowded, counter, "times that a client had too many connections, so that its new ones went direct")  \
        X(connections_open, gauge, "client connections open now")                                                      \
        X(requests, counter, "requests answered")                                                                      \
        X(hits, counter, "requests answered from a store without asking the origin")                                   \
        X(collapsed, counter, "of these, requests that another client's fetch under way has answered")                 \
        X(revalidated, counter, "requests answered from a store after the origin said 304")                            \
        X(misses, counter, "requests fetched from the origin that could have been stored")                             \
        X(passed, counter, "requests passed to the origin without look-up")                                            \
        X(refused, counter, "requests refused as malformed")                                                           \
        X(errors, counter, "requests that ended in an error of the origin or of Limpid")                               \
        X(aborted, counter, "requests whose client went away")                                                         \
        X(tunnels, counter, "connections tunnelled")                                                                   \
        X(stored, counter, "responses handed to a store")                                                              \
        X(bytes_clients, counter, "bytes sent to clients")                                                             \
        X(bytes_stored, counter, "bytes sent to clients that came from a store")                                       \
        X(bytes_origins, counter, "bytes received from origins")                                                       \
        X(upstream_connects, counter, "connections opened to origins")                                                 \
        X(upstream_reuses, counter, "requests sent over a connection that was open already")                           \
        X(upstream_failures, counter, "destinations that could not be reached")                                        \
        X(unspoofed, counter, "connections to origins made without the client's address")                              \
        X(flows, counter, "flows of datagrams begun")                                                                  \
        X(flows_open, gauge, "flows of datagrams open now")                                                            \
        X(flows_evicted, counter, "flows of datagrams that made room for newer ones")                                  \
        X(datagrams, counter, "datagrams relayed, both ways")                                                          \
        X(datagrams_dropped, counter, "datagrams that could not be relayed")                                           \
        X(dns_queries, counter, "DNS queries relayed")                                                                 \
        X(dns_rejected, counter, "datagrams dropped that came as replies to these and were none")                      \
        X(dns_learnt, counter, "addresses learnt from replies of trusted resolvers")                                   \
        X(lookups, counter, "names that resolvers were asked for")                                                     \
        X(lookups_failed, counter, "of these, names for which no address was answered")                                \
        X(resolver_answers, gauge, "1 while a resolver answers, so that names are looked up")                          \
        X(bindings, gauge, "pairs of host and address that are known to belong together")

enum counter_id {
#define COUNTER_ID(name, kind, help) COUNTER_##name,
        COUNTERS(COUNTER_ID)
#undef COUNTER_ID
                COUNTER_IDS
};

struct counters {
        _Alignas(64) _Atomic uint64_t value[COUNTER_IDS];
};

static inline void count(struct counters *c, enum counter_id id, int64_t n)
{
        uint64_t v = atomic_load_explicit(&c->value[id], memory_order_relaxed);
        atomic_store_explicit(&c->value[id], v + (uint64_t)n, memory_order_relaxed);
}

#endif
