/* What is to be done with a request: the verdict, before any look-up (design.md §2, §5; cases.md F, H, M). */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "http/parse.h"

enum request_verdict {
        REQUEST_LOOKUP, /* GET or HEAD that may be answered from the store and whose reply may be stored */
        REQUEST_PASS,   /* forwarded to the original destination: no look-up, nothing stored */
        REQUEST_TUNNEL, /* CONNECT: becomes a tunnel to the original destination (M2) */
        REQUEST_ANSWER, /* TRACE or OPTIONS with Max-Forwards: 0: answered here (M1) with `status` */
        REQUEST_REFUSE  /* answered with `status`, closed */
};

struct request_decision {
        enum request_verdict verdict;
        uint16_t status; /* for ANSWER and REFUSE */
        const char *why; /* a constant phrase; for PASS it is Cache-Status's detail */
        struct span
                host;  /* of the target URI, as it was spelt, IPv6 in brackets; empty where there is none (HTTP/1.0) */
        uint16_t port; /* of the target URI; 80 if it has none */
        struct span path;     /* path and query, byte-exact; "*" for OPTIONS * */
        bool expect_continue; /* Expect: 100-continue */
        bool keeps_post;      /* PASS, but nothing besides the method stands against storing the reply of this POST */
        bool first_only;      /* REFUSE only if it is not the connection's first message, else it is tunnelled (T/R) */
};

/* `port` is the port that was dialled (original destination). Absolute-form targets are taken apart here. Host checks:
 * H2-H5. */
void request_decide(const struct message *, uint16_t port, struct request_decision *);

/* Whether a method may be sent again on a new connection if an idle one turned out dead (RFC 9110 §9.2.2). */
bool method_idempotent(enum method);
bool method_safe(enum method);

/* NTLM, Negotiate or Kerberos in Authorization, WWW-Authenticate or the Proxy- ones (H12): the connection itself is
 * what is authenticated, and must stay this client connection's own. */
bool message_authenticates_connection(const struct message *);

#endif
